"""How strange a value is among good ones, in one unit for all: -ln of the share of good values as far out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Column
from driftcli.detectors._scalars import circular_mean
from driftcli.detectors.base import Floats, Matrix

TOP, LEAST = 10, 5
"""The upper tenth of C shapes the tail, at least so many images."""


def upper(held_out: Floats, batch: Floats) -> tuple[Floats, Floats]:
    """-ln p of every value of C [n, d] and of the batch [m, d]: large values are strange.

    p is the share of good values at least as large, the value itself included; above C's upper tenth it goes on
    as an exponential with the mean excess there (Pickands 1975), so that far beyond all of C is stranger than
    just beyond. A value of C is judged by the others (leave-one-out): by one value fewer than those of the
    batch and otherwise alike. Where the upper tenth is one value, nothing goes on.
    """
    n, d = held_out.shape
    k = min(max(n // TOP, LEAST), n - 2)
    order = np.argsort(-held_out, axis=0, kind="stable")
    fallen = np.take_along_axis(held_out, order, axis=0)
    place = np.empty((n, d), np.int64)
    np.put_along_axis(place, order, np.arange(n)[:, None], axis=0)
    top = np.cumsum(fallen, axis=0)
    u, above = fallen[k], top[k - 1]
    u_others = np.where(place <= k, fallen[k + 1], u)
    above_others = np.where(place < k, top[k] - held_out, above)
    rising = fallen[::-1]
    count = np.stack([n - np.searchsorted(rising[:, j], held_out[:, j], "left") for j in range(d)], axis=1)
    met = np.stack([n - np.searchsorted(rising[:, j], batch[:, j], "left") for j in range(d)], axis=1)
    own = _nats(held_out, u_others, above_others / k - u_others, count / n, (k + 1) / n)
    return own, _nats(batch, u, above / k - u, (met + 1) / (n + 1), (k + 1) / (n + 1))


def _nats(values: Floats, u: Floats, excess: Floats, share: Floats, beyond: float) -> Floats:
    """`share` of values as large; above `u`, of which `beyond` are, the mean `excess` tells how it goes on."""
    far = (values > u) & (excess > 1e-9 * np.maximum(np.abs(u), 1e-12))
    tail = -np.log(beyond) + np.where(far, values - u, 0.0) / np.where(far, excess, 1.0)
    found: Floats = np.where(far, tail, -np.log(share))
    return found


def columns(held_out: Matrix, batch: Matrix, of: Sequence[Column]) -> tuple[Floats, Floats]:
    """[n, d] and [m, d]: each column by its kind: both sides of a number, the far side of a circle, rare levels.

    A missing value is as strange as missing is rare, and a known one as rare as known.
    """
    own, theirs = np.zeros(held_out.shape), np.zeros(batch.shape)
    for j, column in enumerate(of):
        x, y = held_out[:, j].astype(np.float64), batch[:, j].astype(np.float64)
        if column.kind == "category":
            own[:, j], theirs[:, j] = _rare(np.nan_to_num(x, nan=-1), np.nan_to_num(y, nan=-1))
            continue
        known_x, known_y = np.isfinite(x), np.isfinite(y)
        own[:, j], theirs[:, j] = _rare(known_x, known_y)
        if known_x.sum() <= LEAST or (not known_y.any() and not known_x.any()):
            continue
        a, b = x[known_x], y[known_y]
        if column.kind == "circular":
            middle = circular_mean(a)
            a, b = (np.abs((side - middle + 0.5) % 1 - 0.5) for side in (a, b))
            found = upper(a[:, None], b[:, None])
            one, two = found[0][:, 0], found[1][:, 0]
        else:
            found = upper(np.stack([a, -a], axis=1), np.stack([b, -b], axis=1))
            one, two = (np.maximum(side.max(axis=1) - np.log(2), 0.0) for side in found)
        own[known_x, j] = np.maximum(own[known_x, j], one)
        theirs[known_y, j] = np.maximum(theirs[known_y, j], two)
    return own, theirs


def _rare(x: NDArray[Any], y: NDArray[Any]) -> tuple[Floats, Floats]:
    """-ln of the share of C whose level is as rare or rarer; levels are counted among the others."""
    levels, code, counts = np.unique(x, return_inverse=True, return_counts=True)
    at = np.minimum(np.searchsorted(levels, y), len(levels) - 1)
    seen = np.where(levels[at] == y, counts[at], 0)
    mine = counts[code] - 1
    ranked = np.sort(mine)
    n = len(x)
    own = np.searchsorted(ranked, mine, "right") / n
    theirs = (np.searchsorted(ranked, seen, "right") + 1) / (n + 1)
    return -np.log(own), -np.log(theirs)


def strangest(held_out: Floats, batch: Floats) -> tuple[Floats, Floats]:
    """[n], [m]: nats of each image's strangest column, less ln of how many columns there were to choose from.

    Bonferroni: with many columns some are always odd; what is left over is never below 0.
    """
    choices = np.log(max(held_out.shape[1], 1))
    own, theirs = (np.maximum(side.max(axis=1) - choices, 0.0) for side in (held_out, batch))
    return own, theirs
