"""Named scalars one by one: brightness, sharpness, width, format, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, final

import numpy as np

from driftcli.core.evidence import Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _scalars, _tails
from driftcli.detectors.base import Among, Detector, Floats, Matrix
from driftcli.stats.relabelling import Relabellings


@final
@dataclass(frozen=True)
class Univariate(Detector):
    """Distribution of every named scalar.

    What it sees: changes of any single property: level, spread, tails, new categories, missing values.
    What it misses: changes of how properties hang together while each stays as it was.
    Statistic: Anderson-Darling on F's quantile grid for numbers, Kuiper for circular values, total
    variation for categories, difference of shares for missing values; constants are dropped.
    Cost: B m e for e indicator columns, independent of the size of C.
    Reference: Scholz & Stephens 1987 (JASA 82); Kuiper 1960; bound: Massart 1990 (DKW).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """Quantile edges and medians of F."""
        return _scalars.learn(reference, columns)

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        return _scalars.arrays()

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """Each scalar's distance between the batch and the rest: [rows, scalars]."""
        return indicator_distances(_scalars.scalars(state, pooled, columns), relabellings)

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The scalars that vary."""
        return tuple(scalar.name for scalar in _scalars.scalars(state, pooled, columns))

    def among(self, state: State, images: Matrix, columns: Sequence[Column]) -> Among:
        """With the place of every value among F's edges at hand, unless there are categories."""
        from driftcli.detectors import _counts

        if not columns or not _counts.countable(columns):
            return super().among(state, images, columns)
        return _counts.Counted(self, state, images, columns)

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Medians, sd shifts and shifted shares as observed."""
        pooled = np.concatenate([held_out, batch])
        return _scalars.describe(_scalars.scalars(state, pooled, columns), held_out, batch)

    def if_shifted(
        self, state: State, held_out: Matrix, batch: Matrix, column: int, shifts: Floats
    ) -> Floats:
        """The statistic of one linear column if all values of the batch lay that much higher: [shifts], as `shifts`."""
        edges = np.unique(state["edges"][column])
        fill = float(state["median"][column])
        x, y = (
            np.where(np.isfinite(side[:, column]), side[:, column], fill).astype(np.float64)
            for side in (held_out, batch)
        )
        rest = (x[:, None] <= edges).mean(axis=0)
        moved = ((y[:, None, None] + shifts[:, None]) <= edges).mean(axis=0)
        n, m = len(x), len(y)
        pooled = np.clip((n * rest + m * moved) / (n + m), 0.5 / (n + m), 1 - 0.5 / (n + m))
        return np.array(
            [_scalars.distance("linear", (b - rest)[None], w)[0] for b, w in zip(moved, pooled, strict=True)]
        )

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """The most unusual property of each image, as rare as it is among good images (nats)."""
        return _tails.strangest(*_tails.columns(held_out, batch, columns))


def indicator_distances(varying: Sequence[_scalars.Scalar], relabellings: Relabellings) -> Floats:
    """Distances of batch and rest under every relabelling, one column a scalar: [rows, scalars]."""
    from driftcli.detectors._sums import of_mean_differences

    if not varying:
        return np.zeros((relabellings.rows, 0))
    table = np.concatenate([scalar.indicators for scalar in varying], axis=1)
    n = relabellings.images
    # Shares of all images, the same in every row, are the weights; half an image off 0 and 1, where they would explode.
    total = table[relabellings.unit_of >= 0].sum(axis=0, dtype=np.float64)
    weights = np.clip(total / n, 0.5 / n, 1 - 0.5 / n)
    ends = np.cumsum([scalar.indicators.shape[1] for scalar in varying]).tolist()
    spans = [slice(start, end) for start, end in pairwise([0, *ends])]

    def distances(delta: Floats) -> Floats:
        found = np.empty((len(delta), len(varying)))
        for k, (scalar, span) in enumerate(zip(varying, spans, strict=True)):
            found[:, k] = _scalars.distance(scalar.kind, delta[:, span], weights[span])
        return found

    return of_mean_differences(table, relabellings, distances, len(varying))
