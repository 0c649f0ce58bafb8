"""The sections of the text report, in the order in which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.text import label
from driftcli.reports.content import account
from driftcli.reports.content import images as _images
from driftcli.reports.content import numbers as number
from driftcli.reports.content import verdict as told
from driftcli.reports.content import words as say
from driftcli.reports.layout.page import Cell, Page, Track
from driftcli.reports.layout.spark import sparks

if TYPE_CHECKING:
    from driftcli.core.findings import GroupResult, ImageResult
    from driftcli.core.report import Report

COLORS = {"pass": "green", "warn": "yellow", "drift": "red", "inconclusive": "yellow"}
MARKS = {
    "off": ("·", "dim"), "nothing": ("·", "dim"), "advisory": ("!", "yellow"), "tolerated": ("!", "yellow"),
    "differs": ("✗", "red"),
}  # fmt: skip
MOST_MOVED = 8
MOST_SAID = 5
MOST_FILES = 5
MOST_GROUPS = 12
BARS = ((120, 22), (96, 16), (0, 10))
"""Least width of the page, bars of a histogram."""
ROOMY, ESTIMATE = 92, 5
"""Narrower than this, the estimate (column 5) gives way to its bound."""
LEFT, RIGHT = Track(), Track(right=True)


def verdict(page: Page, report: Report) -> None:
    """One sentence, then how sure and how much."""
    color = "red" if report.exit_code == 1 else COLORS[report.verdict]
    lead = f"{told.label(report)}  "
    page.paragraph(told.headline(report), "bold", lead=lead, lead_style=f"bold {color}")
    if report.verdict != "inconclusive":
        page.paragraph(told.evidence(report), lead=" " * len(lead))


def reasons(page: Page, report: Report) -> None:
    """Why this verdict, what `changes` says apart; for an inconclusive one, what to do."""
    why = account.why(report)
    if report.verdict == "inconclusive":
        page.heading("What to do")
        page.bullets(told.remedies(report))
    elif why:
        page.heading("Why")
        page.bullets(why)


def changes(page: Page, report: Report) -> None:
    """The diagnosis, in words, a likeness first; what the table of values shows anyway is cut."""
    if report.diagnosis:
        page.heading("What changed", "the mix of images may be all of it" if say.only_mix(report) else "")
    likeness = [found for found in report.diagnosis if found.corruption is not None]
    plain = [found for found in report.diagnosis if found.corruption is None]
    for found in (*likeness, *plain[:MOST_SAID]):
        page.paragraph(found.statement, lead="  • ")
    _more(page, len(plain) - MOST_SAID)


def families(page: Page, report: Report) -> None:
    """Every family of evidence: what it found, how sure, how much."""
    if not report.families:
        return
    page.heading("Evidence", account.limits(report.gate))
    rows = []
    for line in account.evidence(report):
        mark, style = MARKS[line.state]
        gate = Cell(line.gate, "" if line.gate == "on" else "dim")
        numbers = map(Cell, (line.p, line.adjusted, line.differ, line.estimate))
        rows.append([Cell(line.family), gate, *numbers, Cell(f"{mark} {account.STATES[line.state]}", style)])
    tracks = [
        Track("family", shorten="end"), Track("gate"), Track("p", right=True), Track("adjusted p", right=True),
        Track("images differ", right=True), Track("estimate", right=True), Track(shorten="end"),
    ]  # fmt: skip
    if page.width < ROOMY:
        del tracks[ESTIMATE]
        rows = [row[:ESTIMATE] + row[ESTIMATE + 1 :] for row in rows]
    page.table(tracks, rows)


def properties(page: Page, report: Report) -> None:
    """What moved, from where to where, with both histograms on one scale."""
    rows = say.moved(report)
    if not rows:
        return
    page.heading("What moved", "histograms on one scale")
    histograms = {found.statistic: found for found in report.distributions}
    width = next(bars for least, bars in BARS if page.width >= least)
    cells = []
    for family, row in rows[:MOST_MOVED]:
        found = histograms.get(row.name)
        left = right = ""
        if found is not None:
            left, right = sparks(found.edges, (found.baseline, found.batch), width, plain=page.ascii_only)
        before, after = number.pair(row.baseline, row.batch)
        advisory = " (advisory)" if family.gate == "advisory" else ""
        cells.append([
            Cell(label(row.name) + advisory), Cell(say.direction(row)), Cell(left, "dim"), Cell(before),
            Cell(right, "cyan"), Cell(after), Cell(say.shift(row), "bold"),
        ])  # fmt: skip
    titles = Track("baseline"), RIGHT, Track("batch"), RIGHT, Track("shift", right=True)
    page.table([Track(shorten="middle"), LEFT, *titles], cells)
    _more(page, len(rows) - MOST_MOVED)


def images(page: Page, report: Report, most: int) -> None:
    """The most drifted images; only a few where nothing was found."""
    found = sorted(report.images, key=lambda image: image.rank)[
        : min(most, 3) if report.verdict == "pass" else most
    ]
    if not found:
        return
    title = "Least typical images" if report.verdict == "pass" else "Most drifted images"
    folder = say.folder([image.path for image in found])
    where = f", in {folder}" if folder else ""
    page.heading(
        title,
        f"{number.count(len(found))} of {number.count(report.batch.images)}{where}; compared with the baseline",
    )
    marked = any(image.significant for image in found)
    rows = [
        [
            Cell(number.count(image.rank), "dim"),
            Cell(image.path[len(folder) :]),
            Cell(say.words(image.family), "dim"),
            *([_sure(image)] if marked else []),
            Cell(say.reasons(image, report)),
        ]
        for image in found
    ]
    p = [Track("p")] if marked else []
    page.table([RIGHT, Track(shorten="middle"), LEFT, *p, Track(shorten="end")], rows)
    if report.removal is not None:
        page.paragraph(_images.removal(report.removal, folder))


def _sure(image: ImageResult) -> Cell:
    """The image's own p where it is small enough to mean something among so many."""
    return Cell(f"{number.p_value(image.p_value)} ✗", "red") if image.significant else Cell("")


def rules(page: Page, report: Report) -> None:
    """Rules that the user added; no p-value stands behind them."""
    if not report.rules:
        return
    page.heading("Rules", "outside alpha: their false alarms are not controlled")
    rows = [
        [
            Cell("✗ failed" if rule.failed else "✓ kept", "red" if rule.failed else "green"),
            Cell(say.rule(rule)),
        ]
        for rule in report.rules
    ]
    page.table([LEFT, Track(shorten="end")], rows)


def groups(page: Page, report: Report) -> None:
    """The breakdown by group or slice."""
    if not report.groups:
        return
    tested = any(number.known(group.p_value) for group in report.groups)
    page.heading(
        "Groups",
        "each against the baseline; no say in the verdict"
        if tested
        else "descriptive: no verdict of their own",
    )
    tracks = [Track("group", shorten="middle"), Track("images", right=True), Track("mean score", right=True)]
    tracks.append(Track("estimate", right=True))
    tracks += [Track("adjusted p", right=True), LEFT] if tested else []
    ranked = sorted(report.groups, key=_worst)
    p = number.aligned([number.p_value(group.p_value, report.gate.alpha) for group in ranked])
    rows = [
        [
            Cell(group.name),
            Cell(number.count(group.images)),
            Cell(number.value(group.mean_score, 2)),
            Cell(number.percent(group.effect)),
            *([Cell(of), Cell("✗ differs" if group.significant else "", "red")] if tested else []),
        ]
        for group, of in zip(ranked, p, strict=True)
    ]
    page.table(tracks, rows[:MOST_GROUPS])
    _more(page, len(rows) - MOST_GROUPS)


def _worst(group: GroupResult) -> tuple[float, float, str]:
    """The surest first; those that were not tested last."""
    p = group.p_value
    return (2.0 if p is None else p, -group.mean_score, group.name)


def files(page: Page, report: Report) -> None:
    """Where every entry went, and the first few that were not used."""
    page.heading("Files")
    page.paragraph(say.ledger(report.ledger))
    for said in (*account.copies(report), *_images.near_copies(report.duplicates)):
        page.paragraph(said)
    shown = account.unused(report, MOST_FILES)
    rows = [[Cell(file.state, "dim"), Cell(say.words(file.reason)), Cell(file.path)] for file in shown]
    if rows:
        page.table([LEFT, LEFT, Track(shorten="middle")], rows)
    _more(page, len(report.files) - len(shown))


def _more(page: Page, hidden: int) -> None:
    if hidden > 0:
        page.paragraph(f"and {number.count(hidden)} more in the JSON result", "dim")
