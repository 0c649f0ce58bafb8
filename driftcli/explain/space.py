"""The coordinates in which shifts are compared: standardised, spread beside middle, whitened by good images.

Let x be the p linear columns of an image. Each is standardised by good images and squashed to z in (-4, 4),
then becomes two coordinates: w·z, which moves when a batch's mean moves, and 0.3·w·min(z², 9), which moves when
its spread does. w = 1/√(columns of the view), so that a view of 28 columns weighs no more than one of 9.
Call these 2p numbers φ(x), and S = V diag(λ) Vᵀ their covariance over good images. The coordinates are

    u(x) = (φ(x) − mean of φ) V diag(λ + r)^(−1/2),   r = 0.3 · mean of λ,

ridge-regularised whitening: Euclidean distances of mean shifts are Mahalanobis distances, except that the ridge
r keeps directions in which good images hardly differ from drowning all others. Along coordinate i good images
have variance λ_i / (λ_i + r) (`Space.noise`), a little below 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.schema import Array

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


LINEAR = "linear columns"
"""The symbol of p."""


def arrays(columns: int) -> list[Array]:
    """Of what `Space.pack` makes, of views with so many columns together."""
    one, both = (LINEAR,), (f"2 {LINEAR}",)
    return [
        Array("columns", "int64", one, least=0, most=columns - 1),
        Array("centre", "float64", one),
        Array("scale", "float64", one, least=1e-9),
        Array("weight", "float64", one, least=0.0, most=1.0),
        Array("rest", "float64", both),
        Array("whiten", "float64", (*both, *both)),
        Array("noise", "float64", both, least=0.0),
        Array("images", "int64", (1,), least=1),
    ]


@dataclass(frozen=True)
class Space:
    """The map from p columns of some views to d = 2p whitened coordinates (module text), learnt from good images.

    Calling it places images; the difference of two sets' means is a shift. Names of array fields are keys of
    the artifact.
    """

    views: tuple[str, ...]
    """Whose columns are used, in this order."""
    columns: NDArray[np.int64]
    """[p]: positions of those used among all columns of `views`, counted one view after the other."""
    centre: NDArray[np.float64]
    """[p]: mean of good images."""
    scale: NDArray[np.float64]
    """[p]: standard deviation of good images."""
    weight: NDArray[np.float64]
    """[p]: 1/√(columns used of the view): every view counts as one column, however many it has."""
    rest: NDArray[np.float64]
    """[d]: mean of φ over good images: what is at the origin after the whitening."""
    whiten: NDArray[np.float64]
    """[d, d]: V diag(λ + r)^(−1/2)."""
    noise: NDArray[np.float64]
    """[d]: variance of good images along each coordinate, λ / (λ + r)."""
    images: int
    """Good images that all this was learnt from."""

    def __call__(self, views: Views) -> NDArray[np.float64]:
        """Coordinates of n images, [n, d], from their views ([n, columns] each).

        A missing value (NaN) counts as the mean of good images.
        """
        return (self._raw(views) - self.rest) @ self.whiten

    def _raw(self, views: Views) -> NDArray[np.float64]:
        return _raw(_joined(views, self.views)[:, self.columns], self.centre, self.scale, self.weight)

    def sampling(self, count: int) -> float:
        """Expected squared length of the shift between `count` good images and those learnt from: chance alone.

        A mean over n images has covariance diag(noise)/n; the difference of two independent means has the sum
        of both, and its expected squared length is that matrix's trace.
        """
        return float(self.noise.sum()) * (1 / count + 1 / self.images)

    def clearness(self, shift: NDArray[np.float64], point: NDArray[np.float64], count: int) -> float:
        """The shift [d] of `count` images projected on the direction of `point` [d], in its standard deviations.

        z of the projection: shift·point / √(pointᵀ diag(noise) point · (1/count + 1/images)). The length of
        `point` cancels; without drift the value is about standard normal.
        """
        variance = float((point**2) @ self.noise) * (1 / count + 1 / self.images)
        return float(shift @ point / np.sqrt(max(variance, 1e-300)))

    def pack(self) -> dict[str, NDArray[Any]]:
        """The fields as arrays, by name, for the artifact; `views` are text and stored by the caller."""
        names = ("columns", "centre", "scale", "weight", "rest", "whiten", "noise")
        return {**{name: getattr(self, name) for name in names}, "images": np.array([self.images], np.int64)}

    @staticmethod
    def unpack(state: State, views: Sequence[str]) -> Space:
        """The space that `pack` made `state` of; `views`: its views' names, stored apart."""
        arrays = {name: state[name] for name in Space.__dataclass_fields__ if name not in {"views", "images"}}
        return Space(views=tuple(views), images=int(state["images"][0]), **arrays)


def learn(views: Views, columns: Mapping[str, Sequence[Column]]) -> Space:
    """The space of n good images (rows of `views`).

    `columns`: by view, the columns of the views to use; only linear ones enter, since an angle or a level has
    no direction in which a mean could move.
    """
    names = tuple(columns)
    linear = [[column.kind == "linear" for column in columns[name]] for name in names]
    chosen = np.flatnonzero(np.concatenate(linear))
    x = _joined(views, names)[:, chosen]
    known = np.isfinite(x)
    count = np.maximum(known.sum(0), 1)
    centre = np.where(known, x, 0).sum(0) / count
    scale = np.sqrt((np.where(known, x - centre, 0) ** 2).sum(0) / count)
    scale = np.maximum(scale, 1e-6 * np.maximum(np.abs(centre), 1))  # a constant column stays finite
    weight = np.concatenate([np.full(sum(flags), sum(flags) ** -0.5) for flags in linear if any(flags)])
    phi = _raw(x, centre, scale, weight)
    rest = phi.mean(0)
    eigenvalues, eigenvectors = np.linalg.eigh((phi - rest).T @ (phi - rest) / max(len(phi) - 1, 1))
    eigenvalues = np.maximum(eigenvalues, 0)  # rounding makes some of them slightly negative
    ridge = max(RIDGE * float(eigenvalues.mean()), 1e-12)
    whiten = eigenvectors / np.sqrt(eigenvalues + ridge)
    noise = eigenvalues / (eigenvalues + ridge)
    return Space(names, chosen, centre, scale, weight, rest, whiten, noise, len(phi))


def _joined(views: Views, names: Sequence[str]) -> NDArray[np.float64]:
    """All columns of these views side by side: [n, columns]."""
    return np.concatenate([views[name] for name in names], axis=1).astype(np.float64)


def _raw(
    x: NDArray[np.float64],
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """φ of n images, [n, 2p], from their p columns: weighted means first, then weighted spreads.

    tanh is the identity for values near the mean and bounds the rest (FAR); NaN becomes 0, the mean.
    """
    z = np.nan_to_num(FAR * np.tanh((x - centre) / scale / FAR))
    return np.concatenate([z * weight, SPREAD * np.clip(z, -WIDE, WIDE) ** 2 * weight], axis=1)
