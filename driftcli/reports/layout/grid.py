"""A grid of figures on a page of lines: bands side by side while there is room, then below each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reports.layout.document import plain
from driftcli.reports.layout.page import SET_AS, Page, SetCell, Track

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftcli.reports.layout.document import Cell, Grid

FIGURE = 4
"""Cells of a figure: `1.00`."""
GAP = 2
"""Cells between the columns of one band and those of the next."""
LEAD = 22
"""Cells of a row's title."""


def to_page(grid: Grid, page: Page) -> None:
    """Add the grid to the page, in as many tables as it takes."""
    room = page.width - len("    ") - LEAD + 2 + GAP
    step = max(1, room // _block(grid))
    for start in range(0, len(grid.bands), step):
        _table(grid, page, range(start, min(start + step, len(grid.bands))))


def _block(grid: Grid) -> int:
    """Cells of one band."""
    return len(grid.columns) * (FIGURE + 2) + GAP


def _table(grid: Grid, page: Page, bands: Sequence[int]) -> None:
    page.gap()
    over = "".join(f"{grid.bands[band]:<{_block(grid)}}" for band in bands).rstrip()
    shown = page.fit(page.say(over), page.width - LEAD - len("    "))
    page.paragraph(shown, "dim", lead=f"  {grid.title:<{LEAD + 2}}", lead_style="bold", keep=page.width)
    places = list(_places(len(grid.columns), bands))
    titles = [Track(f"{grid.columns[column]:>{FIGURE + gap}}", right=True) for _, column, gap in places]
    rows = [
        [
            SetCell(f"{page.fit(page.say(title), LEAD):<{LEAD}}"),
            *(_figure(cells[band * len(grid.columns) + column], gap) for band, column, gap in places),
        ]
        for title, cells in grid.rows
    ]
    page.table([Track(grid.lead), *titles], rows)


def _places(columns: int, bands: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Band, column and the space before it, from left to right."""
    for band in bands:
        for column in range(columns):
            yield band, column, GAP if band != bands[0] and column == 0 else 0


def _figure(cell: Cell, gap: int) -> SetCell:
    return SetCell(f"{plain(cell.words):>{FIGURE + gap}}", SET_AS[cell.tone])
