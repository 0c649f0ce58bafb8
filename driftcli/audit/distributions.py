"""Every named scalar, batch beside baseline: histograms over common edges, and summaries for the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from driftcli.check_history.records import Measured, Summary
from driftcli.core.findings import Distribution
from driftcli.reference.families import Family

BINS = 24


def histograms(
    families: Sequence[Family],
    held_out: Mapping[str, NDArray[np.float32]],
    batch: Mapping[str, NDArray[np.float32]],
) -> tuple[Distribution, ...]:
    """Shares per bin for each linear or circular column; values beyond the edges count in the end bins."""
    found = []
    for family in families:
        for j, column in enumerate(family.columns):
            if column.kind == "category":
                continue
            x, y = (side[family.view][:, j].astype(np.float64) for side in (held_out, batch))
            x, y = x[np.isfinite(x)], y[np.isfinite(y)]
            if not len(x) or not len(y):
                continue
            low, high = _range(x, y) if column.kind == "linear" else (0.0, 1.0)
            if not high > low:
                continue
            edges = np.linspace(low, high, BINS + 1)
            shares = [np.histogram(np.clip(side, low, high), edges)[0] / len(side) for side in (y, x)]
            found.append(
                Distribution(
                    column.name, tuple(edges.tolist()), tuple(shares[0].tolist()), tuple(shares[1].tolist())
                )
            )
    return tuple(found)


def summaries(
    families: Sequence[Family],
    held_out: Mapping[str, NDArray[np.float32]],
    batch: Mapping[str, NDArray[np.float32]],
) -> tuple[Measured, ...]:
    """Mean, spread and quantiles of each linear column on both sides; none where a side has no number."""
    found = []
    for family in families:
        for j, column in enumerate(family.columns):
            if column.kind == "linear":
                sides = [_summary(side[family.view][:, j]) for side in (batch, held_out)]
                if sides[0] is not None and sides[1] is not None:
                    found.append(Measured(family.name, column.name, column.unit, sides[0], sides[1]))
    return tuple(found)


def _summary(x: NDArray[np.float32]) -> Summary | None:
    values = x.astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, first, median, third, high = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
    return Summary(float(values.mean()), median, float(values.std()), low, first, third, high)


def _range(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """From the lowest 1 % to the highest 1 % of either side."""
    cuts = [np.quantile(side, [0.01, 0.99]) for side in (x, y)]
    return float(min(c[0] for c in cuts)), float(max(c[1] for c in cuts))
