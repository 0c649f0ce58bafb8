"""A toy: the gap between two means, to show that a detector is one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from driftcli.core.evidence import DisplayEffect, Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array
from driftcli.detectors import _tails
from driftcli.detectors.base import Detector, Floats, Matrix
from driftcli.stats.relabelling import Relabellings


@final
@dataclass(frozen=True)
class Gap(Detector):
    """Difference of means, column by column.

    What it sees: a change of level.
    What it misses: a change of anything but the level.
    Statistic: the absolute difference of the two means, in standard deviations of F.
    Cost: B m e.
    Reference: none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """F's spread [d]."""
        return {"spread": np.maximum(reference.std(axis=0, dtype=np.float64), 1e-12)}

    def arrays(self) -> tuple[Array, ...]:
        """As `fit` learns them."""
        return (Array("spread", "float64", ("columns",), least=1e-12),)

    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """[rows, d]."""
        from driftcli.detectors._sums import of_mean_differences

        scaled = (pooled / state["spread"]).astype(np.float32)
        return of_mean_differences(scaled, relabellings, np.abs, scaled.shape[1])

    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The columns."""
        return tuple(column.name for column in columns)

    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """Means of both sides, and the gap in standard deviations; no shifted share is claimed."""
        before, after = (side.mean(axis=0, dtype=np.float64) for side in (held_out, batch))
        gaps = (after - before) / state["spread"]
        return tuple(
            Statistic(c.name, float(y), float(x), display_effect=DisplayEffect("sd_shift", float(gap)))
            for c, x, y, gap in zip(columns, before, after, gaps, strict=True)
        )

    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """The most unusual column of each image (nats)."""
        return _tails.strangest(*_tails.columns(held_out, batch, columns))
