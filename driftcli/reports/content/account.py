"""What the sections of a report say, before anything is set: the same facts on the terminal and on a page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from driftcli.core.times import duration
from driftcli.reports.content import numbers as number
from driftcli.reports.content import words as say

if TYPE_CHECKING:
    from driftcli.core.findings import FileResult, ImageResult, SequenceResult
    from driftcli.core.report import Detectable, FamilyResult, GateResult, Report

State = Literal["off", "nothing", "advisory", "tolerated", "differs"]
STATES: dict[State, str] = {
    "off": "not computed", "nothing": "nothing found", "advisory": "differs",
    "tolerated": "below tolerance", "differs": "differs",
}  # fmt: skip
DIGEST = 12
FEW = 3
_URGENT = {"unreadable": 0, "changed": 1, "skipped": 2}


@dataclass(frozen=True, slots=True)
class Line:
    """One family of evidence in words and numbers; a dash where there is nothing to say."""

    family: str
    gate: str
    p: str
    adjusted: str
    differ: str
    """A lower bound on the share of images that differ: `≥ 18 %`."""
    estimate: str
    state: State


def why(report: Report) -> list[str]:
    """The reasons of the verdict, without what the diagnosis says anyway."""
    said = {found.statement for found in report.diagnosis}
    return [reason for reason in report.reasons if reason not in said]


def evidence(report: Report) -> list[Line]:
    """Every family: what it found, how sure, how much."""
    gate = report.gate
    raw = number.aligned([number.p_value(family.p_value, gate.alpha) for family in report.families])
    adjusted = number.aligned([number.p_value(family.p_adjusted, gate.alpha) for family in report.families])
    lines = []
    for family, p, p_adjusted in zip(report.families, raw, adjusted, strict=True):
        bound = family.effect_lower if family.significant else None
        share = number.at_least(bound, gate.tolerance) if bound else number.DASH
        differ = f"≥ {share}" if share != number.DASH else share
        estimate = number.percent(family.effect) if family.significant else number.DASH
        name = say.words(family.name)
        lines.append(Line(name, family.gate, p, p_adjusted, differ, estimate, state(family, gate)))
    return lines


def state(family: FamilyResult, gate: GateResult) -> State:
    """What a family has to say."""
    if family.gate == "off":
        return "off"
    if not family.significant:
        return "nothing"
    if family.gate == "advisory":
        return "advisory"
    below = gate.tolerance and not (family.effect_lower or 0) > gate.tolerance
    return "tolerated" if below else "differs"


def limits(gate: GateResult) -> str:
    """`alpha 0.01, tolerance off`."""
    tolerance = number.percent(gate.tolerance) if gate.tolerance else "off"
    return f"alpha {number.p_value(gate.alpha)}, tolerance {tolerance}"


def copies(report: Report) -> list[str]:
    """What is counted more than once, or on both sides."""
    found, said = report.batch, []
    if found.images > found.distinct:
        many = number.count(found.images - found.distinct)
        said.append(f"{many} of the images are copies of others; they are counted and kept.")
    if also := found.in_reference:
        verb = "is" if also == 1 else "are"
        said.append(f"{number.plural(also, 'image')} of the batch {verb} also in the reference.")
    return said


def unused(report: Report, most: int) -> list[FileResult]:
    """Entries that were not used, the worst first; of each reason some."""
    ranked = sorted(report.files, key=lambda file: (_URGENT.get(file.state, 3), file.reason, file.path))
    shown: list[FileResult] = []
    for _, same in groupby(ranked, key=lambda file: (file.state, file.reason)):
        shown += list(same)[: most - len(shown)]
    return shown


def seen(report: Report) -> tuple[list[Detectable], list[Detectable], str]:
    """Corruptions and shifts of values that such batches show, and the power they are found with."""
    found = report.gate.detectable
    power = number.percent(min((entry.power for entry in found), default=0.0))
    corruptions = [entry for entry in found if entry.shift_sd is None]
    return corruptions, [entry for entry in found if entry.shift_sd is not None], power


def unseen(gate: GateResult) -> str:
    """What the gate misses, or why nobody knows what it sees."""
    if not gate.detectable:
        return f"Not measured: {gate.detectable_reason or 'no reason was given'}."
    reason = gate.detectable_reason or ""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def sequence(found: SequenceResult) -> str:
    """The state of the gate over many checks."""
    alarm = "ALARM" if found.alarm else "no alarm"
    where = "" if found.group is None else f" of {found.group}"
    return (
        f"{alarm}{where}: evidence {number.value(found.value)}, alarm at {number.value(found.threshold)}; "
        f"{number.plural(found.checks, 'check')} of a horizon of {found.horizon:,}."
    )


def provenance(report: Report, digits: int = DIGEST) -> dict[str, str]:
    """All it takes to get this result again; digests shortened to so many digits."""
    reference, gate, environment = report.reference, report.gate, report.environment
    groups = f" in {number.plural(reference.groups, 'group')}" if reference.groups else ""
    seconds, rate = report.timing.get("seconds"), report.timing.get("images_per_second")
    speed = f" ({number.value(rate)} images/s)" if number.known(rate) else ""
    run = [
        f"seed {environment['seed']}" if "seed" in environment else "",
        "" if gate.permutations is None else number.plural(gate.permutations, "permutation"),
        str(environment.get("device", "")),
        f"torch {environment['torch']}" if environment.get("torch") else "",
        f"{duration(seconds)}{speed}" if seconds is not None and number.known(seconds) else "",
    ]
    lines = {
        "artifact": f"{reference.artifact}{_digest(reference.digest, digits)}",
        "baseline": f"{reference.baseline}, {number.plural(reference.images, 'image')}{groups}",
        "batch": f"{', '.join(report.batch.source)}{_digest(report.batch.digest, digits)}",
        "run": ", ".join(part for part in run if part),
        "by": f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}, {report.created}",
    }
    return {name: line for name, line in lines.items() if name != "baseline" or reference.baseline}


def _digest(digest: str, digits: int) -> str:
    return f" ({digest[:digits]})" if digest else ""


def ranking(report: Report, most: int) -> list[ImageResult]:
    """The most drifted images; only a few where nothing was found."""
    few = min(most, FEW) if report.verdict == "pass" else most
    return sorted(report.images, key=lambda image: image.rank)[:few]


def ranking_title(report: Report) -> str:
    """What the ranking is called: nothing is drifted where nothing was found."""
    return "Least typical images" if report.verdict == "pass" else "Most drifted images"
