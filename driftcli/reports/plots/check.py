"""The plots of one check: baseline as an area, batch as a line, so that no colour is needed."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from driftcli.reports.content import numbers
from driftcli.reports.plots.drawing import drawn
from driftcli.reports.plots.svg import BASELINE, BATCH, INK, LINE, PAPER, SOFT, Mark
from driftcli.reports.plots.ticks import distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from driftcli.core.findings import Distribution, ScoreResult

    Shares = Sequence[float]

SCORE, PROPERTY, MAP = (4.4, 2.2), (2.7, 1.15), (6.4, 4.6)
"""Inches; one is 96 px where a page shows the plot in its own size."""
PRINT = 8.5
SLIVER, HUGE = 1e-9, 1e30
"""A share of an axis that is nothing; a number that no measured value reaches, and none can be drawn."""


def drawable(edges: Shares, *shares: Shares) -> bool:
    """Whether there are rising edges of a size that can be drawn, and as many shares as bins."""
    if len(edges) < 2 or not all(map(math.isfinite, edges)):  # noqa: PLR2004  # both ends of a bin
        return False
    span = edges[-1] - edges[0]
    sized = max(span, *map(abs, edges)) < HUGE and span > SLIVER * max(map(abs, edges))
    wide = all(right - left > SLIVER * span for left, right in pairwise(edges))
    whole = all(len(share) == len(edges) - 1 and all(0 <= mass <= 1 for mass in share) for share in shares)
    return sized and span > 1 / HUGE and wide and whole and all(sum(share) > SLIVER for share in shares)


def histogram(score: ScoreResult, about: str) -> Markup:
    """How strange good images and those of the batch are, and where alarm begins."""

    def draw(axes: Any) -> None:
        top = _bins(axes, score.edges, score.baseline, score.batch)
        _frame(axes, score.edges, top * 1.16)
        _threshold(axes, score, top * 1.16)

    return drawn(SCORE, draw, about, box=(0.03, 0.14, 0.94, 0.83))


def cumulated(score: ScoreResult, about: str) -> Markup:
    """The share of images up to each score, of both sides."""

    def draw(axes: Any) -> None:
        for shares, colour, width, dashes in (
            (score.baseline, BASELINE, 1.6, (4, 2)), (score.batch, BATCH, 2.0, (None, None)),
        ):  # fmt: skip
            total = sum(shares)
            rising = [0.0, *(mass / total for mass in accumulate(shares))]
            axes.plot(score.edges, rising, color=colour, lw=width, dashes=dashes, clip_on=False)
        _frame(axes, score.edges, 1.0)
        axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        axes.hlines([0.5, 1], score.edges[0], score.edges[-1], color=LINE, lw=0.6, zorder=0)
        _threshold(axes, score, 1.0, label=False)

    return drawn(SCORE, draw, about, box=(0.1, 0.14, 0.87, 0.8))


def distribution(shares: Distribution, values: tuple[float | None, float | None], about: str) -> Markup:
    """One property on both sides, and what is typical of each (baseline, batch) as dotted lines."""

    def draw(axes: Any) -> None:
        top = _bins(axes, shares.edges, shares.baseline, shares.batch)
        _frame(axes, shares.edges, top * 1.05, ticks=3)
        for value, colour in zip(values, (BASELINE, BATCH), strict=True):
            if value is not None and shares.edges[0] <= value <= shares.edges[-1]:
                axes.vlines(value, 0, top, color=colour, lw=0.9, linestyles=(0, (1, 1.6)))

    return drawn(PROPERTY, draw, about, box=(0.03, 0.2, 0.94, 0.78))


def scatter(
    baseline: Sequence[Sequence[float]], batch: Sequence[Sequence[float]],
    marks: Sequence[Sequence[Mark]], axis_names: Sequence[str], about: str,
) -> Markup:  # fmt: skip
    """The map: circles are good images, diamonds the batch's; every point has a name, some lead to a picture."""

    def draw(axes: Any) -> None:
        _points(axes, "good", baseline, marker="o", s=15, c=BASELINE, alpha=0.45, edgecolors="none")
        _points(axes, "new", batch, marker="D", s=17, c=BATCH, alpha=0.9, edgecolors=PAPER)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        _quiet(axes)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_xlabel(axis_names[0], fontsize=PRINT, color=SOFT, labelpad=6)
        axes.set_ylabel(axis_names[1], fontsize=PRINT, color=SOFT, labelpad=6)

    return drawn(
        MAP, draw, about, box=(0.05, 0.07, 0.93, 0.91), marks=dict(zip(("good", "new"), marks, strict=True))
    )


def _points(axes: Any, gid: str, points: Sequence[Sequence[float]], **look: Any) -> None:
    x, y = [point[0] for point in points], [point[1] for point in points]
    axes.scatter(x, y, gid=gid, linewidths=0.5, clip_on=False, **look)


def placeable(point: Shares) -> bool:
    """Whether a point has a place on the map."""
    return len(point) > 1 and all(math.isfinite(at) and abs(at) < HUGE for at in point)


def _bins(axes: Any, edges: Shares, baseline: Shares, batch: Shares) -> float:
    """Both histograms as densities; the height of the higher one."""
    heights = []
    for shares, colour, filled in ((baseline, BASELINE, 0.28), (batch, BATCH, 0.0)):
        height = [mass / (right - left) for mass, (left, right) in zip(shares, pairwise(edges), strict=True)]
        if filled:
            axes.stairs(height, edges, fill=True, color=colour, alpha=filled, lw=0, clip_on=False)
        axes.stairs(height, edges, color=colour, lw=1.0 if filled else 1.9, clip_on=False)
        heights.append(max(height))
    return max(heights)


def _threshold(axes: Any, score: ScoreResult, top: float, *, label: bool = True) -> None:
    line = score.threshold
    if line is None or not score.edges[0] <= line <= score.edges[-1]:
        return
    axes.vlines(line, 0, top, color=INK, lw=1.0, linestyles=(0, (3, 2)))
    if label:
        right = line > (score.edges[0] + score.edges[-1]) / 2
        away = {"xytext": (-4 if right else 4, 0), "textcoords": "offset points"}
        side = "right" if right else "left"
        axes.annotate(
            f"threshold {numbers.value(line)}",
            (line, top),
            fontsize=PRINT,
            color=INK,
            ha=side,
            va="top",
            **away,
        )


def _frame(axes: Any, edges: Shares, top: float, ticks: int = 5) -> None:
    """A ground line, a few round numbers below it, and nothing else."""
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    _quiet(axes)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, top)
    axes.set_yticks([])
    places = [
        place
        for place in MaxNLocator(ticks, min_n_ticks=2).tick_values(edges[0], edges[-1])
        if edges[0] <= place <= edges[-1]
    ]
    zero = SLIVER * (edges[-1] - edges[0])
    axes.set_xticks(places, distinct([0.0 if abs(place) < zero else float(place) for place in places]))


def _quiet(axes: Any) -> None:
    axes.patch.set_visible(False)
    axes.tick_params(bottom=False, left=False, labelsize=PRINT, labelcolor=SOFT, pad=3)
    for spine in axes.spines.values():
        spine.set_color(LINE)
