"""The section on the user's own classifier: which classes it sees, how sure it is, how often it is right where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import Bars, Cell, Column, Name, Paragraph, Section, Table

if TYPE_CHECKING:
    from driftcli.core.findings import PredictionsResult, ShareResult


def said(subject: Subject) -> Section | None:
    """The shares of predicted classes on both sides; nothing where the classifier was not asked."""
    found, alpha = subject.report.predictions, subject.report.gate.alpha
    if found is None:
        return None
    shown = found.shares[: subject.room.shares]
    blocks = (
        Paragraph(_changed(found, alpha)), *([Paragraph(_sure(found))] if found.confidence is not None else []),
        *(Paragraph(line, "soft") for line in _right(found)),
        _table(shown, bars=subject.room.page), *more(len(found.shares) - len(shown)),
    )  # fmt: skip
    return Section("predictions", "Your classifier's answers", blocks, found=found.significant)


def _changed(found: PredictionsResult, alpha: float) -> str:
    if found.p_value is None:
        return "Not tested: families.predictions.gate is off."
    how = (
        "They differ from those on the baseline"
        if found.significant
        else "They do not differ from those on the baseline"
    )
    return f"{how}: p = {numbers.p_value(found.p_value, alpha)}. That is no accuracy: it says that something changed."


def _sure(found: PredictionsResult) -> str:
    return (
        f"Mean probability of the predicted class: {numbers.percent(found.baseline_confidence)} in the baseline, "
        f"{numbers.percent(found.confidence)} in the batch."
    )


def _right(found: PredictionsResult) -> list[str]:
    lines = []
    if found.unanswered:
        lines.append(f"{numbers.plural(found.unanswered, 'image')} of the batch without a prediction.")
    if found.baseline_accuracy is not None:
        lines.append(
            f"Right answers in the baseline: {numbers.percent(found.baseline_accuracy)} of "
            f"{numbers.count(found.baseline_labelled)} labelled images."
        )
    if found.accuracy is not None:
        lines.append(
            f"Right answers in the batch: {numbers.percent(found.accuracy)} of {numbers.count(found.labelled)} labelled images."
        )
    return lines


def _table(shown: tuple[ShareResult, ...], *, bars: bool) -> Table:
    columns = [
        Column("predicted class", shorten="middle", hidden=True), Column("baseline", right=True), Column("batch", right=True),
        *([Column("drawn", hidden=True)] if bars else []),
    ]  # fmt: skip
    rows = tuple(
        (
            Cell((Name(share.name),)), Cell(numbers.percent(share.baseline)), Cell(numbers.percent(share.batch)),
            *([Bars(share.baseline, share.batch)] if bars else []),
        )
        for share in shown
    )  # fmt: skip
    return Table(tuple(columns), rows, "The largest change first.")
