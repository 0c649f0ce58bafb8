"""What `power` found, as a picture: rate against severity, a panel a corruption and share, a line a batch size."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

from driftcli.core.errors import UsageError
from driftcli.reports.content import numbers
from driftcli.reports.power.words import FOREIGN, FOUND, GATE, corruptions, title, unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.power_report import PowerCell, PowerReport

FORMATS = ("png", "svg", "pdf")
ACROSS = 8
"""Panels in a row."""
MARKERS = "osD^vP*X"
PANEL = (1.75, 1.45)
"""Inches."""
ENTRY = 1.2
"""Width of a legend's entry, in inches."""
LETTERS = 17
"""Of the smallest print in an inch."""


def require() -> None:
    """Raise UsageError where nothing can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise UsageError("a plot needs matplotlib", "pip install matplotlib") from error


def to_plot(report: PowerReport, form: str = "png") -> bytes:
    """The picture as a file of one of `FORMATS`; without a date, so that the same result gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = corruptions(report)
    shares = sorted({cell.share for cell in report.cells}, reverse=True)
    across = max(1, min(ACROSS, len(names)))
    bands = -(-max(len(names), 1) // across)
    size = (0.9 + PANEL[0] * across, 1.3 + PANEL[1] * len(shares) * bands + 0.6 * bands)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    axes = figure.subplots(bands * max(len(shares), 1), across, sharey=True, squeeze=False)
    for row in axes:
        for panel in row:
            panel.set_visible(False)
    for place, name in enumerate(names):
        for level, share in enumerate(shares):
            panel = axes[place // across * len(shares) + level, place % across]
            if name == FOREIGN and level:
                continue
            panel.set_visible(True)
            _panel(panel, report, name, share)
            if name != FOREIGN and level < len(shares) - 1:
                panel.set_xlabel("")
                panel.tick_params(labelbottom=False)
            if level == 0:
                panel.set_title(title(name), fontsize=9)
            if place % across == 0:
                images = "all images" if share >= 1 else f"{numbers.percent(share)} of the images"
                panel.set_ylabel(f"found\n({images})", fontsize=8)
    _legend(figure, report)
    stream = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {"Software": None})
    with mpl.rc_context({"svg.hashsalt": "driftcli"}):
        figure.savefig(stream, format=form, metadata=undated)
    return stream.getvalue()


def _panel(panel: Any, report: PowerReport, name: str, share: float) -> None:
    """Lines with their intervals; .8 and alpha as thin lines."""
    cells = [c for c in report.cells if c.corruption == name and (name == FOREIGN or c.share == share)]
    for place, m in enumerate(_sizes(report)):
        line = sorted((c for c in cells if c.batch == m), key=_x)
        x = [_x(cell) for cell in line]
        rates = [cell.rates[GATE] for cell in line]
        colour = _colour(report, place)
        panel.fill_between(x, [r.low for r in rates], [r.high for r in rates], color=colour, alpha=0.15, lw=0)
        panel.plot(
            x, [r.rate for r in rates], color=colour, lw=1.3, ms=3, marker=MARKERS[place % len(MARKERS)]
        )
    for level in (FOUND, report.alpha):
        panel.axhline(level, color="0.6", lw=0.6, ls=":" if level == FOUND else "-", zorder=0)
    panel.set_ylim(-0.03, 1.03)
    panel.set_yticks([0, 0.5, 1])
    panel.tick_params(labelsize=7, length=2)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    ticks = {_x(cell): _tick(cell) for cell in cells}
    panel.set_xticks(list(ticks), list(ticks.values()))
    spread = max(ticks, default=1) - min(ticks, default=0)
    panel.set_xlim(min(ticks, default=0) - 0.12 * (spread or 1), max(ticks, default=1) + 0.12 * (spread or 1))
    panel.set_xlabel("share" if name == FOREIGN else f"severity, {_short(cells)}".rstrip(", "), fontsize=7)


def _short(cells: Sequence[PowerCell]) -> str:
    words = unit(cells[0]) if cells else ""
    return words if len(words) <= 18 else f"{words[:17]}…"  # noqa: PLR2004  # what fits below a panel


def _x(cell: PowerCell) -> float:
    return cell.share if cell.severity is None else cell.severity


def _tick(cell: PowerCell) -> str:
    if cell.severity is None:
        return f"{cell.share:.0%}"
    return f"{numbers.value(cell.severity)}\n{numbers.value(cell.amount)}"


def _sizes(report: PowerReport) -> list[int]:
    return sorted({cell.batch for cell in report.cells})


def _colour(report: PowerReport, place: int) -> Any:
    """Dark to light with the batch size: a scale that every kind of colour vision and a grey print can order."""
    import matplotlib as mpl

    return mpl.colormaps["viridis"](0.8 * (1 - place / max(len(_sizes(report)) - 1, 1)))


def _legend(figure: Any, report: PowerReport) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=_colour(report, i),
            marker=MARKERS[i % len(MARKERS)],
            ms=4,
            lw=1.3,
            label=f"{m} images",
        )
        for i, m in enumerate(_sizes(report))
    ]
    columns = max(1, min(len(handles), int(figure.get_figwidth() / ENTRY)))
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=8)
    note = (
        f"batches drawn from {numbers.plural(report.images, 'image')} against {numbers.count(report.baseline_images)} good ones; "
        f"{report.trials} batches a point, 95 % intervals; dotted: {FOUND:g}; line: alpha {report.alpha:g}"
    )
    figure.supxlabel(
        textwrap.fill(note, max(20, int(figure.get_figwidth() * LETTERS))), fontsize=7, color="0.35"
    )
