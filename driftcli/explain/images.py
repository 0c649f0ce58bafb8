"""Why one image stands out: the properties in which it lies outside of what the baseline usually is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.core.findings import Outside
from driftcli.explain.words import hue_name, level_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftcli.core.features import Column

Values = NDArray[np.float32]
Numbers = NDArray[np.float64]

TAIL = 0.05
"""Each side's share outside the central 90 %."""


class _Outside(NamedTuple):
    """One column of the batch against the baseline's, each [m]."""

    distance: Numbers
    """How far outside, in widths of the usual range; 0 inside. Comparable across columns."""
    beyond: Numbers
    """Share of the baseline that the image lies beyond; for levels and missing values: that has the same."""
    above: NDArray[np.bool_]


def outside(
    values: Values,
    held_out: Values,
    columns: Sequence[Column],
    top: int = 2,
    levels: Mapping[int, str] | None = None,
) -> list[tuple[Outside, ...]]:
    """For each image of a batch up to `top` properties in which it lies farthest outside the baseline.

    `values`: [m, d], `held_out`: [n, d], both with the d `columns`; NaN is a missing value.
    Only properties outside the baseline's central 90 % are named, such as sharpness 0.02, below 99 % of
    the baseline. `levels` names the codes of categories.
    """
    if not columns or not len(held_out) or top < 1:
        return [() for _ in values]
    by_column = [_outside(values[:, at], held_out[:, at], column) for at, column in enumerate(columns)]
    distance = np.stack([judged.distance for judged in by_column], axis=1)
    order = np.argsort(-distance, axis=1, kind="stable")[:, :top]
    return [
        tuple(
            _facts(float(values[row, at]), columns[at], by_column[at], row, levels or {})
            for at in order[row]
            if distance[row, at] > 0
        )
        for row in range(len(values))
    ]


def _outside(values: Values, held_out: Values, column: Column) -> _Outside:
    """One column of the batch [m] against the held-out set's [n], as its kind (linear, circular, category) demands.

    A missing value counts as one whole range outside where fewer than 5 % of the held-out set miss it, too.
    """
    ours, theirs = values.astype(np.float64), held_out.astype(np.float64)
    known = theirs[np.isfinite(theirs)]
    if not len(known):
        outside = _Outside(np.zeros(len(ours)), np.zeros(len(ours)), np.zeros(len(ours), dtype=bool))
    elif column.kind == "category":
        outside = _rare(ours, known, len(theirs))
    elif column.kind == "circular":
        outside = _far_round(ours, known)
    else:
        outside = _far(ours, known)
    missing = ~np.isfinite(ours)
    share = 1 - len(known) / len(theirs)
    distance = np.where(missing, 1.0 if share < TAIL else 0.0, outside.distance)
    return _Outside(distance, np.where(missing, share, outside.beyond), outside.above)


def _far(ours: Numbers, known: Numbers) -> _Outside:
    """Beyond the 5 % and 95 % quantiles, measured in the distance between them."""
    ranked = np.sort(known)
    below = np.searchsorted(ranked, ours, side="left") / len(ranked)
    above = 1 - np.searchsorted(ranked, ours, side="right") / len(ranked)
    low, middle, high = np.quantile(ranked, [TAIL, 0.5, 1 - TAIL])
    scale = max(high - low, 1e-6 * abs(middle), 1e-12)
    distance = np.abs(ours - middle) / scale
    rises = below >= above
    beyond = np.where(rises, below, above)
    return _Outside(np.where(beyond >= 1 - TAIL, distance, 0.0), beyond, rises)


def _far_round(ours: Numbers, known: Numbers) -> _Outside:
    """On the circle (values in turns, 0 to 1): farther from the baseline's circular mean than 90 % of it.

    The circular mean is the angle of the mean of unit vectors exp(2πi·x); distances are taken the short way
    round, in [0, 1/2].
    """
    resultant = np.exp(2j * np.pi * known).mean()
    mean = np.angle(resultant) / (2 * np.pi)
    near = np.sort(np.abs((known - mean + 0.5) % 1 - 0.5))
    away = np.abs((ours - mean + 0.5) % 1 - 0.5)
    beyond = np.searchsorted(near, away, side="left") / len(near)
    usual = max(2 * float(np.quantile(near, 1 - 2 * TAIL)), 1e-6)
    return _Outside(
        np.where(beyond >= 1 - 2 * TAIL, away / usual, 0.0), beyond, np.ones(len(ours), dtype=bool)
    )


def _rare(ours: Numbers, known: Numbers, count: int) -> _Outside:
    """A level that fewer than 5 % of the baseline have; a new one counts as one whole range away."""
    levels, counts = np.unique(known, return_counts=True)
    at = np.minimum(np.searchsorted(levels, ours), len(levels) - 1)
    share = np.where(levels[at] == ours, counts[at] / count, 0.0)
    return _Outside(np.where(share < TAIL, 1.0 - share, 0.0), share, np.ones(len(ours), dtype=bool))


def _facts(value: float, column: Column, found: _Outside, row: int, levels: Mapping[int, str]) -> Outside:
    """One column in which one image lies outside."""
    share = float(found.beyond[row])
    if not np.isfinite(value):
        return Outside(column.name, "missing", share)
    if column.kind == "category":
        return Outside(column.name, "level", share, level=level_name(value, levels))
    if column.kind == "circular":
        return Outside(column.name, "far", share, value, column.unit or None, hue_name(value))
    return Outside(column.name, "above" if found.above[row] else "below", share, value, column.unit or None)
