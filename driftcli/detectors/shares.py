"""Shares of classes: of which of them there is more in a batch, and of which less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _tails
from driftcli.detectors.base import Changes, Detector, Floats, Matrix
from driftcli.stats.relabelling import Relabellings

MOST = 256
"""Classes that are compared: those with the largest share of all images together."""
FEWEST = 2.0
"""Images' worth that a class must have among all images together: less can be no more than chance."""
CAUTION = 1.0
"""Images' worth added to the spread of every class: one or two rare images are no change of the mix."""
LEVEL = 0.05
"""Of `effect_lower`, as of all families."""


@final
@dataclass(frozen=True)
class Shares(Detector):
    """Mean shares of classes, all of them together.

    What it sees: more bees and fewer ants; the names of what there is more of.
    What it misses: images that changed without changing what they show; classes nobody has named.
    Statistic: the largest |mean share in the batch - mean share in the rest| of up to 256 classes, each in units of
    its standard error, to which one image is added: so rare classes, of which one image is many standard errors,
    have no say that they should not. One maximum over all classes is what makes each class' p-value (single-step
    max-T) exact whatever their number.
    Cost: B m k for k classes, independent of the size of C.
    Reference: Westfall & Young 1993, ch. 2 (max-T); Tusher, Tibshirani & Chu 2001 (a constant in the denominator);
    effects' bounds: Hoeffding 1963, theorem 1 (means of variables in [0, 1]), Bonferroni over the classes.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """The number of columns: shares need nothing learnt."""
        return {"width": np.array([reference.shape[1]], np.int64)}

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        return (Array("width", "int64", (1,), least=0),)

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """The largest standardised change under every relabelling: [rows, 1]; [rows, 0] where nothing varies."""
        _, table = _compared(pooled, columns)
        if not table.shape[1]:
            return np.zeros((relabellings.rows, 0))
        largest: Floats = _standardised(table, relabellings).max(axis=1, keepdims=True)
        return largest

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The one statistic, where any class varies."""
        return ("largest_change",) if len(_compared(pooled, columns)[0]) else ()

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """The class that moved most; effect: the change of its mean share, which the total variation is no less than."""
        n, m = len(held_out), len(batch)
        classes, table = _compared(np.concatenate([held_out, batch]), columns)
        if not len(classes):
            return ()
        before, after = (side.mean(axis=0, dtype=np.float64) for side in (table[:n], table[n:]))
        change = np.abs(after - before)
        lowest, highest = _bounds(before, after, (n, m), LEVEL)
        lower = np.maximum(np.maximum(lowest, -highest), 0.0)
        k = int(change.argmax())
        return (
            Statistic(
                "largest_change",  # of a class that has no name here: `changes` tells which
                effect=float(change[k]),
                effect_lower=float(min(lower.max(), change[k])),
                display_effect=DisplayEffect("share_shift", float(after[k] - before[k])),
            ),
        )

    def changes(
        self,
        state: State,
        held_out: Matrix,
        batch: Matrix,
        relabellings: Relabellings,
        columns: Sequence[Column],
        alpha: float,
    ) -> Changes:
        """Every class' mean shares; p-values and bounds of those that are compared."""
        pooled = np.concatenate([held_out, batch])
        n = len(held_out)
        classes, table = _compared(pooled, columns)
        everything = _table(pooled, columns)
        before, after = (side.mean(axis=0, dtype=np.float64) for side in (everything[:n], everything[n:]))
        size = len(before)
        p, low, high = np.ones(size), np.full(size, -1.0), np.ones(size)
        if len(classes):
            standardised = _standardised(table, relabellings)
            largest = np.sort(standardised.max(axis=1))
            at_least = len(largest) - np.searchsorted(largest, standardised[0], side="left")
            p[classes] = at_least / len(largest)
            change = (after - before)[classes]
            reach = np.quantile(largest, 1 - alpha) * _widest_error(table, n, relabellings)
            low[classes], high[classes] = np.maximum(change - reach, -1.0), np.minimum(change + reach, 1.0)
        convictions = [_conviction(side) for side in (everything[:n], everything[n:])]
        return Changes(before, after, p, low, high, *convictions)

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """How far an image's shares go beyond the good images' mean shares, summed over classes, in nats."""
        table = _table(np.concatenate([held_out, batch]), columns)
        n = len(held_out)
        x, y = table[:n], table[n:]
        total = x.sum(axis=0, dtype=np.float64)
        others = (total - x) / max(n - 1, 1)
        own = np.maximum(x - others, 0.0).sum(axis=1, keepdims=True)
        theirs = np.maximum(y - total / n, 0.0).sum(axis=1, keepdims=True)
        return _tails.strangest(*_tails.upper(np.round(own, 6), np.round(theirs, 6)))


def _table(rows: Matrix, columns: Sequence[Column]) -> Matrix:
    """Shares in [0, 1] of every class, float32 [n, classes].

    Named columns are a share each; columns without names are pairs (number of the class, share).
    """
    if columns or not rows.shape[1]:
        return np.clip(np.nan_to_num(rows), 0.0, 1.0).astype(np.float32)
    number, share = rows[:, 0::2].astype(np.int64), np.clip(rows[:, 1::2], 0.0, 1.0)
    table = np.zeros((len(rows), int(number.max(initial=0)) + 1), np.float32)
    np.put_along_axis(table, number, share.astype(np.float32), axis=1)
    return table


def _compared(pooled: Matrix, columns: Sequence[Column]) -> tuple[NDArray[np.int64], Matrix]:
    """The classes that are compared, ascending, and their shares [n, k]: a function of all images together."""
    table = _table(pooled, columns)
    total = table.sum(axis=0, dtype=np.float64)
    varying = np.flatnonzero((np.ptp(table, axis=0) > 0) & (total >= FEWEST)) if len(table) else np.zeros(0)
    chosen = np.sort(varying[np.argsort(-total[varying.astype(int)], kind="stable")[:MOST]]).astype(np.int64)
    return chosen, np.ascontiguousarray(table[:, chosen])


def _widest_error(table: Matrix, n: int, relabellings: Relabellings) -> Floats:
    """[k]: the standard error of each change, of two samples or of one, whichever is larger, and CAUTION."""
    # The maximum over all relabellings says how many of these errors to go (single-step max-T, dual to the p-values).
    # It assumes one spread on both sides; where they differ, the two-sample error is the honest one. Coverage was
    # measured with two real populations and batches of 20 to 100: tests/benchmarks/concepts.py.
    sizes = _independent(relabellings, (n, len(table) - n))
    sides = table[:n].astype(np.float64), table[n:].astype(np.float64)
    apart = sum(side.var(axis=0) / size for side, size in zip(sides, sizes, strict=True))
    together = table.astype(np.float64).var(axis=0) * sum(1 / size for size in sizes)
    found: Floats = np.sqrt(np.maximum(apart, together) + (CAUTION / sizes[1]) ** 2)
    return found


def _standardised(shares: Matrix, relabellings: Relabellings) -> Floats:
    """|difference of means| over its standard error and one image more, under every relabelling: [rows, k]."""
    from driftcli.detectors._sums import of_mean_differences

    table = shares.astype(np.float64)
    used = table[relabellings.unit_of >= 0]
    m = relabellings.batch_sizes[:, None]
    n = relabellings.images
    difference = of_mean_differences(table, relabellings, np.abs, table.shape[1])
    # In images: sd of the batch's sum when m of n are drawn without replacement, and CAUTION.
    error = np.sqrt(used.var(axis=0) * (1 / m + 1 / (n - m)) + (CAUTION / m) ** 2)
    found: Floats = np.round(difference / error, 6)
    return found


def _independent(relabellings: Relabellings, counts: tuple[int, int]) -> tuple[float, float]:
    """Images of C and of the batch, or what they are worth where groups are the unit (Kish 1965)."""
    if relabellings.kind != "groups":
        return float(counts[0]), float(counts[1])
    is_batch = np.zeros(len(relabellings.sizes), bool)
    is_batch[relabellings.labels[0]] = True
    sides = (relabellings.sizes[~is_batch], relabellings.sizes[is_batch])
    return tuple(float(side.sum() ** 2 / (side**2).sum()) for side in sides)  # type: ignore[return-value]


def _bounds(
    before: Floats, after: Floats, counts: tuple[float, float], level: float
) -> tuple[Floats, Floats]:
    """Interval of each change after - before, [k] and [k], that holds for all k classes together at 1 - level."""
    # Hoeffding's theorem 1: for the mean of m independent variables in [0, 1] with expectation q,
    # P(mean on its side >= observed p) <= exp(-m kl(p, q)). Four bounds a class share the level.
    reach = math.log(4 * max(len(before), 1) / level)
    (low_c, high_c), (low_y, high_y) = (
        (_edge(mean, reach / count, up=False), _edge(mean, reach / count, up=True))
        for mean, count in zip((before, after), counts, strict=True)
    )
    return low_y - high_c, high_y - low_c


def _edge(mean: Floats, reach: float, *, up: bool) -> Floats:
    """The farthest q above or below each mean in [0, 1] with kl(mean, q) <= reach, by bisection."""
    near, far = mean.astype(np.float64), np.full(len(mean), 1.0 if up else 0.0)
    for _ in range(50):
        middle = (near + far) / 2
        inside = _kl(mean, middle) <= reach
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return far


def _kl(p: Floats, q: Floats) -> Floats:
    """Relative entropy of two coins: p ln(p / q) + (1 - p) ln((1 - p) / (1 - q)), with 0 ln 0 = 0."""
    p, q = np.clip(p, 0.0, 1.0), np.clip(q, 1e-300, 1 - 1e-16)
    heads = np.where(p > 0, p * np.log(np.maximum(p, 1e-300) / q), 0.0)
    found: Floats = heads + np.where(p < 1, (1 - p) * np.log(np.maximum(1 - p, 1e-300) / (1 - q)), 0.0)
    return found


def _conviction(table: Matrix) -> Floats:
    """[classes]: how large a class' share is in the images that make its mean, sum s² / sum s; 0 for none."""
    shares = table.astype(np.float64)
    total = shares.sum(axis=0)
    found: Floats = np.where(total > 0, (shares**2).sum(axis=0) / np.maximum(total, 1e-12), 0.0)
    return found
