"""The coordinates in which shifts are compared: standardised, spread beside middle, whitened by good images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import Column, State

Views = Mapping[str, "NDArray[np.float32]"]

FAR = 4.0
"""Standard deviations at which a value stops going farther: one clipped picture must not stand for a batch."""
WIDE, SPREAD = 3.0, 0.3
"""Squares of standardised values, cut at WIDE, are columns too: they tell a spread. Their weight beside the middles."""
RIDGE = 0.3
"""Of the mean eigenvalue: directions in which good images hardly differ are not blown up beyond it."""


@dataclass(frozen=True)
class Space:
    """p columns of some views become d = 2p coordinates in which good images have about one variance everywhere."""

    views: tuple[str, ...]
    columns: NDArray[np.int64]
    """[p]: which of the views' columns, counted one view after the other."""
    centre: NDArray[np.float64]
    """[p]"""
    scale: NDArray[np.float64]
    """[p]: standard deviation of good images."""
    weight: NDArray[np.float64]
    """[p]: every view counts as one column, however many it has."""
    rest: NDArray[np.float64]
    """[d]: mean of good images before the whitening."""
    whiten: NDArray[np.float64]
    """[d, d]"""
    noise: NDArray[np.float64]
    """[d]: variance of good images along each coordinate."""
    images: int
    """How many they were."""

    def __call__(self, views: Views) -> NDArray[np.float64]:
        """[n, d]; a missing value counts as the mean of good images."""
        return (self._raw(views) - self.rest) @ self.whiten

    def _raw(self, views: Views) -> NDArray[np.float64]:
        return _raw(_joined(views, self.views)[:, self.columns], self.centre, self.scale, self.weight)

    def sampling(self, count: int) -> float:
        """The squared length that the mean of so many good images would have by chance."""
        return float(self.noise.sum()) * (1 / count + 1 / self.images)

    def clearness(self, shift: NDArray[np.float64], point: NDArray[np.float64], count: int) -> float:
        """The mean shift of so many images along `point`, in standard deviations of what chance makes there."""
        variance = float((point**2) @ self.noise) * (1 / count + 1 / self.images)
        return float(shift @ point / np.sqrt(max(variance, 1e-300)))

    def pack(self) -> dict[str, NDArray[Any]]:
        """As arrays; `views` go elsewhere."""
        names = ("columns", "centre", "scale", "weight", "rest", "whiten", "noise")
        return {**{name: getattr(self, name) for name in names}, "images": np.array([self.images], np.int64)}

    @staticmethod
    def unpack(state: State, views: Sequence[str]) -> Space:
        """The inverse of `pack`."""
        arrays = {name: state[name] for name in Space.__dataclass_fields__ if name not in {"views", "images"}}
        return Space(views=tuple(views), images=int(state["images"][0]), **arrays)


def learn(views: Views, columns: Mapping[str, Sequence[Column]]) -> Space:
    """From n good images. `columns`: of the views to use; angles are left out, they have no direction."""
    names = tuple(columns)
    linear = [[column.kind == "linear" for column in columns[name]] for name in names]
    chosen = np.flatnonzero(np.concatenate(linear))
    x = _joined(views, names)[:, chosen]
    known = np.isfinite(x)
    count = np.maximum(known.sum(0), 1)
    centre = np.where(known, x, 0).sum(0) / count
    scale = np.sqrt((np.where(known, x - centre, 0) ** 2).sum(0) / count)
    scale = np.maximum(scale, 1e-6 * np.maximum(np.abs(centre), 1))
    weight = np.concatenate([np.full(sum(flags), sum(flags) ** -0.5) for flags in linear if any(flags)])
    raw = _raw(x, centre, scale, weight)
    rest = raw.mean(0)
    values, vectors = np.linalg.eigh((raw - rest).T @ (raw - rest) / max(len(raw) - 1, 1))
    values = np.maximum(values, 0)
    ridge = max(RIDGE * float(values.mean()), 1e-12)
    whiten = vectors / np.sqrt(values + ridge)
    return Space(names, chosen, centre, scale, weight, rest, whiten, values / (values + ridge), len(raw))


def _joined(views: Views, names: Sequence[str]) -> NDArray[np.float64]:
    return np.concatenate([views[name] for name in names], axis=1).astype(np.float64)


def _raw(
    x: NDArray[np.float64],
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    z = np.nan_to_num(FAR * np.tanh((x - centre) / scale / FAR))
    return np.concatenate([z * weight, SPREAD * np.clip(z, -WIDE, WIDE) ** 2 * weight], axis=1)
