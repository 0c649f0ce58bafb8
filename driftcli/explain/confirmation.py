"""Whether a corruption explains what moved in a view that nobody can read: a pretrained network's.

Properties and errors say which corruption a batch is like; other subjects have other properties, too, and some of
them are like fog. What fog does to a network's features is not what other subjects do. Let x be those features,
standardised and projected on the r main axes of good images, each divided by √(λ + ridge). The batch's mean shift is d
and the corruptions that it is said to be like move a few good images by p₁ .. p_s at s severities. What they explain is

    best = max over c ≥ 0 of |d|² − |d − Σ c_i p_i|²   (non-negative least squares),

and chance = trace(noise) (1/m + 1/n) is the squared length that sampling alone gives to d. A likeness stands where what
is left is little more than chance, or where most of what is beyond chance is explained.
Source: the test is our own; tests/benchmarks/natural_drift.py measures it and says how the two limits were chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.schema import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.features import State

AXES = 32
"""Main axes of good images that are looked at; a third of the images, if that is less."""
RIDGE = 0.3
"""Of the mean variance along them: axes along which good images hardly differ are not blown up beyond it."""
LEFT = 2.0
"""What is left may be so many times what sampling gives by chance, however little is explained ..."""
EXPLAINED = 0.5
"""... or so large a share of what is beyond chance must be explained, however much is left."""


def arrays(view: str, corruptions: int) -> list[Array]:
    """Of what `Confirmation.pack` makes of a view."""
    columns, axes = f"columns of {view}", f"main axes of {view}"
    return [
        Array("centre", "float32", (columns,)),
        Array("axes", "float32", (columns, axes)),
        Array("points", "float32", (corruptions, "severities that confirm", axes)),
        Array("measured", "float64", (2,), least=1e-12),
    ]


@dataclass(frozen=True)
class Confirmation:
    """One view of good images, and what every corruption does to their mean in it."""

    view: str
    centre: NDArray[np.float64]
    """[d]: mean of good images."""
    axes: NDArray[np.float64]
    """[d, r]: standardised, projected and whitened."""
    noise: float
    """Sum over the axes of the variance of good images."""
    images: int
    """Good images that this was learnt from."""
    points: NDArray[np.float64]
    """[k, s, r]: shift of the mean under k corruptions at s severities."""

    def explains(self, batch: NDArray[np.float32], corruptions: Sequence[int]) -> bool:
        """Whether these corruptions (positions in `points`) explain the shift of the batch [m, d]."""
        shift = place(batch, self.centre, self.axes).mean(axis=0)
        chance = self.noise * (1 / len(batch) + 1 / self.images)
        length = float(shift @ shift)
        best = explained(self.points[list(corruptions)].reshape(-1, len(shift)), shift)
        if length - best <= LEFT * chance:
            return True
        return best >= EXPLAINED * (length - chance)

    def pack(self) -> dict[str, NDArray[Any]]:
        """As arrays, by name."""
        return {
            "centre": self.centre.astype(np.float32),
            "axes": self.axes.astype(np.float32),
            "points": self.points.astype(np.float32),
            "measured": np.array([self.noise, self.images], np.float64),
        }

    @staticmethod
    def unpack(state: State, view: str) -> Confirmation:
        """The inverse of `pack`."""
        noise, images = (float(value) for value in state["measured"])
        arrays = [state[name].astype(np.float64) for name in ("centre", "axes", "points")]
        return Confirmation(view, arrays[0], arrays[1], noise, int(images), arrays[2])


def learn(
    view: str,
    good: NDArray[np.float32],
    clean: NDArray[np.float32],
    changed: Sequence[Sequence[NDArray[np.float32]]],
) -> Confirmation:
    """From n good images [n, d], and a few of them [i, d] as they are and under k corruptions at s severities."""
    centre, axes, noise = main_axes(good)
    before = place(clean, centre, axes)
    points = [
        [(place(x, centre, axes) - before).mean(axis=0) for x in by_severity] for by_severity in changed
    ]
    return Confirmation(view, centre, axes, noise, len(good), np.array(points))


def main_axes(good: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Centre [d], axes [d, r], and the sum of the variances of good images [n, d] along them."""
    x = good.astype(np.float64)
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.maximum(spread, 1e-3 * float(spread.mean()) + 1e-12)  # a constant column stays finite
    _, singular, directions = np.linalg.svd((x - centre) / spread, full_matrices=False)
    count = max(1, min(AXES, len(x) // 3))
    variance = singular[:count] ** 2 / max(len(x) - 1, 1)
    whole = variance + max(RIDGE * float(variance.mean()), 1e-12)
    axes = directions[:count].T / np.sqrt(whole) / spread[:, None]
    return centre, axes, float((variance / whole).sum())


def place(
    x: NDArray[np.float32], centre: NDArray[np.float64], axes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Images [n, d] in the coordinates of the axes, [n, r]."""
    placed: NDArray[np.float64] = (x.astype(np.float64) - centre) @ axes
    return placed


def explained(points: NDArray[np.float64], shift: NDArray[np.float64]) -> float:
    """By how much the squared length of a shift [r] shrinks at best when points [s, r] times c >= 0 are taken off.

    Non-negative least squares over every subset: there are a handful of points.
    """
    products, onto = points @ points.T, points @ shift
    best = 0.0
    for count in range(1, len(points) + 1):
        for chosen in map(list, combinations(range(len(points)), count)):
            weights = np.linalg.lstsq(products[np.ix_(chosen, chosen)], onto[chosen], rcond=None)[0]
            if (weights >= 0).all():
                best = max(best, float(onto[chosen] @ weights))
    return best


def pack(confirmations: Sequence[Confirmation], prefix: str) -> dict[str, NDArray[Any]]:
    """All arrays of all of them, by prefix, view and name."""
    return {f"{prefix}{one.view}/{name}": x for one in confirmations for name, x in one.pack().items()}


def unpack(state: State, views: Sequence[str], prefix: str) -> tuple[Confirmation, ...]:
    """The inverse of `pack`."""
    own: list[Mapping[str, NDArray[Any]]] = [
        {k.removeprefix(f"{prefix}{view}/"): x for k, x in state.items() if k.startswith(f"{prefix}{view}/")}
        for view in views
    ]
    return tuple(Confirmation.unpack(arrays, view) for arrays, view in zip(own, views, strict=True))
