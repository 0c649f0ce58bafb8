"""What this gate can see, how often it fires on good images, and its state over many checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers, words
from driftcli.reports.layout.document import Listing, Paragraph, Section

if TYPE_CHECKING:
    from driftcli.core.findings import SequenceResult
    from driftcli.core.report import GateResult
    from driftcli.reports.content.subject import Subject


def sight(subject: Subject) -> Section | None:
    """The smallest change this gate finds with so many images, or why that is not known."""
    gate, detectable = subject.report.gate, subject.report.gate.detectable
    if subject.report.verdict == "inconclusive" and not detectable:
        return None
    power = numbers.percent(min((entry.power for entry in detectable), default=0.0))
    corruptions = [words.detectable(entry) for entry in detectable if entry.shift_sd is None]
    shifts = words.detectables(
        [entry for entry in detectable if entry.shift_sd is not None], subject.room.shifts
    )
    often, unseen = f"Found in {power} of such batches", _unseen(gate)
    blocks = (
        *([Listing(often, tuple(corruptions))] if corruptions else []),
        *([Listing(f"{often}, a shift of", tuple(shifts))] if shifts else []),
        *([Paragraph(unseen)] if unseen else []),
    )
    aside = f"with {numbers.plural(gate.images_tested, 'image')}"
    if gate.images_independent is not None:
        aside += f", which count as {numbers.plural(gate.images_independent, 'independent one')}"
    brief = f"{numbers.plural(len(detectable), 'change')} measured" if detectable else "not measured"
    return Section("sight", "What this gate can see", blocks, aside, found=False, detail=True, brief=brief)


def _unseen(gate: GateResult) -> str:
    """What the gate misses, or why nobody knows what it sees."""
    if not gate.detectable:
        return f"Not measured: {gate.detectable_reason or 'no reason was given'}."
    reason = gate.detectable_reason or ""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def false_alarms(subject: Subject) -> Section | None:
    """What alpha promises, and what was measured."""
    if subject.report.verdict == "inconclusive":
        return None
    blocks = (Paragraph(words.false_alarms(subject.report)),)
    rate = subject.report.gate.false_alarm_rate
    brief = f"promised {numbers.percent(rate.nominal)}, "
    brief += "not measured" if rate.estimate is None else f"measured {numbers.percent(rate.estimate)}"
    return Section(
        "false-alarms", "How often it fires on good images", blocks, found=False, detail=True, brief=brief
    )


def sequence(subject: Subject) -> Section | None:
    """The state of the gate over many checks."""
    sequence = subject.report.sequence
    if sequence is None:
        return None
    said = state(sequence)
    return Section(
        "sequence",
        "Sequence of checks",
        (Paragraph(said),),
        found=sequence.alarm,
        brief=said.partition(":")[0],
    )


def state(sequence: SequenceResult) -> str:
    """`no alarm: evidence 0.381, alarm at 100; 114 checks of a horizon of 365`."""
    alarm = "ALARM" if sequence.alarm else "no alarm"
    where = "" if sequence.group is None else f" of {sequence.group}"
    return (
        f"{alarm}{where}: evidence {numbers.value(sequence.value)}, alarm at {numbers.value(sequence.threshold)}; "
        f"{numbers.plural(sequence.checks, 'check')} of a horizon of {sequence.horizon:,}."
    )
