"""The autoencoder notebook's figures, where `notebook_figures` asked for them: its losses beside the honest one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.layout.document import Cell, Column, Paragraph, Section, Table

if TYPE_CHECKING:
    from driftcli.core.report import StatisticResult
    from driftcli.reports.content.subject import Subject

LOSS, VALIDATION, ENTROPY = "loss.mean", "validation_loss.mean", "output_entropy.mean"
ABOUT = (
    "Loss: how wrong, on the images as they are; validation loss: with the training's noise on them. Entropy: how "
    "undecided; the notebook compares it with the baseline's validation loss."
)


def losses(subject: Subject) -> Section | None:
    """Means over the images, of this batch and of the baseline, and their changes as the notebook takes them."""
    named = {s.name: s for family in subject.report.families for s in family.statistics}
    if ENTROPY not in named or VALIDATION not in named:
        return None
    validation = named[VALIDATION]
    rows = (
        _row("loss", named.get(LOSS), named.get(LOSS)),
        _row("validation loss", validation, validation),
        _row("evaluate(x, predict(x)), the output's entropy", named[ENTROPY], validation),
    )
    columns = (
        Column("mean", shorten="end"), Column("batch", right=True), Column("baseline", right=True),
        Column("change", right=True),
    )  # fmt: skip
    return Section("notebook", "The notebook's figures", (Table(columns, rows), Paragraph(ABOUT, "soft")))


def _row(title: str, measured: StatisticResult | None, against: StatisticResult | None) -> tuple[Cell, ...]:
    """One figure to four decimals; its change against another's baseline."""
    batch, good = (None, None) if measured is None else (measured.batch, measured.baseline)
    base = None if against is None else against.baseline
    change = None if batch is None or not base else batch / base - 1
    return (Cell(title), Cell(_four(batch)), Cell(_four(good)), Cell(numbers.change(change)))


def _four(figure: float | None) -> str:
    return numbers.DASH if figure is None or not numbers.known(figure) else f"{figure:.4f}"
