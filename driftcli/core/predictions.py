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
    corrupted: CorruptedPredictions | None = None
    """What the classifier says of these images under simulated corruptions, where it was asked."""
    hard: bool = False
    """Only the predicted classes were given: rows are 1 for one class and 0 for the others, which is no probability."""
    named_by: str = ""
    """Where the names of the classes are from, in words, where driftcli ran the classifier."""

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

    def then(self, others: Predictions) -> Predictions:
        """Of these images, then of those: both know the same classes in the same order. What is said of corrupted images is left out."""
        both = (self.logits, others.logits)
        return replace(
            self,
            probability=np.concatenate([self.probability, others.probability]),
            label=np.concatenate([self.label, others.label]),
            logits=None if both[0] is None or both[1] is None else np.concatenate([both[0], both[1]]),
            corrupted=None,
        )

    def hardened(self) -> Predictions:
        """The predicted classes alone, for comparing with a side that gave no more."""
        one_hot = np.eye(len(self.classes))[self.predicted]
        one_hot[~self.answered] = np.nan
        return replace(self, probability=one_hot, logits=None, hard=True)

    def at(self, index: NDArray[np.int64]) -> Predictions:
        """Those of the images at these positions, in this order."""
        logits = None if self.logits is None else self.logits[index]
        corrupted = None if self.corrupted is None else self.corrupted.of(index, len(self))
        return replace(
            self,
            probability=self.probability[index],
            label=self.label[index],
            logits=logits,
            corrupted=corrupted,
        )


@dataclass(frozen=True)
class CorruptedPredictions:
    """The same classifier's answers on some images under some corruptions: r rows, each one image under one of them."""

    said: Predictions
    """Row for row; labels are those of the images as they are."""
    image: NDArray[np.int64]
    """[r]: the place of the image among those that it was made of."""
    condition: NDArray[np.int64]
    """[r]: the place of the corruption in `conditions`."""
    conditions: tuple[tuple[str, float], ...]
    """A corruption and its severity each, without repetition."""

    def of(self, index: NDArray[np.int64], images: int) -> CorruptedPredictions | None:
        """The rows that are about the images at these positions (of so many), which are numbered anew; None where there are none."""
        place = np.full(images, UNKNOWN, np.int64)
        place[index] = np.arange(len(index))
        kept = np.flatnonzero(place[self.image] != UNKNOWN)
        if not len(kept):
            return None
        return replace(
            self, said=self.said.at(kept), image=place[self.image[kept]], condition=self.condition[kept]
        )
