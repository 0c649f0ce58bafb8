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
"""One in TOP of C's values shapes the tail, and LEAST of them where C is small."""


def upper(held_out: Floats, batch: Floats) -> tuple[Floats, Floats]:
    """-ln p of every value of C and of the batch, [n, d] and [m, d] as the values: large values are strange.

    Column by column, p is the share of good values at least as large, the value itself included; above C's upper
    tenth it goes on as an exponential with the mean excess there, so that far beyond all of C is stranger than just
    beyond. A value of C is judged by the others (leave-one-out): by one value fewer than those of the batch and
    otherwise alike. Where the upper tenth is one value, nothing goes on. n must be 3 at least.
    """
    # Above a high threshold u the excess of nearly any distribution is close to a generalised Pareto one (Pickands
    # 1975, Ann. Stat. 3); with shape 0 that is the exponential, whose only parameter is the mean excess:
    #     p(v) = (k + 1) / (n + 1) * exp(-(v - u) / excess)   for v > u,
    # where u is the (k + 1)-th largest value of C and excess = (mean of the k largest) - u. A light tail is what makes
    # nats of several families add up: one that is far out in one view cannot outweigh all others by a power law.
    n, d = held_out.shape
    k = min(max(n // TOP, LEAST), n - 2)
    # Columns in falling order. place[i, j]: where value i of column j stands in it, 0 for the largest.
    order = np.argsort(-held_out, axis=0, kind="stable")
    fallen = np.take_along_axis(held_out, order, axis=0)
    place = np.empty((n, d), np.int64)
    np.put_along_axis(place, order, np.arange(n)[:, None], axis=0)
    top = np.cumsum(fallen, axis=0)
    u, above = fallen[k], top[k - 1]
    # Leave-one-out in O(1) a value. Without value i the (k + 1)-th largest is one place further down if i stood
    # before or at place k, and the sum of the k largest gains place k and loses i if i was one of them.
    u_others = np.where(place <= k, fallen[k + 1], u)
    above_others = np.where(place < k, top[k] - held_out, above)
    rising = fallen[::-1]
    at_least = np.stack([n - np.searchsorted(rising[:, j], held_out[:, j], "left") for j in range(d)], axis=1)
    met = np.stack([n - np.searchsorted(rising[:, j], batch[:, j], "left") for j in range(d)], axis=1)
    # at_least counts the value itself, met does not: shares of n - 1 others and itself, of n good ones and itself.
    own = _nats(held_out, u_others, above_others / k - u_others, at_least / n, (k + 1) / n)
    return own, _nats(batch, u, above / k - u, (met + 1) / (n + 1), (k + 1) / (n + 1))


def _nats(values: Floats, u: Floats, excess: Floats, share: Floats, beyond: float) -> Floats:
    """-ln p, shaped as `values`: of their `share` up to `u`; above it an exponential tail of weight `beyond`.

    `excess`: the mean excess over u; where it is 0 but for round-off (the top values are one), the share stays.
    """
    far = (values > u) & (excess > 1e-9 * np.maximum(np.abs(u), 1e-12))
    tail = -np.log(beyond) + np.where(far, values - u, 0.0) / np.where(far, excess, 1.0)
    nats: Floats = np.where(far, tail, -np.log(share))
    return nats


def columns(held_out: Matrix, batch: Matrix, of: Sequence[Column]) -> tuple[Floats, Floats]:
    """-ln p of every value of C [n, d] and of the batch [m, d], each column by its kind.

    A number is strange far out on either side, an angle far from the mean direction, a level where it is rare. A
    missing value is as strange as missing is rare, and a known one at least as strange as known is rare.
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
            continue  # too few values to have a tail
        a, b = x[known_x], y[known_y]
        if column.kind == "circular":
            middle = circular_mean(a)
            a, b = (np.abs((side - middle + 0.5) % 1 - 0.5) for side in (a, b))  # turns, 0 to 1/2
            nats_a, nats_b = (nats[:, 0] for nats in upper(a[:, None], b[:, None]))
        else:
            both_sides = upper(np.stack([a, -a], axis=1), np.stack([b, -b], axis=1))
            # Twice the smaller of two one-sided p-values, at most 1: in nats, the larger less ln 2, at least 0.
            nats_a, nats_b = (np.maximum(nats.max(axis=1) - np.log(2), 0.0) for nats in both_sides)
        own[known_x, j] = np.maximum(own[known_x, j], nats_a)
        theirs[known_y, j] = np.maximum(theirs[known_y, j], nats_b)
    return own, theirs


def _rare(x: NDArray[Any], y: NDArray[Any]) -> tuple[Floats, Floats]:
    """-ln of the share of C [n] whose level is as rare or rarer, for every code of C [n] and of the batch [m].

    How common a level is, is counted among the other images of C: a value of C does not vouch for itself. A level
    that C lacks is met 0 times, as is one that a single image of C has.
    """
    levels, code, counts = np.unique(x, return_inverse=True, return_counts=True)
    at = np.minimum(np.searchsorted(levels, y), len(levels) - 1)
    in_c = np.where(levels[at] == y, counts[at], 0)
    others = counts[code] - 1
    ranked = np.sort(others)
    n = len(x)
    own = np.searchsorted(ranked, others, "right") / n
    theirs = (np.searchsorted(ranked, in_c, "right") + 1) / (n + 1)
    return -np.log(own), -np.log(theirs)


def strangest(held_out: Floats, batch: Floats) -> tuple[Floats, Floats]:
    """Nats of each image's strangest column, [n] and [m], less ln d for the d columns there were to choose from.

    From nats [n, d] and [m, d]. Bonferroni: d times the smallest p, at most 1; with many columns some are always odd.
    """
    choices = np.log(max(held_out.shape[1], 1))
    own, theirs = (np.maximum(side.max(axis=1) - choices, 0.0) for side in (held_out, batch))
    return own, theirs
