"""What `power` found, as a page to read: what is found, by whom, then every rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from driftcli.core.times import duration
from driftcli.reports.content import numbers as number
from driftcli.reports.content.words import words
from driftcli.reports.layout.page import Cell, Page, Track
from driftcli.reports.power import rates
from driftcli.reports.power.words import (
    FOREIGN,
    FOUND,
    GATE,
    amount,
    corruptions,
    largest_share,
    mildest,
    rate,
    title,
    told_size,
    two,
    widest,
)

if TYPE_CHECKING:
    from driftcli.core.power_report import NullRow, PowerReport, Rate


def to_text(report: PowerReport, *, width: int = 100, color: bool = False, ascii_only: bool = False) -> str:
    """The page, at most `width` cells wide (40 at least), ending in a newline."""
    page = Page(width, ascii_only=ascii_only)
    _head(page, report)
    _summary(page, report)
    _families(page, report)
    _null(page, report)
    rates.rates(page, report)
    if report.cautions:
        page.heading("Cautions")
        page.bullets(report.cautions, mark="!", style="yellow")
    _footer(page, report)
    return page.render(color=color)


def quiet_line(report: PowerReport) -> str:
    """`power found=5/8 batch=50 false_alarms=1.2% images=200 baseline=default`."""
    size = told_size(report)
    seen = [name for name in corruptions(report) if mildest(report, name, size, largest_share(report))]
    fired = sum(row.rates[GATE].rate * row.trials for row in report.null)
    rate = fired / max(sum(row.trials for row in report.null), 1)
    fields = [
        f"power found={len(seen)}/{len(corruptions(report))}", f"batch={size}", f"false_alarms={rate:.1%}",
        f"images={report.images}", f"baseline={report.baseline}",
    ]  # fmt: skip
    return " ".join(fields)


def _head(page: Page, report: PowerReport) -> None:
    source = ", ".join(report.source)
    page.paragraph(f"What the gate sees in batches from {source}", "bold", lead="POWER  ", lead_style="bold")
    tried = sum(not cell.inferred for cell in report.cells)
    inferred = len(report.cells) - tried
    text = (
        f"{number.plural(report.images, 'image')}, compared with {number.count(report.baseline_images)} others of baseline "
        f"{report.baseline}; alpha {number.p_value(report.alpha)}; {report.trials} batches in each of "
        f"{number.plural(tried, 'cell')}"
    )
    sure = (
        f"; {number.count(inferred)} more follow from milder ones that no batch escaped" if inferred else ""
    )
    page.paragraph(f"{text}{sure}.", lead=" " * len("POWER  "))


def _summary(page: Page, report: PowerReport) -> None:
    if not report.cells:
        return
    size, share = told_size(report), largest_share(report)
    where = "" if share >= 1 else f", {number.percent(share)} of their images changed"
    page.heading(
        f"Found in {number.percent(FOUND)} of batches of {size}{where}",
        "the lowest severity measured that is, and its rate",
    )
    rows, missed = [], []
    for name in corruptions(report):
        cell = mildest(report, name, size, share)
        if cell is None:
            missed.append(_missed(report, name, size, share))
        elif name == FOREIGN:
            said = f"from {number.percent(cell.share)} of the images"
            rows.append([Cell(title(name)), Cell(said), Cell(""), Cell(rate(cell.rates[GATE]), "green")])
        else:
            said = f"from severity {number.value(cell.severity)}"
            rows.append(
                [Cell(title(name)), Cell(said), Cell(amount(cell)), Cell(rate(cell.rates[GATE]), "green")]
            )
    if rows:
        page.table([Track(shorten="end"), Track(), Track(shorten="end"), Track(right=True)], rows)
    if missed:
        page.paragraph(f"Not so often: {', '.join(missed)}.")


def _missed(report: PowerReport, name: str, size: int, share: float) -> str:
    cells = [cell for cell in report.cells if cell.corruption == name and cell.batch == size]
    strongest = max(
        (cell for cell in cells if name == FOREIGN or cell.share == share),
        key=lambda cell: (cell.severity or 0, cell.share),
        default=None,
    )
    if strongest is None:
        return title(name)
    seen = rate(strongest.rates[GATE])
    if name == FOREIGN:
        return f"foreign images up to {number.percent(strongest.share)} ({seen})"
    return f"{words(name)} up to severity {number.value(strongest.severity)} ({seen})"


def _families(page: Page, report: PowerReport) -> None:
    """Which family finds what, on the cells where there was anything to compare."""
    tried = [cell for cell in report.cells if not cell.inferred]
    names = [name for name in (tried[0].rates if tried else ()) if name != GATE]
    if len(names) < 2:  # noqa: PLR2004  # one family is the gate
        return
    page.heading("Which family finds what", "mean rate of the cells that were tried")
    rows = []
    for corruption in corruptions(report):
        cells = [cell for cell in tried if cell.corruption == corruption]
        if not cells:
            continue
        means = {name: sum(cell.rates[name].rate for cell in cells) / len(cells) for name in (GATE, *names)}
        best = max(means[name] for name in names)
        shown = [
            Cell(two(means[name]), "bold green" if name != GATE and means[name] == best else "")
            for name in means
        ]
        rows.append([Cell(title(corruption)), *shown])
    tracks = [
        Track(shorten="end"),
        *(Track(words(name), right=True, shorten="end") for name in (GATE, *names)),
    ]
    page.table(tracks, rows)
    silent = [words(name) for name in names if report.families.get(name) == "advisory"]
    if silent:
        page.paragraph(f"No say in the gate (advisory): {', '.join(silent)}.", "dim")


def _null(page: Page, report: PowerReport) -> None:
    if not report.null:
        return
    page.heading("False alarms", f"unchanged batches; promised: {number.percent(report.alpha)}")
    rows = [
        [Cell(f"{row.batch} images"), Cell(_fired(row)), Cell(_between(row.rates[GATE]))]
        for row in report.null
    ]
    page.table([Track(), Track(right=True), Track()], rows)


def _fired(row: NullRow) -> str:
    return f"{round(row.rates[GATE].rate * row.trials)} of {number.count(row.trials)}"


def _between(found: Rate) -> str:
    return f"{number.percent(found.rate)} (95 %: {number.percent(found.low)} to {number.percent(found.high)})"


def _footer(page: Page, report: PowerReport) -> None:
    environment: Mapping[str, object] = report.environment
    seconds = report.timing.get("seconds")
    width = widest(report)
    run = [
        f"seed {environment.get('seed', 0)}", str(environment.get("device", "")),
        duration(seconds) if seconds is not None else "",
    ]  # fmt: skip
    lines = {
        "read so": f"a rate of .50 from {report.trials} batches is known to ±{two(width)} (95 %, Wilson); batches are drawn "
        f"from the same {number.plural(report.images, 'image')}",
        "artifact": f"{report.artifact} ({report.digest[:12]})",
        "run": ", ".join(part for part in run if part),
        "by": f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}, {report.created}",
    }
    page.gap()
    for name, line in lines.items():
        page.paragraph(line, "dim", lead=f"  {name:<10}", lead_style="dim")
