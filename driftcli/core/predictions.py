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
    """[n, K]: of each class, in [0, 1]; rows sum to 1. A row of NaN: nothing was said of this image."""
    label: NDArray[np.int64]
    """[n]: the place in `classes` of the right answer, or UNKNOWN."""
    logits: NDArray[np.float64] | None = None
    """[n, K]: before softmax, where they were given; else log probabilities stand for them."""
    hard: bool = False
    """Only the predicted classes were given: rows are 1 for one class and 0 for the others, which is no probability."""

    def __len__(self) -> int:
        return len(self.probability)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """[n]: the place in `classes` of the most probable one; the first of equal ones; UNKNOWN where nothing was said."""
        found: NDArray[np.int64] = np.where(self.answered, self.probability.argmax(axis=1), UNKNOWN)
        return found

    @property
    def answered(self) -> NDArray[np.bool_]:
        """[n]: whether anything was said of the image."""
        return ~np.asarray(np.isnan(self.probability).any(axis=1))

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """[n]: whether the right answer is known."""
        known: NDArray[np.bool_] = self.label != UNKNOWN
        return known

    @property
    def accuracy(self) -> float | None:
        """Share of right answers among the images whose right answer is known; None where none is."""
        known = self.labelled & self.answered
        return float((self.predicted[known] == self.label[known]).mean()) if known.any() else None

    def hardened(self) -> Predictions:
        """The predicted classes alone, for comparing with a side that gave no more."""
        one_hot = np.eye(len(self.classes))[self.predicted]
        one_hot[~self.answered] = np.nan
        return replace(self, probability=one_hot, logits=None, hard=True)

    def at(self, index: NDArray[np.int64]) -> Predictions:
        """Those of the images at these positions, in this order."""
        logits = None if self.logits is None else self.logits[index]
        return replace(self, probability=self.probability[index], label=self.label[index], logits=logits)
