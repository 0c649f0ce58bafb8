"""The small tables of `power`: one a corruption, severities down, batch sizes across, once for each share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from driftcli.reports.content import numbers as number
from driftcli.reports.layout.page import Cell, Page, Track
from driftcli.reports.power.words import FOREIGN, FOUND, GATE, amount, corruptions, rate, title

if TYPE_CHECKING:
    from driftcli.core.power_report import PowerCell, PowerReport

NOTHING = "·"
RATE = 4
"""Cells of a rate: `1.00`."""
GAP = 2
"""Cells between the batch sizes of one share and those of the next."""
LEAD = 22
"""Cells of a severity and its amount."""


def rates(page: Page, report: PowerReport) -> None:
    """One small table a corruption: severities down, batch sizes across, once for each share."""
    if not report.cells:
        return
    page.heading("Detection rates of the gate", f"by batch size; {NOTHING} no more often than a false alarm")
    sizes = sorted({cell.batch for cell in report.cells})
    shares = sorted({cell.share for cell in report.cells}, reverse=True)
    room = page.width - len("    ") - LEAD + 2 + GAP
    step = max(1, room // (len(sizes) * (RATE + 2) + GAP))
    for name in corruptions(report):
        if name == FOREIGN:
            _foreign(page, report, sizes)
            continue
        for start in range(0, len(shares), step):
            _corruption(page, report, name, (sizes, shares[start : start + step]))


def _corruption(
    page: Page, report: PowerReport, name: str, grid: tuple[Sequence[int], Sequence[float]]
) -> None:
    sizes, shares = grid
    cells = {(c.severity, c.share, c.batch): c for c in report.cells if c.corruption == name}
    amounts = {c.severity: amount(c) for c in cells.values() if c.severity is not None}
    block = len(sizes) * (RATE + 2) + GAP
    over = [
        f"{'all images' if share >= 1 else f'{number.percent(share)} of them':<{block}}" for share in shares
    ]
    _title(page, title(name), "".join(over).rstrip())
    rows = [
        [
            _lead(page, f"{number.value(severity):<4} {said}"),
            *(
                _shown(cells.get((severity, share, size)), report.alpha, gap)
                for share, size, gap in _columns(sizes, shares)
            ),
        ]
        for severity, said in sorted(amounts.items())
    ]
    page.table(_tracks("severity", sizes, shares), rows)


def _foreign(page: Page, report: PowerReport, sizes: Sequence[int]) -> None:
    cells = {(c.share, c.batch): c for c in report.cells if c.corruption == FOREIGN}
    _title(page, title(FOREIGN), ", ".join(report.foreign))
    rows = [
        [
            _lead(page, number.percent(share)),
            *(_shown(cells.get((share, size)), report.alpha, 0) for size in sizes),
        ]
        for share in sorted({key[0] for key in cells})
    ]
    page.table(_tracks("share", sizes, (1.0,)), rows)


def _title(page: Page, name: str, beside: str) -> None:
    page.gap()
    shown = page.fit(page.say(beside), page.width - LEAD - len("    "))
    page.paragraph(shown, "dim", lead=f"  {name:<{LEAD + 2}}", lead_style="bold", keep=page.width)


def _lead(page: Page, text: str) -> Cell:
    return Cell(f"{page.fit(page.say(text), LEAD):<{LEAD}}")


def _tracks(lead: str, sizes: Sequence[int], shares: Sequence[float]) -> list[Track]:
    columns = _columns(sizes, shares)
    return [Track(lead), *(Track(f"{size:>{RATE + gap}}", right=True) for _, size, gap in columns)]


def _columns(sizes: Sequence[int], shares: Sequence[float]) -> list[tuple[float, int, int]]:
    """Share, batch size and the space before it, of every column."""
    return [
        (share, size, GAP if place and size == sizes[0] else 0)
        for place, share in enumerate(shares)
        for size in sizes
    ]


def _shown(cell: PowerCell | None, alpha: float, gap: int) -> Cell:
    width = RATE + gap
    if cell is None:
        return Cell(f"{number.DASH:>{width}}", "dim")
    found = cell.rates[GATE]
    if found.low <= alpha:
        return Cell(f"{NOTHING:>{width}}", "dim")
    return Cell(f"{rate(found):>{width}}", "green" if found.rate >= FOUND else "")
