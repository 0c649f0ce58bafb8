"""What a classifier said of images, and the right answers where they are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
"""In place of a class where no right answer is known."""


@dataclass(frozen=True)
class Predictions:
    """A classifier's answers on n images, row for row with the features that they are of."""

    classes: tuple[str, ...]
    """The K classes, in the order of the columns."""
    probability: NDArray[np.float64]
    """[n, K]: of each class, in [0, 1]; rows sum to 1."""
    label: NDArray[np.int64]
    """[n]: the place in `classes` of the right answer, or UNKNOWN."""
    logits: NDArray[np.float64] | None = None
    """[n, K]: before softmax, where they were given; else log probabilities stand for them."""

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[n]: the place in `classes` of the most probable one; the first of equal ones."""
        found: NDArray[np.int64] = self.probability.argmax(axis=1)
        return found

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """[n]: whether the right answer is known."""
        known: NDArray[np.bool_] = self.label != UNKNOWN
        return known

    @property
    def accuracy(self) -> float | None:
        """Share of right answers among the images whose right answer is known; None where none is."""
        known = self.labelled
        return float((self.predicted[known] == self.label[known]).mean()) if known.any() else None

    def at(self, index: NDArray[np.int64]) -> Predictions:
        """Those of the images at these positions, in this order."""
        logits = None if self.logits is None else self.logits[index]
        return replace(self, probability=self.probability[index], label=self.label[index], logits=logits)
