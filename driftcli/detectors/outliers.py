"""A minority of a batch that lies high: one image in three with a scratch, the others as they ever were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _scalars, _tails
from driftcli.detectors.base import Detector, Floats, Matrix
from driftcli.stats.relabelling import Relabellings

FAR = 0.95
"""The reported shares are those above this quantile of C."""


@final
@dataclass(frozen=True)
class Outliers(Detector):
    """Upper tails of strangeness scores, one-sided.

    What it sees: some images of the batch that are stranger than nearly all good ones.
    What it misses: a batch that is less strange than usual, and a small rise of all images alike.
    Statistic: per column the difference of means of squared exponential (Savage) rank scores,
    log(1 - u)² for the image of rank u in (0, 1) among C and the batch together.
    Cost: B m e, as univariate, with one number a column.
    Reference: Savage 1956 (Ann. Math. Stat. 27); Conover & Salsburg 1988 (Biometrics 44), on treatments
    that only some respond to; bound: Massart 1990 (DKW).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """F's medians, which stand in for a missing value; ranks need no more."""
        finite = np.where(np.isfinite(reference), reference, np.nan).astype(np.float64)
        known = np.isfinite(finite).any(axis=0)
        return {"median": np.nan_to_num(np.nanmedian(np.where(known, finite, 0.0), axis=0))}

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        return (Array("median", "float64", ("columns",)),)

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """By how much the batch's mean rank score exceeds the others', for each varying column: [rows, k]."""
        from driftcli.detectors._sums import of_mean_differences

        # Ranks are among C and the batch together, whoever is called what: a function of the pooled images alone.
        varying = _filled(state, pooled)[:, _varying(state, pooled)]
        used = relabellings.unit_of >= 0
        scores = np.zeros(varying.shape)
        for j in range(varying.shape[1]):
            scores[used, j] = rank_scores(varying[used, j])
        return of_mean_differences(scores, relabellings, lambda difference: difference, varying.shape[1])

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The tails of the columns that vary."""
        return tuple(f"{columns[j].name}.tail" for j in _varying(state, pooled))

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Shares of both sides above C's 95 % quantile; effect: the largest such excess at any height."""
        pooled = np.concatenate([held_out, batch])
        varying, names = _varying(state, pooled), self.names(state, pooled, columns)
        x, y = (_filled(state, side) for side in (held_out, batch))
        width = _scalars.dkw_width(len(x), len(y), len(varying))
        statistics = []
        for j, name in zip(varying, names, strict=True):
            heights = np.concatenate([x[:, j], y[:, j]])
            below_x, below_y = (
                np.searchsorted(np.sort(side[:, j]), heights, side="right") / len(side) for side in (x, y)
            )
            effect = max(float((below_x - below_y).max()), 0.0)
            far = np.quantile(x[:, j], FAR)
            before, after = (float((side[:, j] > far).mean()) for side in (x, y))
            shown = DisplayEffect("share_shift", after - before)
            statistics.append(Statistic(name, after, before, effect, max(effect - width, 0.0), shown))
        return tuple(statistics)

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """The strangest column of each image, as rare as it is among good images (nats)."""
        x, y = (_filled(state, side) for side in (held_out, batch))
        return _tails.strangest(*_tails.upper(x, y))


def rank_scores(values: Floats) -> Floats:
    """Scores log(1 - u)² of u = (rank - ½) / n, [n] for values [n]; equal values share the mean of their ranks.

    -log(1 - u) is the exponential (Savage) score, about 1 on average; its square weighs the upper tail more still.
    """
    # A value met c times takes the ranks R - c + 1 .. R, where R counts all values up to it: their mean is R - (c - 1) / 2.
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    scores: Floats = np.log1p(-(ranks - 0.5) / len(values)) ** 2
    return scores


def _filled(state: State, values: Matrix) -> Floats:
    filled: Floats = np.where(np.isfinite(values), values, state["median"]).astype(np.float64)
    return filled


def _varying(state: State, pooled: Matrix) -> list[int]:
    """Columns in which not all images, of C and the batch together, are equal."""
    return [int(j) for j in np.flatnonzero(np.ptp(_filled(state, pooled), axis=0) > 0)]
