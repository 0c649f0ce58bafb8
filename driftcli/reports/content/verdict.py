"""The verdict in sentences: what was decided, how sure, how much, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core import sentences
from driftcli.core.findings import HeadlineResult
from driftcli.reports.content import numbers
from driftcli.reports.content.words import only_mix, rule, words
from driftcli.reports.layout.document import Banner

if TYPE_CHECKING:
    from driftcli.core.report import Outcome, Report, Verdict

MOST_WORDS = 3
"""Words of an old result's diagnosis that its headline says."""
LABELS: dict[Outcome, str] = {
    "pass": "PASS", "warn": "WARN", "drift": "DRIFT", "inconclusive": "INCONCLUSIVE", "rule_failed": "RULE FAILED",
    "differs": "DIFFERS", "alarm": "ALARM",
}  # fmt: skip


def banner(report: Report) -> Banner:
    """The verdict as it stands above a report."""
    sure = "" if report.verdict == "inconclusive" else evidence(report)
    state: Verdict = "warn" if report.outcome == "differs" else report.verdict
    state = "drift" if report.exit_code == 1 or report.outcome == "alarm" else state
    return Banner(state, label(report), told(report), f"{exit_words(report)}.", sure, _figures(report))


def _figures(report: Report) -> tuple[tuple[str, str], ...]:
    """What stands in numbers below the sentence."""
    gate = report.gate
    differ = report.verdict in ("drift", "warn") and numbers.known(gate.effect_lower) and gate.effect_lower
    tested = [("p-value", numbers.p_value(gate.p_value, gate.alpha)), ("alpha", numbers.p_value(gate.alpha))]
    bound = [("images that differ", f"≥ {numbers.at_least(gate.effect_lower, gate.tolerance)}")]
    return (
        *(tested if numbers.known(gate.p_value) else []), *(bound if differ else []),
        ("images", numbers.count(report.batch.images)), ("in the baseline", numbers.count(report.reference.images)),
        ("exit code", str(report.exit_code)),
    )  # fmt: skip


def label(report: Report) -> str:
    """For the eye; a broken rule goes before a verdict that would let the batch through."""
    return LABELS[report.outcome]


def broken(report: Report) -> tuple[str, ...]:
    """The rules that failed, with their values."""
    return tuple(rule(found) for found in report.rules if found.failed)


def failed(report: Report) -> bool:
    """Whether the gate failed, even one that was told to return 0: this batch, a rule, or all checks together."""
    return report.exit_code == 1 or _found(report)


def _found(report: Report) -> bool:
    """Whether there is something that fails a gate: drift, a broken rule, or the alarm of all checks where they decide."""
    together = report.verdict == "drift" if report.sequence is None else report.sequence.alarm
    return together or any(rule.failed for rule in report.rules)


def headline(report: Report) -> str:
    """The verdict in one sentence, and the exit code."""
    return f"{told(report)} {exit_words(report)}."


def told(report: Report) -> str:
    """The sentence on this batch; where all checks decide together, with what they say."""
    found, said = report.sequence, sentence(report)
    if found is None or report.verdict == "inconclusive":
        return said
    evidence, limit = numbers.value(found.value), numbers.value(found.threshold)
    if found.alarm:
        return f"All checks together have found a change (evidence {evidence}, alarm at {limit}). {said}"
    if report.verdict != "drift":
        return said
    return f"{said} No alarm yet: the evidence of all checks together is {evidence}, alarm at {limit}."


def sentence(report: Report) -> str:
    """What is different, for somebody who has never heard of p-values: the one sentence that every format says first."""
    if report.verdict == "inconclusive":
        return _not_audited(report)
    said = _difference(report)
    failed = "; ".join(broken(report))
    if report.verdict == "warn":
        as_good = "but no farther than good groups lie from one another"
        said = (
            f"{said}, within the tolerance ({_tolerated(report)})"
            if report.gate.good_days is None
            else f"{said}, {as_good}"
        )
    if failed and report.verdict in ("pass", "warn"):
        return f"{failed[:1].upper()}{failed[1:]}; the drift test itself says {report.verdict}: {said}."
    return f"{said}. A rule failed too: {failed}." if failed else f"{said}."


def _difference(report: Report) -> str:
    """The headline; of a result of 0.1.0 what its facts still tell: no likeness, for those were named too easily."""
    images = report.batch.images
    if report.headline is not None:
        return sentences.headline(report.headline, images)
    words = tuple(dict.fromkeys(one.word for one in report.diagnosis if one.word))[:MOST_WORDS]
    if report.verdict == "pass":
        facts = HeadlineResult("", "same")
    elif report.composition is not None and only_mix(report):
        facts = HeadlineResult("", "mix", shares=report.composition.shares)
    elif words:
        facts = HeadlineResult("", "look", words=words)
    else:
        return f"{sentences.these(images)} {'does' if images == 1 else 'do'} not look like the baseline"
    return sentences.headline(facts, images)


def exit_words(report: Report) -> str:
    """`Exit 0`, with the reason where the verdict alone does not explain it."""
    code = report.exit_code
    if report.verdict == "inconclusive" or code not in (0, 1):
        return f"Exit {code}"
    stopped = _found(report)
    if code == 0 and stopped:
        return "Exit 0, because this gate was told not to fail"
    return f"Exit {code}" + (
        ", because this gate was told to fail on warnings" if code and not stopped else ""
    )


def _tolerated(report: Report) -> str:
    gate = report.gate
    tolerated = f"{numbers.percent(gate.tolerance)} is tolerated"
    if numbers.known(gate.effect_lower) and gate.effect_lower:
        bound = numbers.at_least(gate.effect_lower, gate.tolerance)
        return f"at least {bound} of the images differ, {tolerated}"
    return tolerated


def _not_audited(report: Report) -> str:
    why = report.reasons[0].strip().rstrip(".") if report.reasons else "no reason was given"
    return f"Not audited: {why}."


def remedies(report: Report) -> tuple[str, ...]:
    """What to do about an inconclusive check: all its reasons but the first, which says why."""
    return report.reasons[1:] or (
        "Nothing was decided about these images: correct what is named above and check again.",
    )


def evidence(report: Report) -> str:
    """How sure and how much, in one line: the bound on the share of images that differ, p and alpha."""
    gate = report.gate
    parts = [
        f"{numbers.p_phrase(gate.p_value, gate.permutations, gate.alpha)}, alpha {numbers.p_value(gate.alpha)}"
    ]
    if numbers.known(gate.effect_lower) and gate.effect_lower and report.verdict == "drift":
        family = f" ({words(gate.effect_family)})" if gate.effect_family else ""
        parts.insert(
            0, f"At least {numbers.at_least(gate.effect_lower, gate.tolerance)} of them differ{family}"
        )
    if 0 < gate.images_tested < report.batch.images:
        parts.append(
            f"{numbers.count(gate.images_tested)} of the {numbers.count(report.batch.images)} images were tested"
        )
    return "; ".join(parts) + "."
