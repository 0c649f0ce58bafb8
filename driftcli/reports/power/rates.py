"""The small tables of `power`: one a corruption, severities down, batch sizes across, once for each share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.content import numbers
from driftcli.reports.layout.document import Cell, Grid, Section
from driftcli.reports.power.words import FOREIGN, FOUND, GATE, amount, corruptions, rate, title

if TYPE_CHECKING:
    from driftcli.core.power_report import PowerCell, PowerReport

NOTHING = "·"


def rates(report: PowerReport) -> Section | None:
    """How often each change is found, at every severity, share and batch size."""
    if not report.cells:
        return None
    grids = tuple(
        _foreign(report) if name == FOREIGN else _corruption(report, name) for name in corruptions(report)
    )
    aside = f"by batch size; {NOTHING} no more often than a false alarm"
    return Section("rates", "Detection rates of the gate", grids, aside)


def _corruption(report: PowerReport, name: str) -> Grid:
    sizes = sorted({cell.batch for cell in report.cells})
    shares = sorted({cell.share for cell in report.cells}, reverse=True)
    cells = {(c.severity, c.share, c.batch): c for c in report.cells if c.corruption == name}
    amounts = {c.severity: amount(c) for c in cells.values() if c.severity is not None}
    rows = tuple(
        (
            f"{numbers.value(severity):<4} {much}",
            tuple(_shown(cells.get((severity, share, m)), report.alpha) for share in shares for m in sizes),
        )
        for severity, much in sorted(amounts.items())
    )
    bands = tuple("all images" if share >= 1 else f"{numbers.percent(share)} of them" for share in shares)
    return Grid(title(name), "severity", tuple(map(str, sizes)), bands, rows)


def _foreign(report: PowerReport) -> Grid:
    sizes = sorted({cell.batch for cell in report.cells})
    cells = {(c.share, c.batch): c for c in report.cells if c.corruption == FOREIGN}
    rows = tuple(
        (numbers.percent(share), tuple(_shown(cells.get((share, m)), report.alpha) for m in sizes))
        for share in sorted({share for share, _ in cells})
    )
    return Grid(title(FOREIGN), "share", tuple(map(str, sizes)), (", ".join(report.foreign),), rows)


def _shown(cell: PowerCell | None, alpha: float) -> Cell:
    if cell is None:
        return Cell(numbers.DASH, "soft")
    gate = cell.rates[GATE]
    if gate.low <= alpha:
        return Cell(NOTHING, "soft")
    return Cell(rate(gate), "good" if gate.rate >= FOUND else "")
