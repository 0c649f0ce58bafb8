"""A batch in a few numbers: what published estimators say of it, how far it lies, and the mean correctness score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm import estimators
from driftcli.harm.signs import Signs

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

FIXED = ("confidence", "atc", "transport", "nuclear", "mano", "distance", "correctness")
"""Descriptors that are calibrated where class shares stay as they were."""
FREE = (*FIXED, "bbse", "transport to new shares", "change of predicted shares", "distance within classes")
"""Those that are calibrated where they may change."""


@dataclass(frozen=True)
class Baseline:
    """What the good images' own descriptors are: the origin of every batch's."""

    accuracy: float
    images: int
    joint: Numbers
    """[K, K]: share of good images that are predicted i and are j."""
    threshold: float
    """ATC's."""
    level: Numbers
    """[descriptors]: of the good images, in the order of `FREE`."""

    @property
    def shares(self) -> Numbers:
        """[K]: of the right classes."""
        found: Numbers = self.joint.sum(axis=0)
        return found

    @staticmethod
    def of(good: Signs, label: NDArray[np.int64], correctness: Numbers) -> Baseline:
        """From the good images' signs, right classes [n] and held-out correctness scores [n]."""
        n, k = good.p.shape
        joint = np.zeros((k, k))
        np.add.at(joint, (good.predicted, label), 1 / n)
        right = int((good.predicted == label).sum())
        threshold = estimators.atc_threshold(estimators.negative_entropy(good.p), right)
        blank = Baseline(right / n, n, joint, threshold, np.zeros(len(FREE)))
        return Baseline(right / n, n, joint, threshold, blank.descriptors(good, correctness))

    @cached_property
    def inverse(self) -> Numbers:
        """[K, K]: of `joint`, once for all batches."""
        return estimators.inverse(self.joint)

    def descriptors(self, batch: Signs, correctness: Numbers) -> Numbers:
        """[11] in the order of `FREE`, those of `FIXED` first, less those of the good images."""
        p, shares = batch.p, self.shares
        found = [
            estimators.confidence(p),
            estimators.atc(estimators.negative_entropy(p), self.threshold),
            estimators.transport(p, shares),
            estimators.nuclear(p),
            estimators.mano(p),
            float(batch.distance.mean()),
            float(correctness.mean()),
        ]
        found += self._of_a_mix(batch)
        return np.array(found) - self.level

    def estimates(self, descriptors: Numbers) -> dict[str, float]:
        """The published estimates of a batch's accuracy, by name; each is the baseline's accuracy for the good images."""
        changes = dict(zip(FREE, descriptors, strict=True))
        named = {"DoC": "confidence", "ATC-NE": "atc", "COT": "transport", "BBSE": "bbse"}
        return {name: float(np.clip(self.accuracy + changes[key], 0, 1)) for name, key in named.items()}

    def images_for(self, batch: Signs) -> float:
        """How many good images the accuracy of the batch's class mix is known from, in effect: n / sum q²/prior.

        q: the batch's class shares by BBSE. A mix of one class is known from the good images of that class alone.
        """
        prior = self.shares
        shares = estimators.class_shares(self._predicted(batch), prior, self.inverse)
        known = prior > 0
        return float(self.images / (shares[known] ** 2 / prior[known]).sum())

    def _predicted(self, batch: Signs) -> Numbers:
        found: Numbers = np.bincount(batch.predicted, minlength=batch.p.shape[1]) / len(batch)
        return found

    def _of_a_mix(self, batch: Signs) -> list[float]:
        predicted = self._predicted(batch)
        shares = estimators.class_shares(predicted, self.shares, self.inverse)
        return [
            estimators.bbse(shares, self.joint),
            estimators.transport(batch.p, shares),
            float(np.abs(predicted - self.joint.sum(axis=1)).sum() / 2),
            _shift(batch.rests),
        ]

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `ARRAYS` declares them."""
        return {"joint": self.joint, "threshold": np.array([self.threshold]), "level": self.level}

    @staticmethod
    def unpack(state: State, accuracy: float, images: int) -> Baseline:
        """The inverse of `pack`."""
        return Baseline(accuracy, images, state["joint"], float(state["threshold"][0]), state["level"])


ARRAYS = (
    Array("joint", "float64", ("classes", "classes"), least=0.0, most=1.0),
    Array("threshold", "float64", (1,), infinite=True),
    Array("level", "float64", (len(FREE),)),
)


def _shift(rests: Numbers) -> float:
    """Length of the mean [q], less what sampling adds to its square; a root, so that it grows with a shift as others do."""
    m, q = rests.shape
    if not q or m < 2:  # noqa: PLR2004 - no variance of one
        return 0.0
    squared = (rests.mean(axis=0) ** 2).sum() - rests.var(axis=0, ddof=1).sum() / m
    return float(np.sqrt(max(squared, 0.0)))
