"""The section on measured values: what moved, from where to where."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from driftcli.core.text import label
from driftcli.reports.content import numbers, words
from driftcli.reports.content.subject import Subject, more
from driftcli.reports.layout.document import (
    Bars,
    Block,
    Cell,
    Column,
    Entry,
    Histogram,
    Paragraph,
    Section,
    Table,
)
from driftcli.reports.layout.pictured import Fold, Legend, Measure, Measures, Plot

if TYPE_CHECKING:
    from driftcli.core.findings import Distribution
    from driftcli.core.report import FamilyResult, StatisticResult

    Row = tuple[FamilyResult, StatisticResult]

SHARE = "share_shift"
ROW = 9
"""Values that differ and are drawn at once; the others on demand."""
ANCHOR, TITLE = "properties", "What moved"


def moved(subject: Subject) -> Section | None:
    """Values that differ significantly, and on a page all others too, with their histograms."""
    return _drawn(subject) if subject.room.page else _listed(subject)


# ---------------------------------------------------------------- in a table


def _listed(subject: Subject) -> Section | None:
    rows, sparks = words.moved(subject.report), subject.room.sparks
    if not rows:
        return None
    shown = rows[: subject.room.values]
    distributions = {distribution.statistic: distribution for distribution in subject.report.distributions}
    columns = (
        Column("value", shorten="middle", hidden=True), Column("direction", hidden=True), *_sides(sparks=sparks),
        Column("shift", right=True),
    )  # fmt: skip
    cells = tuple(_cells(row, distributions.get(row[1].name), sparks=sparks) for row in shown)
    blocks = (Table(columns, cells), *more(len(rows) - len(shown)))
    return Section(ANCHOR, TITLE, blocks, "histograms on one scale" if sparks else "")


def _sides(*, sparks: bool) -> tuple[Column, ...]:
    """The title stands over what is drawn, where there is something."""
    drawn = {side: (Column(side), Column(side, right=True, hidden=True)) for side in ("baseline", "batch")}
    bare = (Column("baseline", right=True), Column("batch", right=True))
    return (*drawn["baseline"], *drawn["batch"]) if sparks else bare


def _cells(row: Row, distribution: Distribution | None, *, sparks: bool) -> tuple[Entry, ...]:
    family, value = row
    before, after = map(Cell, numbers.pair(value.baseline, value.batch))
    advisory = " (advisory)" if family.gate == "advisory" else ""
    left, right = _histograms(distribution)
    sides = (left, before, right, after) if sparks else (before, after)
    return (
        Cell(label(value.name) + advisory), Cell(words.direction(value)), *sides, Cell(words.shift(value), "strong"),
    )  # fmt: skip


def _histograms(distribution: Distribution | None) -> tuple[Entry, Entry]:
    if distribution is None:
        return Cell(), Cell()
    shares = distribution.edges, distribution.baseline, distribution.batch
    return Histogram(*shares, "baseline"), Histogram(*shares, "batch")


# ---------------------------------------------------------------- on a page


def _drawn(subject: Subject) -> Section | None:
    report = subject.report
    distributions = {distribution.statistic: distribution for distribution in report.distributions}
    rows = {value.name: (family, value) for family in report.families for value in family.statistics}
    differ = [value.name for _, value in words.moved(report)]
    names = [*differ, *(name for name in distributions if name not in differ)]
    if not names:
        return None
    measures = [_measure(name, rows.get(name), distributions.get(name), moved=name in differ) for name in names]  # fmt: skip
    brief = numbers.differing(len(differ), len(names), "value")
    sentence = f"{brief[:1].upper()}{brief[1:]} significantly; dotted lines are what is typical of each side."
    blocks = (Paragraph(sentence), Legend("areas"), *_some(measures))
    return Section(ANCHOR, TITLE, blocks, found=bool(differ), brief=brief)


def _some(measures: list[Measure]) -> tuple[Block, ...]:
    """Those that moved, drawn ones first, and the others on demand; all where none moved: they are folded anyway."""
    moved = sorted((one for one in measures if one.moved), key=lambda one: not (one.plot or one.shares))
    if not moved:
        return (Measures(tuple(measures)),)
    rest = moved[ROW:] + [one for one in measures if not one.moved]
    if not rest:
        return (Measures(tuple(moved)),)
    differ = len(moved[ROW:])
    which = f"{numbers.count(differ)} of which {'differs' if differ == 1 else 'differ'}" if differ else "none of which differs"  # fmt: skip
    return Measures(tuple(moved[:ROW])), Fold(f"{numbers.count(len(rest))} more, {which}", (Measures(tuple(rest)),))  # fmt: skip


def _measure(name: str, row: Row | None, distribution: Distribution | None, *, moved: bool) -> Measure:
    value = row[1] if row else None
    before, after = _both(value)
    shares = None
    if value and value.display_effect and value.display_effect.kind == SHARE:
        shares = Bars(value.baseline or 0.0, value.batch or 0.0)
    return Measure(
        label(name), row is not None and row[0].gate == "advisory", moved, words.direction(value) if value and moved else "",
        words.shift(value) if value else numbers.DASH, before, after,
        None if distribution is None else _plot(distribution, value, f"{label(name)}: baseline {before}, batch {after}"), shares,
    )  # fmt: skip


def _plot(distribution: Distribution, value: StatisticResult | None, about: str) -> Plot | None:
    from driftcli.reports.plots import check

    if not check.drawable(distribution.edges, distribution.batch, distribution.baseline):
        return None
    typical = (value.baseline, value.batch) if value else (None, None)
    return Plot(partial(check.distribution, distribution, typical, f"Histograms of {about}"))


def _both(value: StatisticResult | None) -> tuple[str, str]:
    """Of both sides, with more digits where it takes them to tell the values apart, and where it can be done."""
    if value is None:
        return numbers.DASH, numbers.DASH
    before, after = numbers.pair(value.baseline, value.batch)
    return (before, after) if before != after else (numbers.value(value.baseline), numbers.value(value.batch))
