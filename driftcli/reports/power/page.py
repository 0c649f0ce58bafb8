"""What `power` found, as a document: what is found, by whom, then every rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.times import duration
from driftcli.reports.content import numbers
from driftcli.reports.content.words import words
from driftcli.reports.layout.document import (
    Banner,
    Bullets,
    Cell,
    Column,
    Document,
    Facts,
    Name,
    Paragraph,
    Section,
    Table,
)
from driftcli.reports.power.rates import rates
from driftcli.reports.power.words import (
    FOREIGN,
    FOUND,
    GATE,
    amount,
    corruptions,
    largest_share,
    mildest,
    rate,
    strongest,
    title,
    two,
    usual_size,
    widest,
)

if TYPE_CHECKING:
    from driftcli.core.power_report import NullRow, PowerCell, PowerReport, Rate
    from driftcli.reports.layout.document import Words


def document(report: PowerReport) -> Document:
    """The whole result; sections that have nothing to say are left out."""
    made = (_summary(report), _families(report), _false_alarms(report), rates(report), _cautions(report))
    sections = (*(section for section in made if section is not None), _provenance(report))
    return Document(_lead(report), sections)


def _lead(report: PowerReport) -> Banner:
    source = ", ".join(report.source)
    tried = sum(not cell.inferred for cell in report.cells)
    inferred = len(report.cells) - tried
    follow = f"; {numbers.count(inferred)} more follow from milder ones that no batch escaped"
    sure = (
        f"{numbers.plural(report.images, 'image')}, compared with {numbers.count(report.baseline_images)} others of baseline "
        f"{report.baseline}; alpha {numbers.p_value(report.alpha)}; {report.trials} batches in each of "
        f"{numbers.plural(tried, 'cell')}{follow if inferred else ''}."
    )
    return Banner("", "POWER", f"What the gate sees in batches from {source}", sure=sure)


# ---------------------------------------------------------------- what is found


def _summary(report: PowerReport) -> Section | None:
    """The mildest severity of each corruption that is found."""
    if not report.cells:
        return None
    size, share = usual_size(report), largest_share(report)
    mild = {name: mildest(report, name, size, share) for name in corruptions(report)}
    rows = tuple(_found(name, cell) for name, cell in mild.items() if cell is not None)
    missed = [_missed(report, name, size, share) for name, cell in mild.items() if cell is None]
    columns = (
        Column("corruption", shorten="end", hidden=True), Column("from", hidden=True),
        Column("amount", shorten="end", hidden=True), Column("rate", right=True, hidden=True),
    )  # fmt: skip
    blocks = (
        *([Table(columns, rows)] if rows else []),
        *([Paragraph(f"Not so often: {', '.join(missed)}.")] if missed else []),
    )
    where = "" if share >= 1 else f", {numbers.percent(share)} of their images changed"
    heading = f"Found in {numbers.percent(FOUND)} of batches of {size}{where}"
    return Section("found", heading, blocks, "the lowest severity measured that is, and its rate")


def _found(name: str, cell: PowerCell) -> tuple[Cell, ...]:
    if name == FOREIGN:
        start, much = f"from {numbers.percent(cell.share)} of the images", ""
    else:
        start, much = f"from severity {numbers.value(cell.severity)}", amount(cell)
    return Cell(title(name)), Cell(start), Cell(much), Cell(rate(cell.rates[GATE]), "good")


def _missed(report: PowerReport, name: str, size: int, share: float) -> str:
    cell = strongest(report, name, size, share)
    if cell is None:
        return title(name)
    often = rate(cell.rates[GATE])
    if name == FOREIGN:
        return f"foreign images up to {numbers.percent(cell.share)} ({often})"
    return f"{words(name)} up to severity {numbers.value(cell.severity)} ({often})"


def _families(report: PowerReport) -> Section | None:
    """Which family finds what, on the cells where there was anything to compare."""
    tried = [cell for cell in report.cells if not cell.inferred]
    names = [name for name in (tried[0].rates if tried else ()) if name != GATE]
    if len(names) < 2:  # noqa: PLR2004  # one family is the gate
        return None
    columns = (
        Column("corruption", shorten="end", hidden=True),
        *(Column(words(name), right=True, shorten="end") for name in (GATE, *names)),
    )
    cells = {name: [cell for cell in tried if cell.corruption == name] for name in corruptions(report)}
    rows = tuple(_means(name, of, names) for name, of in cells.items() if of)
    silent = [words(name) for name in names if report.families.get(name) == "advisory"]
    note = f"No say in the gate (advisory): {', '.join(silent)}."
    blocks = (Table(columns, rows), *([Paragraph(note, "soft")] if silent else []))
    return Section("families", "Which family finds what", blocks, "mean rate of the cells that were tried")


def _means(corruption: str, cells: list[PowerCell], names: list[str]) -> tuple[Cell, ...]:
    means = {name: sum(cell.rates[name].rate for cell in cells) / len(cells) for name in (GATE, *names)}
    best = max(means[name] for name in names)
    shown = (Cell(two(mean), "best" if name != GATE and mean == best else "") for name, mean in means.items())
    return (Cell(title(corruption)), *shown)


def _false_alarms(report: PowerReport) -> Section | None:
    if not report.null:
        return None
    columns = (
        Column("batch", hidden=True), Column("fired", right=True, hidden=True), Column("rate", hidden=True),
    )  # fmt: skip
    rows = tuple(
        (Cell(f"{row.batch} images"), Cell(_fired(row)), Cell(_between(row.rates[GATE]))) for row in report.null
    )  # fmt: skip
    aside = f"unchanged batches; promised: {numbers.percent(report.alpha)}"
    return Section("false-alarms", "False alarms", (Table(columns, rows),), aside)


def _fired(row: NullRow) -> str:
    return f"{round(row.rates[GATE].rate * row.trials)} of {numbers.count(row.trials)}"


def _between(fired: Rate) -> str:
    return f"{numbers.percent(fired.rate)} (95 %: {numbers.percent(fired.low)} to {numbers.percent(fired.high)})"  # fmt: skip


# ---------------------------------------------------------------- the end


def _cautions(report: PowerReport) -> Section | None:
    if not report.cautions:
        return None
    return Section("cautions", "Cautions", (Bullets(report.cautions, "!", "warn"),))


def _provenance(report: PowerReport) -> Section:
    environment, seconds = report.environment, report.timing.get("seconds")
    run = [
        f"seed {environment.get('seed', 0)}", str(environment.get("device", "")),
        duration(seconds) if seconds is not None else "",
    ]  # fmt: skip
    read = (
        f"a rate of .50 from {report.trials} batches is known to ±{two(widest(report))} (95 %, Wilson); batches are drawn "
        f"from the same {numbers.plural(report.images, 'image')}"
    )
    rows: tuple[tuple[str, Words], ...] = (
        ("read so", read),
        ("artifact", (Name(report.artifact), f" ({report.digest[:12]})")),
        ("run", ", ".join(part for part in run if part)),
        ("by", f"{report.tool.get('name', 'driftcli')} {report.tool.get('version', '')}, {report.created}"),
    )
    return Section("again", "", (Facts(rows, "soft"),))
