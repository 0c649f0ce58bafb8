"""A history on the terminal: the checks, the evidence of all of them, and trends of what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.text import label
from driftcli.reports.content import numbers as number
from driftcli.reports.history import numbers
from driftcli.reports.layout import line_chart as drawn
from driftcli.reports.layout.page import Cell, Page, Track

if TYPE_CHECKING:
    from driftcli.check_history.records import Past, PastCheck

DIGEST = 12
STYLES = {"pass": "green", "warn": "yellow", "drift": "bold red", "inconclusive": "yellow"}


def to_text(
    past: Past,
    names: tuple[str, ...] = (),
    *,
    width: int = 100,
    color: bool = False,
    ascii_only: bool = False,
) -> str:
    """The whole page. `names`: statistics to draw as charts; without any, a line for each property."""
    page = Page(width, ascii_only=ascii_only)
    fresh = numbers.once(past)
    asked = numbers.trends(fresh, names)
    _head(page, past)
    _table(page, past)
    _sequence(page, past, [check.value for check in fresh.checks])
    for trend in asked if names else ():
        _chart(page, fresh, trend)
    if not names:
        _trends(page, asked)
    _closing(page, past)
    return page.render(color=color)


def quiet_line(past: Past) -> str:
    """`checks=40 last=drift p=0.0002 evidence=31.2 alarm=yes`."""
    last = past.checks[-1]
    parts = [f"checks={len(past.checks) + past.earlier}", f"last={last.verdict}"]
    parts.append(f"p={number.p_value(last.p_value) if last.p_value is not None else 'none'}")
    if past.chosen is not None:
        parts += [f"evidence={past.chosen.value:.3g}", f"alarm={'yes' if past.chosen.alarm else 'no'}"]
    return " ".join(parts)


def named(past: Past) -> str:
    """The series in words."""
    chosen = past.chosen
    if chosen is None:
        return "no check knew its baseline"
    group = f", group {chosen.group}" if chosen.group else ""
    return f"baseline {chosen.baseline} ({chosen.baseline_digest[:DIGEST]}){group}"


def when(created: str) -> str:
    """`2026-11-04 06:00` of a time as stored."""
    return created[:16].replace("T", " ")


def _head(page: Page, past: Past) -> None:
    page.heading(past.database, named(past))
    others = [one for one in past.series if one is not past.chosen]
    for one in others:
        group = f", group {one.group}" if one.group else ""
        state = f"ALARM since {when(one.since)}" if one.since else f"evidence {number.value(one.value)}"
        page.paragraph(
            f"also baseline {one.baseline} ({one.baseline_digest[:DIGEST]}){group}: "
            f"{number.plural(one.checks, 'check')} until {when(one.last)}, {state}",
            "dim",
        )


def _table(page: Page, past: Past) -> None:
    page.heading("Checks", f"{past.earlier:,} earlier ones not shown" if past.earlier else "")
    tracks = [
        Track("date (UTC)"), Track("verdict"), Track("exit", right=True), Track("p", right=True),
        Track("differ", right=True), Track("images", right=True), Track("evidence", right=True),
        Track("source", shorten="middle"),
    ]  # fmt: skip
    page.table(tracks, [_row(check) for check in past.checks])


def _row(check: PastCheck) -> list[Cell]:
    again = " (again)" if check.duplicate else ""
    lower = check.effect_lower if check.verdict in {"drift", "warn"} else None
    evidence = "" if check.value is None else number.value(check.value)
    return [
        Cell(when(check.created)),
        Cell(f"{numbers.MARKS.get(check.verdict, check.verdict)}{again}", STYLES.get(check.verdict, "")),
        Cell(str(check.exit_code)),
        Cell("" if check.p_value is None else number.p_value(check.p_value, check.alpha)),
        Cell(f"≥ {number.at_least(lower)}" if lower else ""),
        Cell(number.count(check.images)),
        Cell(f"{evidence} ALARM" if check.alarm else evidence, "bold red" if check.alarm else ""),
        Cell(", ".join(check.source)),
    ]


def _sequence(page: Page, past: Past, values: list[float | None]) -> None:
    """The state in words, and M after each batch."""
    chosen = past.chosen
    if chosen is None:
        return
    limit, decides = numbers.threshold(past), past.checks[-1].gate == "sequence"
    page.heading("Evidence of all checks together", f"alarm at {number.value(limit)}, 1 / alpha")
    if chosen.since is not None:
        said = f"ALARM since {when(chosen.since)}, not acknowledged: driftcli history {past.database} --acknowledge"
        page.paragraph(said, "bold red")
    elif not decides:
        page.paragraph("It does not decide here: the last check ran with --gate batch.")
    over = [value is not None and value >= limit for value in values]
    for name, line in drawn.chart(values, [limit], over, page.measure - 2, log=True, plain=page.ascii_only):
        page.paragraph(line, lead=f"  {name:>{drawn.AXIS}} ")
    for one in past.acknowledged:
        note = f": {one.note}" if one.note else ""
        page.paragraph(f"acknowledged {when(one.created)} at {number.value(one.value)}{note}", "dim")


def _chart(page: Page, past: Past, trend: numbers.Trend) -> None:
    """One statistic's means against the limits of the baseline."""
    unit = f" ({trend.unit})" if trend.unit else ""
    page.heading(f"{label(trend.name)}{unit}", f"mean of each batch; {trend.family}")
    last = trend.last
    bounds = None if last is None else numbers.limits(last, past.checks[-1])
    levels = (
        [] if bounds is None or last is None or last.good is None else [bounds[0], last.good.mean, bounds[1]]
    )
    for name, line in drawn.chart(trend.means, levels, trend.beyond, page.measure - 2, plain=page.ascii_only):
        page.paragraph(line, lead=f"  {name:>{drawn.AXIS}} ")
    if levels:
        page.paragraph("Lines: the baseline's mean, and 3 standard errors of a batch on either side.", "dim")


def _trends(page: Page, asked: tuple[numbers.Trend, ...]) -> None:
    if not asked:
        return
    page.heading("Properties", "mean of each batch, oldest first; beyond: more than 3 standard errors")
    rows = []
    for trend in asked:
        last = trend.last
        good = last.good.mean if last is not None and last.good is not None else None
        newest = next((mean for mean in reversed(trend.means) if mean is not None), None)
        beyond = sum(trend.beyond)
        rows.append(
            [
                Cell(label(trend.name)),
                Cell(drawn.trend(trend.means, plain=page.ascii_only)),
                Cell(number.value(good)),
                Cell(number.value(newest)),
                Cell(trend.unit),
                Cell(f"{beyond} of {len(trend.found)} beyond" if beyond else "", "red" if beyond else ""),
            ]
        )
    tracks = [
        Track("", shorten="end"),
        Track("", shorten="end"),
        Track("baseline", right=True),
        Track("last", right=True),
    ]
    page.table([*tracks, Track(), Track()], rows)


def _closing(page: Page, past: Past) -> None:
    events = numbers.events(past)
    if events:
        page.heading("First alarms")
        page.bullets(f"{what}: {when(time)}" for what, time in events)
    if past.charts:
        page.heading("Control charts", "pictures, not the gate (-o html=FILE draws them)")
        page.bullets(
            f"{chart.title}: now {chart.values[-1]:.2f}, limit {chart.limit:.2f}; on good images it would rise "
            f"above it in {number.percent(chart.yearly)} of years of {chart.per_year:,} checks (simulated)"
            for chart in past.charts
            if chart.values
        )
