"""The section on harm: did the images change, and does it hurt the user's classifier?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.subject import Subject
from driftcli.reports.layout.document import Cell, Column, Name, Paragraph, Section, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftcli.check_history.records import PastFamily
    from driftcli.core.findings import HarmClass, HarmResult
    from driftcli.core.report import FamilyResult, Report

ANSWERS = "predictions"
"""The family that tells of the model's answers, not of the images."""
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
        _side_by_side(subject.report, found),
        *(Paragraph(line) for line in found.reasons),
        *([_classes(suffering)] if found.alarm and suffering else []),
        *(Paragraph(line, "soft") for line in found.cautions),
    )
    return Section("harm", "Does it hurt the model?", blocks, lead=True)


def _side_by_side(report: Report, found: HarmResult) -> Table:
    """The images, and the model."""
    p = of_the_images(report.families)
    changed = "not tested" if p is None else CHANGED if p <= report.gate.alpha else UNCHANGED
    estimate = "" if found.accuracy is None else (
        f"accuracy about {numbers.percent(found.accuracy.value)} ({numbers.percent(found.accuracy.low)} to "
        f"{numbers.percent(found.accuracy.high)}), "
    )  # fmt: skip
    before = f"{numbers.percent(found.baseline_accuracy)} on the baseline"
    return Table(
        (Column("what"), Column("verdict"), Column("figures")),
        (
            (
                Cell("the images"),
                Cell(changed),
                Cell(
                    f"p = {numbers.p_value(p, report.gate.alpha)}, alpha {numbers.p_value(report.gate.alpha)}"
                ),
            ),
            (Cell("the model"), Cell(found.verdict), Cell(f"{estimate}{before}")),
        ),
    )


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
    return Table(columns, rows, "The largest fall first.")
