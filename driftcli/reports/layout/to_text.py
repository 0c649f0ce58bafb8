"""A document as plain lines for a terminal."""

from __future__ import annotations

from functools import singledispatch

from driftcli.reports.layout import grid, line_chart
from driftcli.reports.layout.document import (
    Banner,
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Entry,
    Facts,
    Grid,
    Histogram,
    Listing,
    Paragraph,
    Section,
    Table,
    Tone,
    Trend,
    plain,
)
from driftcli.reports.layout.page import SET_AS, Page, SetCell, Track
from driftcli.reports.layout.spark import sparks

STATES: dict[str, Tone] = {"pass": "good", "warn": "warn", "drift": "bad", "inconclusive": "warn"}
BARS = ((120, 22), (96, 16), (0, 10))
"""Least width of the page, bars of a histogram."""
ROOMY = 92
"""Narrower than this, columns for wide pages are left out."""


def to_text(document: Document, *, width: int = 100, color: bool = False, ascii_only: bool = False) -> str:
    """The document in lines of at most `width` cells (40 at least), ending in a newline; `color`: with ANSI colours.

    With `ascii_only`, other characters are replaced or spelt out. Blocks for a page cannot be set: TypeError.
    A document with a verdict ends as it begins, in one line, so that the verdict is the last thing on the screen.
    """
    page = Page(width, ascii_only=ascii_only)
    if isinstance(document.lead, Banner):
        _banner(page, document.lead)
    else:
        _section(page, document.lead)
    for section in document.sections:
        _section(page, section)
    if isinstance(document.lead, Banner):
        _again(page, document.lead)
    return page.render(color=color)


def _banner(page: Page, banner: Banner) -> None:
    lead = f"{banner.label}  "
    look = SET_AS[STATES.get(banner.state, "")]
    page.paragraph(
        f"{banner.sentence} {banner.exit}".rstrip(), "bold", lead=lead, lead_style=f"bold {look}".strip()
    )
    if banner.sure:
        page.paragraph(banner.sure, lead=" " * len(lead))


def _again(page: Page, banner: Banner) -> None:
    """The exit code first: the sentence may have to be cut."""
    code = banner.exit.partition(",")[0].partition(":")[0].rstrip(".")
    lead = f"{banner.label} ({code.lower()})  " if code else f"{banner.label}  "
    look = SET_AS[STATES.get(banner.state, "")]
    page.gap()
    page.line(banner.sentence, "bold", lead=lead, lead_style=f"bold {look}".strip())


def _section(page: Page, section: Section) -> None:
    if section.title:
        page.heading(section.title, plain(section.aside))
    else:
        page.gap()
    for block in section.blocks:
        _set(block, page)


@singledispatch
def _set(block: Block, _page: Page) -> None:
    raise TypeError(f"a terminal cannot show {type(block).__name__}")


@_set.register
def _(block: Paragraph, page: Page) -> None:
    page.paragraph(plain(block.words), SET_AS[block.tone])


@_set.register
def _(block: Bullets, page: Page) -> None:
    for item in block.items:
        page.paragraph(plain(item), lead=f"  {block.mark} ", lead_style=SET_AS[block.tone])


@_set.register
def _(block: Listing, page: Page) -> None:
    page.paragraph(f"{block.lead}: {', '.join(block.items)}.")


@_set.register
def _(block: Facts, page: Page) -> None:
    width, look = max(len(term) for term, _ in block.rows) + 2, SET_AS[block.tone]
    for term, words in block.rows:
        page.paragraph(plain(words), look, lead=f"  {term:<{width}}", lead_style=look)


@_set.register
def _(block: Table, page: Page) -> None:
    shown = [place for place, column in enumerate(block.columns) if not column.wide or page.width >= ROOMY]
    rows = [[_entry(row[place], page) for place in shown] for row in block.rows]
    page.table([_track(block.columns[place]) for place in shown], rows)


def _track(column: Column) -> Track:
    return Track("" if column.hidden else column.title, column.right, column.shorten)


def _entry(entry: Entry, page: Page) -> SetCell:
    if isinstance(entry, Cell):
        return SetCell(plain(entry.words), SET_AS[entry.tone])
    if isinstance(entry, Trend):
        return SetCell(line_chart.trend(entry.values, plain=page.ascii_only))
    if isinstance(entry, Histogram):
        bars = next(bars for least, bars in BARS if page.width >= least)
        baseline, batch = sparks(entry.edges, (entry.baseline, entry.batch), bars, plain=page.ascii_only)
        return SetCell(baseline, "dim") if entry.side == "baseline" else SetCell(batch, "cyan")
    raise TypeError(f"a terminal cannot show {type(entry).__name__}")


@_set.register
def _(block: Chart, page: Page) -> None:
    rows = line_chart.chart(block, page.measure - 2, plain=page.ascii_only)
    for scale, row in rows:
        page.paragraph(row, lead=f"  {scale:>{line_chart.AXIS}} ")


@_set.register
def _(block: Grid, page: Page) -> None:
    grid.to_page(block, page)
