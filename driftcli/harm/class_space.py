"""How far an image's features lie from its class: Mahalanobis distances in a space learnt from the reference's images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

DIRECTIONS = 64
"""Principal directions with a variance of their own; the others share one."""
SHRINK = 5.0
"""A class mean is drawn towards the mean of all as if by so many images."""
LEAST = 1e-9
"""Of a variance, in units of the features' mean variance."""


@dataclass(frozen=True)
class ClassSpace:
    """Class means and one covariance within classes: q directions with variances of their own, one for the rest.

    Source: Lee, Lee, Lee & Shin 2018 (NeurIPS; distances to class means tell foreign images); covariance as in probabilistic
    principal components (Tipping & Bishop 1999). Learnt from images that are neither in C nor in a batch: distances of the very
    images that taught a space are too small.
    """

    whiten: Numbers
    """[d, q]: principal directions over their standard deviations."""
    rest: float
    """Standard deviation along every other direction."""
    basis: Numbers
    """[d, q]: principal directions."""
    means: Numbers
    """[K, d]"""

    @staticmethod
    def learn(features: NDArray[np.floating], classes: NDArray[np.int64], count: int) -> ClassSpace:
        """From features [n, d] of the reference's images and their classes [n], right or predicted; `count`: K."""
        x = np.asarray(features, np.float64)
        size = np.bincount(classes, minlength=count)[:, None]
        total = np.zeros((count, x.shape[1]))
        np.add.at(total, classes, x)
        means = (total + SHRINK * x.mean(axis=0)) / (size + SHRINK)
        within = x - means[classes]
        _, lengths, directions = np.linalg.svd(within, full_matrices=False)
        variance = lengths**2 / max(len(x) - 1, 1)
        floor = LEAST * max(variance.sum() / x.shape[1], LEAST)
        q = max(1, min(DIRECTIONS, len(x) // 5, x.shape[1]))
        basis = directions[:q].T
        left = max(variance[q:].sum() / max(x.shape[1] - q, 1), floor)
        own = np.sqrt(np.maximum(variance[:q], left))
        return ClassSpace(basis / own, float(np.sqrt(left)), basis, means)

    def distances(
        self, features: NDArray[np.floating], predicted: NDArray[np.int64]
    ) -> tuple[Numbers, Numbers, Numbers]:
        """Logarithm of the squared distance to the nearest class [n] and to the predicted one [n]; whitened rests [n, q].

        The rest is what remains of an image's features when the mean of its predicted class is gone.
        """
        x = np.asarray(features, np.float64)
        here, there = x @ self.whiten, self.means @ self.whiten
        off, off_means = self._off(x), self._off(self.means)
        squared = _squared(here, there) + _squared(off, off_means)
        own = squared[np.arange(len(x)), predicted]
        return np.log1p(squared.min(axis=1)), np.log1p(own), here - there[predicted]

    def _off(self, x: Numbers) -> Numbers:
        return (x - (x @ self.basis) @ self.basis.T) / self.rest

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `ARRAYS` declares them."""
        return {
            "whiten": self.whiten,
            "rest": np.array([self.rest]),
            "basis": self.basis,
            "means": self.means,
        }

    @staticmethod
    def unpack(state: State) -> ClassSpace:
        """The inverse of `pack`."""
        return ClassSpace(state["whiten"], float(state["rest"][0]), state["basis"], state["means"])


ARRAYS = (
    Array("whiten", "float64", ("width of content", "directions")),
    Array("rest", "float64", (1,), least=1e-300),
    Array("basis", "float64", ("width of content", "directions"), least=-1.0001, most=1.0001),
    Array("means", "float64", ("classes", "width of content")),
)


def _squared(a: Numbers, b: Numbers) -> Numbers:
    """[n, K]: squared distances between rows."""
    found = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    cut: Numbers = np.maximum(found, 0.0)
    return cut
