"""One scalar column as indicators whose sums over a batch give its distribution function or shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors.base import Floats, Matrix

EDGES = 64
"""Points at which distribution functions are compared: quantiles of F."""
MAX_LEVELS = 64
"""Levels of a category that are told apart; beyond, rare ones share one."""
Kind = Literal["linear", "circular", "category", "missing"]


@dataclass(frozen=True)
class Scalar:
    """One statistic: a column (or its missing indicator) of the pooled images."""

    name: str
    kind: Kind
    column: int
    indicators: Matrix
    """[n, e]: 1 where the value is at most the edge; for categories one column a level."""


def arrays() -> tuple[Array, ...]:
    """Of what `learn` returns."""
    return (
        Array("edges", "float64", ("columns", EDGES)),
        Array("median", "float64", ("columns",)),
    )


def learn(reference: Matrix, columns: Sequence[Column]) -> State:
    """State from F [n, d]: quantile `edges` [d, EDGES] and the `median` [d] that stands in for a missing value.

    Edges lie at the quantiles (i + 1/2) / EDGES, i = 0 .. EDGES - 1. Zeros for categories, which need neither, and
    for columns without any finite value.
    """
    levels = (np.arange(EDGES) + 0.5) / EDGES
    edges, median = np.zeros((len(columns), EDGES)), np.zeros(len(columns))
    for j, column in enumerate(columns):
        x = reference[:, j].astype(np.float64)
        x = x[np.isfinite(x)]
        if len(x) and column.kind != "category":
            edges[j], median[j] = np.quantile(x, levels), np.median(x)
    return {"edges": edges, "median": median}


def scalars(state: State, pooled: Matrix, columns: Sequence[Column]) -> list[Scalar]:
    """The statistics that the pooled images [n, d] allow, in the order of the columns; constant columns give none.

    Every kind of column becomes indicators, 0 or 1 an image: whether the value is at most an edge (numbers, angles),
    whether it is this level (categories), whether it is missing. Their means over a set of images are that set's
    distribution function on the grid, its shares, its share of missing values.
    """
    varying = []
    for j, column in enumerate(columns):
        x = pooled[:, j]
        missing = ~np.isfinite(x)
        if column.kind == "category":
            indicators = _levels(np.where(missing, -1, x))
        else:
            filled = np.where(missing, np.float32(state["median"][j]), x)
            indicators = filled[:, None] <= np.unique(state["edges"][j]).astype(np.float32)
        # An indicator that is 0 or 1 throughout differs in no relabelling.
        indicators = indicators[:, indicators.any(axis=0) & ~indicators.all(axis=0)]
        if indicators.shape[1]:
            varying.append(Scalar(column.name, column.kind, j, indicators.astype(np.float32)))
        if column.kind != "category" and missing.any() and not missing.all():
            indicator = missing[:, None].astype(np.float32)
            varying.append(Scalar(f"{column.name}.missing", "missing", j, indicator))
    return varying


def _levels(codes: Matrix) -> np.ndarray:
    """Indicators [n, levels] of the levels that occur in the pooled codes [n]; rare ones beyond MAX_LEVELS share one.

    Levels come from C and Y together, whoever holds them: who is called "batch" must not matter.
    """
    values, counts = np.unique(codes, return_counts=True)
    common = np.sort(values[np.argsort(-counts, kind="stable")[: MAX_LEVELS - 1]])
    indicators = codes[:, None] == common
    return np.concatenate([indicators, ~indicators.any(axis=1, keepdims=True)], axis=1)


def distance(kind: Kind, delta: Floats, pooled: Floats) -> Floats:
    """How far the shares of batch and rest, whose difference is `delta` [rows, e], lie apart: [rows]; `pooled` [e] weighs them.

    linear: root of the Anderson-Darling distance on F's quantile grid (Scholz & Stephens 1987, as
    powerful as Kolmogorov-Smirnov for the middle and better in the tails) · circular: Kuiper ·
    category: total variation · missing: difference of shares.
    """
    # Anderson-Darling: the integral of (G - F)^2 / (H (1 - H)) over the pooled distribution H. Here it is the mean over
    # F's quantiles, which is an integral over F: close to H without drift, and the same for every relabelling.
    # Kuiper: the largest excess of either distribution function, added up. It is the same wherever on the circle the
    # angles start to count, which the largest difference alone is not.
    if kind == "linear":
        root: Floats = np.sqrt(delta**2 @ (1 / (pooled * (1 - pooled))) / len(pooled))
        return root
    if kind == "circular":
        arc: Floats = np.maximum(delta.max(axis=1), 0) + np.maximum((-delta).max(axis=1), 0)
        return arc
    half: Floats = np.abs(delta).sum(axis=1) / 2 if kind == "category" else np.abs(delta[:, 0])
    return half


def shifted_share(kind: Kind, batch: Floats, rest: Floats) -> float:
    """The largest difference of probability of one event, in [0, 1], from shares [e]: a lower bound on total variation.

    The event is a half-line for numbers, an arc for angles, a set of levels for categories.
    """
    delta = batch - rest
    if kind == "category":
        return float(np.abs(delta).sum() / 2)
    if kind == "circular":
        return float(max(delta.max(), 0) + max((-delta).max(), 0))
    return float(np.abs(delta).max())


def describe(varying: Sequence[Scalar], held_out: Matrix, batch: Matrix) -> tuple[Statistic, ...]:
    """One statistic a scalar as observed, of C [n, d] and the batch [m, d]: values on both sides, effects, bounds.

    Lower bounds hold for all scalars at once with 95 % (`dkw_width`).
    """
    width = dkw_width(len(held_out), len(batch), len(varying))
    n = len(held_out)
    statistics = []
    for scalar in varying:
        shares_x = scalar.indicators[:n].mean(axis=0, dtype=np.float64)
        shares_y = scalar.indicators[n:].mean(axis=0, dtype=np.float64)
        effect = shifted_share(scalar.kind, shares_y, shares_x)
        lower = _lower(scalar, shares_y - shares_x, held_out, batch, width)
        before, after, display = _display(scalar, held_out, batch)
        statistics.append(Statistic(scalar.name, after, before, effect, lower, display))
    return tuple(statistics)


def dkw_width(n: int, m: int, count: int) -> float:
    """By how much the observed difference of two distribution functions may exceed the true one, anywhere.

    Empirical functions of n and m values, `count` pairs of them, all at once with probability 95 %.
    """
    # Dvoretzky, Kiefer & Wolfowitz with Massart's constant (1990, Ann. Probab. 18): P(sup |F_n - F| > e) <= 2 exp(-2 n e^2).
    # Set to 0.05 / count that is e = sqrt(log(2 count / 0.05) / 2) / sqrt(n). Both sides' errors add up, and each width
    # may be exceeded; but the samples are independent, and where one error is large the other seldom is. With t the
    # common root, r = sqrt(smaller / larger sample) and X, Y of the law that the inequality allows at worst, the sum
    # exceeds both widths with probability E[min(1, 2 exp(-2 (t + (t - X) r)^2))]: 0.05 / count at r = 0, less beyond.
    return math.sqrt(math.log(2 * max(count, 1) / 0.05) / 2) * (1 / math.sqrt(m) + 1 / math.sqrt(n))


def _lower(scalar: Scalar, delta: Floats, held_out: Matrix, batch: Matrix, width: float) -> float:
    """What is left of the shifted share after the bound on both distribution functions, at least 0.

    The bound holds for half-lines; an arc, an interval or a single level is the difference of two
    and pays twice. It does not hold for sums over levels: forty levels differ much in twenty images.
    """
    if scalar.kind == "category":
        # Levels in the order of their codes, as numbers: distribution functions instead of shares.
        x, y = (np.sort(np.nan_to_num(side[:, scalar.column], nan=-1)) for side in (held_out, batch))
        levels = np.unique(np.concatenate([x, y]))
        below = (np.searchsorted(side, levels, side="right") / len(side) for side in (x, y))
        delta = np.subtract(*reversed(tuple(below)))
    lower = float(np.abs(delta).max()) - width
    if scalar.kind in {"category", "circular"}:
        between = max(float(delta.max()), 0.0) + max(float(-delta.min()), 0.0)
        lower = max(lower, between - 2 * width)
    return max(lower, 0.0)


def _display(
    scalar: Scalar, held_out: Matrix, batch: Matrix
) -> tuple[float | None, float | None, DisplayEffect | None]:
    """Value in C, value in the batch, and the difference in words' units: what a reader is shown."""
    x, y = (side[:, scalar.column].astype(np.float64) for side in (held_out, batch))
    if scalar.kind == "missing":
        before, after = (float((~np.isfinite(side)).mean()) for side in (x, y))
        return before, after, DisplayEffect("share_shift", after - before)
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not len(x) or not len(y):
        return None, None, None
    if scalar.kind == "category":
        new = float((~np.isin(y, x)).mean())
        return None, None, DisplayEffect("new_level_share", new)
    if scalar.kind == "circular":
        before, after = circular_mean(x), circular_mean(y)
        return before, after, DisplayEffect("turn_shift", (after - before + 0.5) % 1 - 0.5)
    sd = float(x.std())
    shift = DisplayEffect("sd_shift", float(y.mean() - x.mean()) / sd) if sd > 0 else None
    return float(np.median(x)), float(np.median(y)), shift


def circular_mean(turns: Floats) -> float:
    """Mean direction of angles in turns, in [0, 1): that of the mean of the points on the unit circle."""
    angle = np.exp(2j * np.pi * turns).mean()
    return float(np.angle(angle) / (2 * np.pi) % 1)
