"""A history as a document: the checks, the evidence of all of them, and trends of what was measured."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from driftcli.core.text import label
from driftcli.reports.content import numbers
from driftcli.reports.history import model, summary, trends
from driftcli.reports.history.summary import when
from driftcli.reports.layout.document import (
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Entry,
    Link,
    Name,
    Paragraph,
    Section,
    Table,
    Tone,
    Words,
)
from driftcli.reports.layout.document import Trend as Line
from driftcli.reports.layout.pictured import Fold, Panels, Plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.check_history import records
    from driftcli.check_history.records import Past, PastCheck

DIGEST = 12
TONES: dict[str, Tone] = {
    "pass": "good",
    "warn": "warn",
    "drift": "alarm",
    "inconclusive": "warn",
    "differs": "warn",
    "alarm": "alarm",
}
WEEK = 7
"""Checks that a page shows at once."""
CAPTION = "Exit codes are the gate's own, before --exit-zero."


def document(past: Past, names: tuple[str, ...] = (), *, page: bool = False) -> Document:
    """The whole history. `names`: statistics to draw; without any, all properties. `page`: with pictures."""
    fresh = trends.once(past)
    asked = trends.trends(fresh, names)
    measured = _day_by_day(fresh, asked) if page else _charts(fresh, asked) if names else _properties(asked)
    also = tuple(_also(series) for series in past.series if series is not past.chosen)
    created = f"{when(past.checks[-1].when)} UTC" if past.checks else ""
    tool = f"driftcli {past.tool.get('version', '')}"
    title = f"History {past.database}"
    about_model = model.section(past, page=page)
    if page:
        sections = (
            *about_model, *_checks_on_page(past), *_evidence(past, _as_made(fresh), page=True),
            *([] if about_model else _p_values(fresh)), *measured,
            *_first_alarms(past), *_control(past, page=True), *([Section("series", "Other series", also)] if also else []),
        )  # fmt: skip
        about = ("history ", Name(past.database), f", {named(past)}")
        return Document(summary.banner(past, *model.newest(past)), sections, title, about, created, tool)
    sections = (
        *about_model, _checks(past), *_evidence(past, _as_made(fresh), page=False), *measured, *_first_alarms(past),
        *_control(past, page=False),
    )  # fmt: skip
    return Document(
        Section("history", past.database, also, named(past)), sections, title, "history", created, tool
    )


def _as_made(past: Past) -> Past:
    """The same in the order in which the checks were made: evidence knows no other."""
    return replace(past, checks=tuple(sorted(past.checks, key=lambda check: check.id)))


def named(past: Past) -> str:
    """The series in words."""
    return "no check knew its baseline" if past.chosen is None else _series(past.chosen)


def _series(series: records.Series) -> str:
    group = f", group {series.group}" if series.group else ""
    return f"baseline {series.baseline} ({series.baseline_digest[:DIGEST]}){group}"


def _also(series: records.Series) -> Paragraph:
    state = f"ALARM since {when(series.since)}" if series.since else f"evidence {numbers.value(series.value)}"
    until = f"{numbers.plural(series.checks, 'check')} until {when(series.last)}"
    unnamed = "" if series.group else ", no group"
    shown = f"shown by --group {shlex.quote(series.group or '')}"
    return Paragraph(f"also {_series(series)}{unnamed}: {until}, {state}; {shown}", "soft")


# ---------------------------------------------------------------- the checks


def _checks(past: Past) -> Section:
    """Every check, the newest last: where a terminal ends."""
    return Section("checks", "Checks", (_table(past.checks, CAPTION),), _earlier(past))


def _earlier(past: Past) -> str:
    return f"{past.earlier:,} earlier ones not shown" if past.earlier else ""


def _checks_on_page(past: Past) -> list[Section]:
    """The newest first, with reasons; those of more than a week ago on demand."""
    checks = past.checks[::-1]
    if not checks:
        return []
    linked = any(check.report for check in checks)
    caption = f"The newest first. {'A date leads to its report. ' if linked else ''}{CAPTION}"
    older = checks[WEEK:]
    fold = (Fold(numbers.plural(len(older), "earlier check"), (_table(older, page=True),)),) if older else ()
    blocks = (_table(checks[:WEEK], caption, page=True), *fold)
    return [Section("checks", "Checks", blocks, _earlier(past))]


def _table(checks: Sequence[PastCheck], caption: str = "", *, page: bool = False) -> Table:
    columns = (
        Column("date (UTC)"), Column("verdict"), Column("exit", right=True), Column("p", right=True),
        Column("differ", right=True), Column("images", right=True),
        *([] if page else [Column("evidence", right=True)]), Column("source", shorten="middle"),
        *([Column("why", shorten="end")] if page else []),
    )  # fmt: skip
    return Table(columns, tuple(_check(check, page=page) for check in checks), caption)


def _check(check: PastCheck, *, page: bool) -> tuple[Cell, ...]:
    """One check; a page has a reason in place of the evidence, which is drawn there."""
    again, outcome = " (again)" if check.duplicate else "", trends.outcome(check)
    lower = check.effect_lower if check.verdict in {"drift", "warn"} else None
    evidence = "" if check.value is None else numbers.value(check.value)
    alarm = " ALARM" if check.alarm else ""
    also = alarm if page and outcome != "alarm" else ""
    return (
        Cell((Link(when(check.when), check.report),) if check.report else when(check.when)),
        Cell(f"{trends.MARKS.get(outcome, outcome)}{again}{also}", TONES.get(outcome, "")),
        Cell(str(check.exit_code)),
        Cell("" if check.p_value is None else numbers.p_value(check.p_value, check.alpha)),
        Cell(f"≥ {numbers.at_least(lower)}" if lower else ""),
        Cell(numbers.count(check.images)),
        *([] if page else [Cell(f"{evidence}{alarm}", "alarm" if check.alarm else "")]),
        Cell(", ".join(check.source)),
        *([Cell(_reason(check))] if page else []),
    )  # fmt: skip


def _reason(check: PastCheck) -> str:
    """The first of the batch's own: that of an alarm comes before it, and is the same until it is acknowledged."""
    own = check.reasons[1:] if check.alarm and check.gate == "sequence" else check.reasons
    return next(iter(own or check.reasons), "")


# ---------------------------------------------------------------- all checks together


def _evidence(past: Past, fresh: Past, *, page: bool) -> list[Section]:
    """The state of the sequence in words, and M after each batch."""
    values, limit = tuple(check.value for check in fresh.checks), trends.threshold(past)
    if past.chosen is None or (page and not any(values) and not past.standing):
        return []
    acknowledged = [_acknowledged(entry) for entry in past.acknowledged]
    before = [_standing(past, series) for series in past.standing]
    blocks = (*before, *_alarm(past, past.chosen), _drawn(fresh, values, limit, page=page), *acknowledged)
    aside = f"alarm at {numbers.value(limit)}, 1 / alpha"
    return [Section("evidence", "Evidence of all checks together", blocks, aside)]


def _alarm(past: Past, chosen: records.Series) -> list[Block]:
    if chosen.since is not None:
        since = f"ALARM since {when(chosen.since)}, not acknowledged"
        return [Paragraph(f"{since}: driftcli history {past.database} --acknowledge", "alarm")]
    if past.checks[-1].gate != "sequence":
        return [Paragraph("It does not decide here: the last check ran with --gate batch.")]
    return []


def _standing(past: Past, series: records.Series) -> Paragraph:
    """An alarm that a new baseline did not end."""
    began = past.chosen.first if past.chosen is not None else ""
    return Paragraph(
        f"ALARM since {when(series.since or '')} against the baseline of before ({series.baseline_digest[:DIGEST]}), not acknowledged. "
        f"The baseline changed, and the evidence began again at 0 with the check of {when(began)}: driftcli history {past.database} "
        "--acknowledge",
        "alarm",
    )


def _drawn(fresh: Past, values: tuple[float | None, ...], limit: float, *, page: bool) -> Block:
    if not page:
        over = tuple(value is not None and value >= limit for value in values)
        return Chart(values, (limit,), over, logarithmic=True)
    from driftcli.reports.plots import history

    caption = (
        f"What the gate over many checks looks at (--gate sequence): on good images it reaches {numbers.value(limit)} within "
        f"{numbers.count(fresh.checks[-1].horizon)} checks with probability alpha at most. Dashed upright lines are acknowledgements."
    )
    return Plot(partial(history.evidence, fresh, limit), caption)


def _acknowledged(entry: records.Acknowledged) -> Paragraph:
    note = f": {entry.note}" if entry.note else ""
    return Paragraph(f"acknowledged {when(entry.created)} at {numbers.value(entry.value)}{note}", "soft")


def _p_values(fresh: Past) -> list[Section]:
    from driftcli.reports.plots import history

    caption = "Crosses are batches that differ by themselves. A daily rule p ≤ 0.01 alarms falsely in 97 % of years."
    return [Section("p-values", "p-values", (Plot(partial(history.p_values, fresh.checks), caption),))]


# ---------------------------------------------------------------- what was measured


def _charts(fresh: Past, asked: tuple[trends.Trend, ...]) -> list[Section]:
    """One statistic each: its means against the limits of the baseline."""
    return [_chart(fresh, trend) for trend in asked]


def _chart(fresh: Past, trend: trends.Trend) -> Section:
    last = trend.last
    bounds = None if last is None else trends.limits(last, fresh.checks[-1])
    levels: tuple[float, ...] = ()
    if bounds is not None and last is not None and last.good is not None:
        levels = (bounds[0], last.good.mean, bounds[1])
    note = "Lines: the baseline's mean, and 3 standard errors of a batch on either side."
    blocks = (Chart(trend.means, levels, trend.beyond), *([Paragraph(note, "soft")] if levels else []))
    unit = f" ({trend.unit})" if trend.unit else ""
    return Section(f"trend-{trend.name}", f"{label(trend.name)}{unit}", blocks, f"mean of each batch; {trend.family}")  # fmt: skip


def _properties(asked: tuple[trends.Trend, ...]) -> list[Section]:
    """One line each."""
    if not asked:
        return []
    columns = (
        Column("property", shorten="end", hidden=True), Column("trend", shorten="end", hidden=True),
        Column("baseline", right=True), Column("last", right=True), Column("unit", hidden=True),
        Column("beyond", hidden=True),
    )  # fmt: skip
    aside = "mean of each batch, oldest first; beyond: more than 3 standard errors"
    return [Section("properties", "Properties", (Table(columns, tuple(map(_property, asked))),), aside)]


def _property(trend: trends.Trend) -> tuple[Entry, ...]:
    last = trend.last
    good = last.good.mean if last is not None and last.good is not None else None
    newest = next((mean for mean in reversed(trend.means) if mean is not None), None)
    beyond = sum(trend.beyond)
    return (
        Cell(label(trend.name)), Line(trend.means), Cell(numbers.value(good)), Cell(numbers.value(newest)), Cell(trend.unit),
        Cell(f"{beyond} of {len(trend.statistics)} beyond" if beyond else "", "bad" if beyond else ""),
    )  # fmt: skip


def _day_by_day(fresh: Past, asked: tuple[trends.Trend, ...]) -> list[Section]:
    """Small drawings of whole batches, where they are known."""
    from driftcli.reports.plots import history

    known = [trend for trend in asked if any(statistic is not None and statistic.now is not None for statistic in trend.statistics)]  # fmt: skip
    if not known:
        return []
    words = (
        "Each batch: median and middle half. Bands: the baseline's 5–95 % and middle half, line: its median. A cross is a batch "
        "whose mean lies more than 3 standard errors from the baseline's; so many pictures have some by chance, and the gate "
        "above corrects for it."
    )

    def panels(shown: Sequence[trends.Trend]) -> Panels:
        return Panels(tuple(Plot(partial(history.small_multiple, trend, fresh)) for trend in shown))

    beyond = [trend for trend in known if any(trend.beyond)]
    within = [trend for trend in known if not any(trend.beyond)]
    if not beyond:
        blocks: tuple[Block, ...] = (panels(within),)
    else:
        fold = Fold(f"{numbers.count(len(within))} that were never beyond", (panels(within),))
        blocks = (panels(beyond), *([fold] if within else []))
    brief = "" if beyond else "none was ever beyond 3 standard errors"
    return [
        Section(
            "properties", "Properties", (Paragraph(words, "soft"), *blocks), found=bool(beyond), brief=brief
        )
    ]


# ---------------------------------------------------------------- what happened first, and control charts


def _first_alarms(past: Past) -> list[Section]:
    events: tuple[Words, ...] = tuple(f"{what}: {when(time)}" for what, time in trends.events(past))
    return [Section("first", "First alarms", (Bullets(events),))] if events else []


def _control(past: Past, *, page: bool) -> list[Section]:
    if not past.charts:
        return []
    charts = [chart for chart in past.charts if chart.values]
    if not page:
        aside = "pictures, not the gate (-o html=FILE draws them)"
        return [Section("control", "Control charts", (Bullets(tuple(map(_state, charts))),), aside)]
    from driftcli.reports.plots import history

    plots = tuple(Plot(partial(history.control, chart, past), _state(chart)) for chart in charts)
    aside = "pictures, not the gate; on the normal scores of the p-values"
    return [Section("control", "Control charts", (Panels(plots),), aside)]


def _state(chart: records.Chart) -> str:
    return (
        f"{chart.title}: now {chart.values[-1]:.2f}, limit {chart.limit:.2f}; on good images it would rise "
        f"above it in {numbers.percent(chart.yearly)} of years of {chart.per_year:,} checks (simulated)"
    )
