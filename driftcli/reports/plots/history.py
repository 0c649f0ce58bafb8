"""Charts of a history as SVG whose colours are the page's: light or dark, without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftcli.core.text import label, safe_name
from driftcli.reports.plots.drawing import drawn
from driftcli.reports.plots.svg import ALARM, BASELINE, BATCH, INK, SOFT
from driftcli.reports.plots.ticks import dates, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from driftcli.check_history.records import Chart, Past, PastCheck
    from driftcli.core.findings import AccuracyEstimate
    from driftcli.reports.history.days import Day
    from driftcli.reports.history.trends import Trend

WIDE, SMALL = (9.0, 2.4), (4.2, 1.9)


def p_values(checks: Sequence[PastCheck]) -> Markup:
    """The p-value of every check, on a logarithmic scale, with alpha."""

    def draw(axes: Any) -> None:
        _logarithmic(axes)
        for place, check in enumerate(checks):
            if check.p_value is not None:
                differs = check.p_value <= check.alpha
                axes.plot(place, check.p_value, "X" if differs else "o", ms=5, color=_colour(differs))
        _level(axes, checks[-1].alpha, f"alpha {checks[-1].alpha:g}")
        axes.set_ylim(top=1.5)
        axes.set_ylabel("p")
        _newest_first_seen(axes)
        _dates(axes, checks)

    below = sum(c.p_value is not None and c.p_value <= c.alpha for c in checks)
    return drawn(WIDE, draw, f"p-values of {len(checks)} checks; {below} at or below alpha")


def accuracy(days: Sequence[Day], baseline: float | None) -> Markup:
    """The classifier's accuracy on every batch, as estimated and as labelled, with 95 % intervals and the baseline's as a line."""

    def draw(axes: Any) -> None:
        if baseline is not None:
            axes.axhline(100 * baseline, color=BASELINE, lw=1.5, label=f"baseline {100 * baseline:.0f} %")
        for place, day in enumerate(days):
            hurts = day.harm is not None and (day.harm.alarm or day.harm.verdict == "probably hurts")
            _estimate(axes, place - 0.12, day.estimated, "X" if hurts else "o", _colour(hurts))
            _estimate(axes, place + 0.12, None if day.labelled is None else day.labelled.accuracy, "s", BATCH)
        axes.plot([], [], "o", ms=5, color=INK, label="estimated without labels")
        if any(day.labelled for day in days):
            axes.plot([], [], "s", ms=5, color=BATCH, label="as labelled")
        axes.legend(
            frameon=False, ncol=3, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0
        )
        axes.set_ylabel("right answers, %")
        readable(axes.yaxis)
        _newest_first_seen(axes)
        _dates(axes, [day.check for day in days])

    both = [
        f"{sum(day.estimated is not None for day in days)} estimates",
        f"{sum(day.labelled is not None for day in days)} measured by labels",
    ]
    level = "" if baseline is None else f", {100 * baseline:.0f} % on the baseline"
    return drawn(WIDE, draw, f"Accuracy of the model on {len(days)} batches: {', '.join(both)}{level}")


def _estimate(axes: Any, place: float, found: AccuracyEstimate | None, mark: str, colour: str) -> None:
    if found is not None:
        axes.plot([place] * 2, [100 * found.low, 100 * found.high], "-", lw=2, alpha=0.6, color=colour)
        axes.plot(place, 100 * found.value, mark, ms=5, color=colour)


def evidence(past: Past, limit: float) -> Markup:
    """M after every check, on a logarithmic scale, with the alarm's limit and the acknowledgements."""
    checks = past.checks

    def draw(axes: Any) -> None:
        _logarithmic(axes)
        known = [(k, c.value) for k, c in enumerate(checks) if c.value]
        axes.plot(*zip(*known, strict=True), "-", lw=1, color=INK)
        for place, value in known:
            axes.plot(place, value, "X" if value >= limit else "o", ms=5, color=_colour(value >= limit))
        _level(axes, limit, f"alarm at {limit:g}")
        for entry in past.acknowledged:
            after = next((k for k, check in enumerate(checks) if check.id > entry.after), len(checks))
            axes.axvline(after - 0.5, color=SOFT, ls="--", lw=1)
        axes.set_ylabel("evidence")
        _newest_first_seen(axes)
        _dates(axes, checks)

    last = checks[-1].value
    now = "unknown" if last is None else f"{last:.3g}"
    return drawn(WIDE, draw, f"Evidence of all checks together: now {now}, alarm at {limit:g}")


def control(chart: Chart, past: Past) -> Markup:
    """One control chart and its limit."""
    by_id = {check.id: check for check in past.checks}

    def draw(axes: Any) -> None:
        axes.plot(range(len(chart.values)), chart.values, "-", lw=1, color=INK)
        for place, value in enumerate(chart.values):
            over = value > chart.limit
            axes.plot(place, value, "X" if over else "o", ms=4, color=_colour(over))
        _level(axes, chart.limit, f"limit {chart.limit:.2f}")
        readable(axes.yaxis)
        _dates(axes, [by_id[check] for check in chart.checks])

    over = sum(value > chart.limit for value in chart.values)
    return drawn(SMALL, draw, f"{chart.title}; {over} of {len(chart.values)} checks above")


def small_multiple(trend: Trend, past: Past) -> Markup:
    """One statistic day by day: the middle half and median of each batch over the baseline's band."""
    last = trend.last
    good = None if last is None else last.good

    def draw(axes: Any) -> None:
        if good is not None:
            axes.axhspan(good.q05, good.q95, color=BASELINE, alpha=0.13, lw=0)
            axes.axhspan(good.q25, good.q75, color=BASELINE, alpha=0.22, lw=0)
            axes.axhline(good.median, color=BASELINE, lw=1)
        for place, (statistic, out) in enumerate(zip(trend.statistics, trend.beyond, strict=True)):
            if statistic is not None and statistic.now is not None:
                colour = _colour(out)
                axes.plot(
                    [place] * 2, [statistic.now.q25, statistic.now.q75], "-", lw=2.5, alpha=0.6, color=colour
                )
                axes.plot(place, statistic.now.median, "X" if out else "o", ms=5, color=colour)
        unit = f" ({trend.unit})" if trend.unit else ""
        axes.set_title(safe_name(f"{label(trend.name)}{unit}"), loc="left", fontsize=9)
        readable(axes.yaxis)
        _dates(axes, past.checks)

    beyond = sum(trend.beyond)
    alt = f"{label(trend.name)} ({trend.family}): medians and middle halves of {len(trend.statistics)} batches over the baseline's band"
    return drawn(SMALL, draw, f"{alt}; {beyond} beyond 3 standard errors")


def _colour(out: bool) -> str:
    return ALARM if out else INK


def _level(axes: Any, value: float, text: str) -> None:
    axes.axhline(value, color=ALARM, lw=1, ls="--")
    axes.annotate(
        text, (0.5, value), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="left", fontsize=8, color=ALARM,
    )  # fmt: skip


def _logarithmic(axes: Any) -> None:
    """Plain numbers at the powers of ten: the library's own labels are formulas."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda _value, _place: "")


def _dates(axes: Any, checks: Sequence[PastCheck]) -> None:
    """A few dates (times, of a single day) below equal steps: checks come as they come."""
    places, labels = dates([check.when for check in checks])
    axes.set_xticks(places, list(map(safe_name, labels)))
    axes.set_xlim(-0.7, len(checks) - 0.3)


def _newest_first_seen(axes: Any) -> None:
    """The scale stands at the right, where the newest day is: there a narrow window opens."""
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.spines["left"].set_visible(False)
    axes.spines["right"].set_visible(True)
