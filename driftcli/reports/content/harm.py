"""The section on harm: did the images change, and does it hurt the user's classifier?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.subject import Subject
from driftcli.reports.layout.document import Block, Cell, Column, Name, Paragraph, Section, Table, Tone
from driftcli.reports.layout.pictured import Pane, Panes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftcli.check_history.records import PastFamily
    from driftcli.core.findings import HarmClass, HarmResult, PredictionsResult
    from driftcli.core.report import FamilyResult, Report

ANSWERS = "predictions"
"""The family that tells of the model's answers, not of the images."""
VERDICTS: dict[str, Tone] = {"probably hurts": "alarm", "probably harmless": "good", "cannot say": "warn"}
CHANGED, UNCHANGED = "changed", "no change found"
CLASSES = 5
"""Classes shown whose answers became less sure."""


def hurts(subject: Subject) -> Section | None:
    """Images and model side by side, what that rests on, and which classes suffer; nothing where no classifier was asked."""
    found = subject.report.harm
    if found is None:
        return None
    suffering = [one for one in found.classes if one.score < one.baseline][:CLASSES]
    blocks = (
        _side_by_side(subject, found),
        *(Paragraph(line) for line in found.reasons),
        *([_classes(suffering)] if found.alarm and suffering else []),
        *(Paragraph(line, "soft") for line in found.cautions),
    )
    return Section("harm", "Does it hurt the model?", blocks, lead=True)


def _side_by_side(subject: Subject, found: HarmResult) -> Block:
    """The images, and the model: two panes on a page, two rows elsewhere."""
    panes = (_images(subject.report), _model(found, subject.report.predictions))
    if subject.room.page:
        return Panes(panes)
    columns = (Column("what"), Column("verdict"), Column("figures"))
    rows = ((Cell(pane.title), Cell(pane.verdict, pane.tone), Cell(", ".join(pane.lines))) for pane in panes)
    return Table(columns, tuple(rows))


def _images(report: Report) -> Pane:
    """Whether they changed, whatever the model's answers did."""
    p, alpha = of_the_images(report.families), report.gate.alpha
    if p is None:
        return Pane("the images", "not tested", "", ())
    found = p <= alpha
    tone: Tone = "good" if not found else "warn" if report.verdict == "warn" else "alarm"
    tested = f"p = {numbers.p_value(p, alpha)}, alpha {numbers.p_value(alpha)}"
    return Pane("the images", CHANGED if found else UNCHANGED, tone, (tested,))


def _model(found: HarmResult, said: PredictionsResult | None) -> Pane:
    """Whether the change hurts it, and its accuracy; first that on images of the batch whose right answers came along."""
    before = f"{numbers.percent(found.baseline_accuracy)} on the baseline"
    lines = [before]
    if (estimate := found.accuracy) is not None:
        within = f"{numbers.percent(estimate.low)} to {numbers.percent(estimate.high)}"
        lines = [f"accuracy about {numbers.percent(estimate.value)} ({within})", before]
    if said is not None and said.accuracy is not None:
        lines.insert(
            0,
            f"right on {numbers.percent(said.accuracy)} of {numbers.plural(said.labelled, 'labelled image')}",
        )
    if found.alarm:
        lines.append(
            f"less sure than harmless changes explain: p = {numbers.p_value(found.p_value, found.alpha)}, alpha {found.alpha:g}"
        )
    return Pane("the model", found.verdict, tone(found.verdict, alarm=found.alarm), tuple(lines))


def tone(verdict: str, *, alarm: bool) -> Tone:
    """Of a verdict on the model; one that cannot say how much is lost is no comfort where the harm test found a fall."""
    return "alarm" if alarm and verdict == "cannot say" else VERDICTS.get(verdict, "")


def of_the_images(families: Iterable[FamilyResult | PastFamily]) -> float | None:
    """The smallest adjusted p-value among families that look at images, not at the model's answers; None where none was tested."""
    told = (f.p_adjusted for f in families if f.gate == "on" and f.name != ANSWERS)
    return min((one for one in told if one is not None), default=None)


def _classes(suffering: list[HarmClass]) -> Table:
    columns = (
        Column("predicted class", shorten="middle"), Column("images", right=True),
        Column("probably right, baseline", right=True), Column("batch", right=True),
    )  # fmt: skip
    rows = tuple(
        (
            Cell((Name(one.name),)), Cell(numbers.count(one.images)), Cell(numbers.percent(one.baseline)),
            Cell(numbers.percent(one.score)),
        )
        for one in suffering
    )  # fmt: skip
    return Table(
        columns, rows, "Answers that one can be less sure of than on good images, the largest fall first."
    )
