"""Features in units of good images' own spread: what maps, neighbours and gaps are measured in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Views = Mapping[str, "NDArray[np.float32]"]


@dataclass(frozen=True)
class Standard:
    """One view's columns, standardised by good images."""

    view: str
    mean: NDArray[np.float32]
    """[d]"""
    scale: NDArray[np.float32]
    """[d]: standard deviation of good images; infinite where they do not differ."""

    def __call__(self, views: Views) -> NDArray[np.float32]:
        """The view's columns of n images in standard deviations of good images: [n, d]; NaN becomes 0, their mean."""
        away: NDArray[np.float32] = np.nan_to_num((views[self.view] - self.mean) / self.scale)
        return away


def learn(views: Views) -> Standard | None:
    """Mean and spread of n good images in the first of their views; None where they have none.

    Callers put first the view that tells best what an image shows.
    """
    view = next(iter(views), None)
    if view is None:
        return None
    x = views[view].astype(np.float64)
    known = np.isfinite(x)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, x, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, x - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-6 * np.maximum(1, np.abs(mean)), spread, np.inf)
    return Standard(view, mean.astype(np.float32), scale.astype(np.float32))


def squared_distances(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Squared Euclidean distances between the rows of x [n, d] and y [m, d]: [n, m].

    |x − y|² = |x|² − 2 x·y + |y|²: one matrix product; rounding may leave tiny negative numbers, hence the maximum.
    """
    squared = (x**2).sum(axis=1)[:, None] - 2 * x @ y.T + (y**2).sum(axis=1)
    nonnegative: NDArray[np.float32] = np.maximum(squared, np.float32(0))
    return nonnegative
