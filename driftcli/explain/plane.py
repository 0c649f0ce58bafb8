"""A map of good images into which any other image is placed: two principal components."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.features import Features
from driftcli.core.schema import Array, ContentError, text
from driftcli.explain._standard import Standard, Views, learn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.findings import MapResult

POINTS = 500
"""Of each kind at most, those with the lowest content hash."""
FEWEST = 3
PREFIX = "map/"


@dataclass(frozen=True)
class Plane:
    """The map: two principal axes of good images, learnt when a baseline is made; a batch is placed, and moves nothing.

    Principal components by default, not Isomap (`report.map`, driftcli.explain.isomap) or UMAP: a new image's place is exact and depends on no other
    image of its batch, distances on the map never exceed those among the features, both axes have a
    share of the variance to say, and it is a matrix product. Reference: Pearson 1901; Jolliffe 2002.
    """

    standard: Standard
    axes: NDArray[np.float32]
    """[d, 2], orthonormal; the largest entry of each is positive."""
    explained: NDArray[np.float64]
    """[2]: shares of the variance of the standardised features."""

    def __call__(self, views: Views) -> NDArray[np.float32]:
        """Places of n images on the map: [n, 2]; the mean of good images is the origin."""
        placed: NDArray[np.float32] = self.standard(views) @ self.axes
        return placed

    def result(self, good: Features, batch: Features) -> MapResult:
        """The map as a report shows it: at most 500 points of each side, and the variance that each axis explains."""
        from driftcli.core.findings import MapResult

        good, batch = good.first(POINTS), batch.first(POINTS)
        shares = tuple(round(float(share), 4) for share in self.explained)
        return MapResult(
            f"principal components of {self.standard.view}",
            shares,
            points(self(good.views)),
            good.names,
            points(self(batch.views)),
            batch.names,
        )

    def pack(self) -> dict[str, NDArray[Any]]:
        """The plane as arrays, keys `map/...`, for the baseline's state."""
        arrays = {
            "view": np.frombuffer(self.standard.view.encode(), np.uint8),
            "mean": self.standard.mean,
            "scale": self.standard.scale,
            "axes": self.axes,
            "explained": self.explained,
        }
        return {f"{PREFIX}{name}": np.asarray(array) for name, array in arrays.items()}


def fit(views: Views) -> Plane | None:
    """Of the first view of n good images; None where they are fewer than three, or without any view."""
    standard = learn(views)
    if standard is None or len(views[standard.view]) < FEWEST:
        return None
    x = standard(views).astype(np.float64)
    variance, vectors = np.linalg.eigh(x.T @ x)
    axes = vectors[:, ::-1][:, :2]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    axes = axes * np.where(largest < 0, -1, 1)
    shares = variance[::-1][:2] / max(float(variance.sum()), 1e-12)
    return Plane(standard, np.ascontiguousarray(axes, np.float32), np.maximum(shares, 0))


def arrays(state: State, views: Collection[str]) -> list[Array]:
    """Of what `Plane.pack` makes; none of a baseline without a map. Raises ContentError for a map of no known view."""
    if not any(name.startswith(PREFIX) for name in state):
        return []
    name = f"{PREFIX}view"
    view = text(state, name) if name in state else ""
    if view not in views:
        raise ContentError(f"has a map of {view[:40]!a}, which is none of its views")
    columns = f"columns of {view}"
    declared = (
        Array("view", "uint8", ("letters of a view",)),
        Array("mean", "float32", (columns,)),
        Array("scale", "float32", (columns,), least=1e-9, infinite=True),
        Array("axes", "float32", (columns, "axes of the map"), least=-2.0, most=2.0),
        Array("explained", "float64", ("axes of the map",), least=0.0),
    )
    return [array.under(PREFIX) for array in declared]


def unpack(state: State) -> Plane | None:
    """The inverse of `pack`; None for baselines that were made without."""
    own: Mapping[str, Any] = {
        name.removeprefix(PREFIX): array for name, array in state.items() if name.startswith(PREFIX)
    }
    if "axes" not in own:
        return None
    standard = Standard(own["view"].tobytes().decode(), own["mean"], own["scale"])
    return Plane(standard, own["axes"], own["explained"])


def points(placed: NDArray[Any]) -> tuple[tuple[float, ...], ...]:
    """Places [n, 2] as a result holds them, to four decimals."""
    return tuple(tuple(round(float(number), 4) for number in point) for point in placed)
