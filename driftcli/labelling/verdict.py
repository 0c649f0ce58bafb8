"""From labels to a result: limits that were asked for, and what should be said beside the figures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from driftcli.core.amounts import percent as in_percent
from driftcli.core.errors import UsageError
from driftcli.core.score_report import BaselineAccuracy, MonitorResult, QueueFacts, ScoreReport, ScoreRule
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.core.version import version
from driftcli.labelling import parts, performance
from driftcli.labelling.estimates import Estimate, drop, wilson
from driftcli.labelling.performance import Labelled

ALPHA = 0.05
"""Of the monitor: so often it may ever sound where the limit was kept."""
_FARTHEST = 10
"""Beyond a hundred times as many labels none are asked for."""
LOW_ALPHA = 0.67
"""Below it Krippendorff himself draws no conclusions from labels."""


@dataclass(frozen=True)
class Limits:
    """What accuracy is held against."""

    least: float | None = None
    """Accuracy."""
    most_drop: float | None = None
    baseline: BaselineAccuracy | None = None


def limits_of(
    min_accuracy: str | float | None, max_drop: str | float | None, baseline_accuracy: str | float | None
) -> Limits:
    """Limits as people write them: `90%` or 0.9, and `96%/250` for a baseline of 250 images. Raises UsageError."""
    accuracy, slash, count = str("" if baseline_accuracy is None else baseline_accuracy).partition("/")
    share = _share(accuracy or None, "--baseline-accuracy")
    if slash and (share is None or not (count.isdecimal() and int(count))):
        raise UsageError(
            f"--baseline-accuracy: {safe_name(str(baseline_accuracy))!r} is not SHARE/N", "such as 96%/250"
        )
    return Limits(
        _share(min_accuracy, "--min-accuracy"),
        _share(max_drop, "--max-drop"),
        None if share is None else BaselineAccuracy(share, int(count) if slash else None),
    )


def _share(text: str | float | None, option: str) -> float | None:
    if text is None:
        return None
    number, percent, rest = str(text).strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest or not 0 <= share <= 1:
        raise UsageError(f"{option}: {safe_name(str(text))!r} is no share", "such as 90% or 0.9")
    return share


def require_whole(limits: Limits) -> None:
    """Raises UsageError for a drop from nowhere."""
    if limits.most_drop is not None and limits.baseline is None:
        raise UsageError(
            "--max-drop: from which accuracy?",
            "the results that the queue was made from do not say how good the model was: add --baseline-accuracy, such as 96%/250 (right "
            "on 96 % of 250 images)",
        )


def result(of: Labelled, folder: str, digest: str, limits: Limits) -> ScoreReport:
    """Everything; `exit_code` is 1 where a limit fails."""
    queue, found = of.queue, performance.accuracy(of)
    fallen = (
        None if limits.baseline is None else drop(found, limits.baseline.accuracy, limits.baseline.labels)
    )
    rules = _rules(found, fallen, limits)
    ceiling = _ceiling(limits)
    evidence = None if ceiling is None else parts.watch(of, ceiling)
    most, others = performance.by_drift(of)
    alarm = None if evidence is None else evidence.alarm(ALPHA)
    watched = None
    if evidence is not None and ceiling is not None:
        first = None if alarm is None else queue.days[alarm].name
        watched = MonitorResult(ceiling, ALPHA, evidence.values[-1], first)
    failed = any(rule.failed for rule in rules)
    return ScoreReport(
        tool={"name": "driftcli", "version": version()},
        created=now_utc(),
        exit_code=int(failed),
        reasons=tuple(_reason(rule) for rule in rules if rule.failed),
        cautions=tuple(_cautions(of, rules, found)),
        queue=QueueFacts(
            folder,
            digest,
            queue.created,
            queue.design,
            len(queue.images),
            len(queue.queued),
            len(of.images),
            queue.classes,
        ),
        accuracy=parts.sure(found),
        as_labelled=performance.accuracy(of, as_labelled=True).value,
        label_error=float(1 - of.chance.max(axis=1).mean()) if of.told else None,
        baseline=limits.baseline,
        drop=parts.interval(fallen),
        rules=rules,
        classes=parts.classes(of),
        confusion=parts.confusion(of),
        days=parts.days(of, evidence),
        most_drifted=parts.interval(most),
        others=parts.interval(others),
        monitor=watched,
        agreement=parts.agreement(of),
        annotators=parts.annotators(of),
        labels=parts.labels(of),
    )


def _rules(found: Estimate, fallen: Estimate | None, limits: Limits) -> tuple[ScoreRule, ...]:
    """A limit fails where the whole 95 % interval lies beyond it: in doubt it holds, and `undecided` says that it is in doubt."""
    rules = []
    if limits.least is not None:
        failed = found.high < limits.least
        doubt = not failed and found.low < limits.least
        rules.append(
            ScoreRule("min_accuracy", found.value, found.low, found.high, limits.least, failed, doubt)
        )
    if limits.most_drop is not None and fallen is not None:
        failed = fallen.low > limits.most_drop
        doubt = not failed and fallen.high > limits.most_drop
        rules.append(
            ScoreRule("max_drop", fallen.value, fallen.low, fallen.high, limits.most_drop, failed, doubt)
        )
    return tuple(rules)


def _ceiling(limits: Limits) -> float | None:
    """The error rate that may be: the stricter of the two limits, the baseline's at its upper end."""
    ceilings = []
    if limits.least is not None:
        ceilings.append(1 - limits.least)
    if limits.most_drop is not None and limits.baseline is not None:
        base = limits.baseline
        low = base.accuracy if base.labels is None else wilson(base.accuracy, base.labels)[0]
        ceilings.append(1 - low + limits.most_drop)
    return min(ceilings, default=None)


def points(share: float) -> str:
    """Percentage points, with one digit."""
    return f"{100 * share:.1f}".replace("-", "−")


def _reason(rule: ScoreRule) -> str:
    if rule.name == "min_accuracy":
        return (
            f"accuracy {points(rule.value)} % ({points(rule.low)} to {points(rule.high)}): below {points(rule.limit)} % "
            "beyond doubt (--min-accuracy)"
        )
    return (
        f"accuracy fell by {points(rule.value)} points ({points(rule.low)} to {points(rule.high)}): more than "
        f"{points(rule.limit)} beyond doubt (--max-drop)"
    )


# ---------------------------------------------------------------- cautions


def _cautions(of: Labelled, rules: tuple[ScoreRule, ...], found: Estimate) -> list[str]:
    said = [_undecided(rule, found) for rule in rules if rule.undecided]
    queued, done = len(of.queue.queued), len(of.images)
    if done < queued:
        said.append(
            f"{done:,} of {queued:,} queued images have a label: the estimate holds if the others were left out at random, "
            "not because they were hard"
        )
    if not of.told:
        said.append(
            "labels are taken for right: too few images have two labels, and there are too few control tasks, to tell how often "
            "they are wrong; wrong labels make a good model look worse"
        )
    elif len(of.ratings.annotators) == 2 and not of.queue.controls:  # noqa: PLR2004
        said.append(
            "two annotators: where they differ, nobody knows who is right; a third one or control tasks would tell"
        )
    if of.told:
        said.append(
            "wrong labels are allowed for as if they were wrong regardless of what the model said: where people and model fail on "
            "the same images, the model is worse than this"
        )
    said += _score_off(of, found)
    agreed = parts.agreement(of)
    if agreed.alpha is not None and agreed.alpha < LOW_ALPHA:
        said.append(
            f"annotators agree little (alpha {agreed.alpha:.2f}); a queue of hard images has a lower one than the images have"
        )
    said += [f"{safe_name(name)} labels no better than chance would" for name in _useless(of)]
    unsure = int((of.chance.max(axis=1) < 2 / 3).sum())
    if unsure:
        said.append(f"on {unsure:,} of {done:,} images annotators leave the class open")
    if of.ratings.open:
        said.append(f"{of.ratings.open:,} times an annotator left an image open")
    if of.ratings.repeated:
        said.append(f"{of.ratings.repeated:,} labels stand there twice; each counts once")
    return said


def _score_off(of: Labelled, found: Estimate) -> list[str]:
    """That the score of correctness was wrong, and what the labels are worth without its help."""
    expected = None if of.correctness is None else float(of.correctness.mean())
    if expected is None or found.low <= expected <= found.high:
        return []
    low, high = wilson(min(max(found.value, 0.0), 1.0), len(of.images))
    said = (
        f"the correctness score expected an accuracy of {points(expected)} %: it is wrong on these images; the estimate holds, for it does not "
        f"rest on the score, and its interval is {(found.high - found.low) / (high - low):.2f} times that of as many random labels"
    )
    return [said]


def _undecided(rule: ScoreRule, found: Estimate) -> str:
    """With as many labels as would shrink the interval to the distance from the limit, all else as it is."""
    reach = rule.limit - rule.value
    toward = (rule.high if reach > 0 else rule.low) - rule.value
    option, ask = rule.name.replace("_", "-"), ""
    if abs(reach) > abs(toward) / _FARTHEST:
        more = int(np.ceil(found.labels * (toward / reach) ** 2 / 10) * 10)
        ask = f"; about {more:,} effective labels would tell, if the figure stayed (there are {found.labels:.0f})"
    return f"--{option} {in_percent(rule.limit)}: cannot say, the limit lies within the interval of the estimate{ask}"


def _useless(of: Labelled) -> list[str]:
    """Annotators whose labels are right no more often than guesses."""
    if not of.told:
        return []
    chance = 1 / len(of.queue.classes)
    names = zip(of.ratings.annotators, of.together.skill, of.together.labels, strict=True)
    return [name for name, skill, labels in names if labels >= performance.FEWEST and skill <= chance + 0.1]
