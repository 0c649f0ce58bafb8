"""Charts of a history as SVG whose colours are the page's: light or dark, without a script."""

from __future__ import annotations

import html
import io
import re
from typing import TYPE_CHECKING, Any

from driftcli.core.text import label, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftcli.check_history.records import Chart, Past, PastCheck
    from driftcli.reports.history.numbers import Trend

COLOURS = {
    "ink": "#010101",
    "faint": "#020202",
    "good": "#030303",
    "batch": "#040404",
    "alarm": "#050505",
    "paper": "#060606",
}
"""Stand-ins, replaced by the page's `var(--NAME)` once the picture is drawn."""
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["faint"],
    "axes.labelcolor": COLOURS["ink"],
    "text.color": COLOURS["ink"],
    "xtick.color": COLOURS["ink"],
    "ytick.color": COLOURS["ink"],
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.unicode_minus": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
WIDE, SMALL = (9.0, 2.4), (4.2, 1.9)
TICKS = 6


def drawn(name: str, alt: str, size: tuple[float, float], draw: Callable[[Any], None]) -> str:
    """One picture as an <svg> element that says in `alt` what it shows. `name` keeps its ids apart from others'."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.add_subplot())
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{colour})")
    prefix = re.sub(r"\W", "-", name, flags=re.ASCII)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    said = html.escape(safe_name(alt), quote=True)
    return re.sub(r"<svg\b", f'<svg role="img" aria-label="{said}"', svg, count=1).strip()


def p_values(past: Past) -> str:
    """The p-value of every check, on a logarithmic scale, with alpha."""
    checks = past.checks

    def draw(axes: Any) -> None:
        _logarithmic(axes)
        for place, check in enumerate(checks):
            if check.p_value is not None:
                differs = check.p_value <= check.alpha
                axes.plot(place, check.p_value, "X" if differs else "o", ms=5, color=_colour(differs))
        _level(axes, checks[-1].alpha, f"alpha {checks[-1].alpha:g}")
        axes.set_ylim(top=1.5)
        axes.set_ylabel("p")
        _dates(axes, checks)

    below = sum(c.p_value is not None and c.p_value <= c.alpha for c in checks)
    return drawn("p", f"p-values of {len(checks)} checks; {below} at or below alpha", WIDE, draw)


def evidence(past: Past, limit: float) -> str:
    """M after every check, on a logarithmic scale, with the alarm's limit and the acknowledgements."""
    checks = past.checks

    def draw(axes: Any) -> None:
        _logarithmic(axes)
        known = [(k, c.value) for k, c in enumerate(checks) if c.value]
        axes.plot(*zip(*known, strict=True), "-", lw=1, color=COLOURS["batch"])
        for place, value in known:
            axes.plot(place, value, "X" if value >= limit else "o", ms=5, color=_colour(value >= limit))
        _level(axes, limit, f"alarm at {limit:g}")
        for one in past.acknowledged:
            after = next((k for k, check in enumerate(checks) if check.id > one.after), len(checks))
            axes.axvline(after - 0.5, color=COLOURS["faint"], ls="--", lw=1)
        axes.set_ylabel("evidence")
        _dates(axes, checks)

    if not any(check.value for check in checks):
        return ""
    last = checks[-1].value
    now = "unknown" if last is None else f"{last:.3g}"
    return drawn("evidence", f"Evidence of all checks together: now {now}, alarm at {limit:g}", WIDE, draw)


def control(chart: Chart, past: Past) -> str:
    """One control chart and its limit."""
    by_id = {check.id: check for check in past.checks}

    def draw(axes: Any) -> None:
        axes.plot(range(len(chart.values)), chart.values, "-", lw=1, color=COLOURS["batch"])
        for place, value in enumerate(chart.values):
            over = value > chart.limit
            axes.plot(place, value, "X" if over else "o", ms=4, color=_colour(over))
        _level(axes, chart.limit, f"limit {chart.limit:.2f}")
        _dates(axes, [by_id[check] for check in chart.checks])

    over = sum(value > chart.limit for value in chart.values)
    return drawn(chart.name, f"{chart.title}; {over} of {len(chart.values)} checks above", SMALL, draw)


def small_multiple(trend: Trend, past: Past) -> str:
    """One statistic day by day: the middle half and median of each batch over the baseline's band."""
    last = trend.last
    good = None if last is None else last.good

    def draw(axes: Any) -> None:
        if good is not None:
            axes.axhspan(good.q05, good.q95, color=COLOURS["good"], alpha=0.13, lw=0)
            axes.axhspan(good.q25, good.q75, color=COLOURS["good"], alpha=0.22, lw=0)
            axes.axhline(good.median, color=COLOURS["good"], lw=1)
        for place, (found, out) in enumerate(zip(trend.found, trend.beyond, strict=True)):
            if found is not None and found.now is not None:
                colour = _colour(out)
                axes.plot([place] * 2, [found.now.q25, found.now.q75], "-", lw=2.5, alpha=0.6, color=colour)
                axes.plot(place, found.now.median, "X" if out else "o", ms=5, color=colour)
        axes.set_title(
            f"{label(trend.name)}{f' ({trend.unit})' if trend.unit else ''}", loc="left", fontsize=9
        )
        _dates(axes, past.checks)

    beyond = sum(trend.beyond)
    alt = f"{label(trend.name)}: medians and middle halves of {len(trend.found)} batches over the baseline's band"
    return drawn(f"{trend.family}-{trend.name}", f"{alt}; {beyond} beyond 3 standard errors", SMALL, draw)


def _colour(out: bool) -> str:
    return COLOURS["alarm" if out else "batch"]


def _level(axes: Any, value: float, text: str) -> None:
    axes.axhline(value, color=COLOURS["alarm"], lw=1, ls="--")
    axes.annotate(
        text, (0.01, value), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="left", fontsize=8, color=COLOURS["alarm"],
    )  # fmt: skip


def _logarithmic(axes: Any) -> None:
    """Plain numbers at the powers of ten: the library's own labels are formulas."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _place: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda _value, _place: "")


def _dates(axes: Any, checks: Sequence[PastCheck]) -> None:
    """A few dates (times, of a single day) below equal steps: checks come as they come."""
    shown = slice(11, 16) if len({check.created[:10] for check in checks}) == 1 else slice(5, 10)
    step = max(1, -(-len(checks) // TICKS))
    places = list(range(0, len(checks), step))
    axes.set_xticks(places, [safe_name(checks[place].created[shown]) for place in places])
    axes.set_xlim(-0.7, len(checks) - 0.3)
