"""A batch in a few numbers: what published estimators say of it, how far it lies, and the mean correctness score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm import class_space, estimators
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.signs import Signs

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

DESCRIPTORS = (
    "confidence",
    "atc",
    "transport",
    "nuclear",
    "mano",
    "distance",
    "correctness",
    "bbse",
    "change of predicted shares",
    "distance within classes",
    "shift of logits within classes",
    "spread of whitened logits",
    "spread of logits within classes",
)
"""The last three tell a model that says one class of everything from a batch of that class: images of one class lie, within it,
where good images of it lie, and as far from one another."""
TINY = 1e-3
"""Added to a spread before its logarithm is taken."""


@dataclass(frozen=True)
class Baseline:
    """What the good images' own descriptors are: the origin of every batch's."""

    accuracy: float
    images: int
    joint: Numbers
    """[K, K]: share of good images that are predicted i and are j."""
    threshold: float
    """ATC's."""
    answers: ClassSpace
    """Of the logits, with the predicted classes."""
    within: Numbers
    """[K]: mean square that the good images' logits lie from the mean of their predicted class, class by class; that of all for a
    class that hardly any has."""
    level: Numbers
    """[p]: of the good images, in the order of `DESCRIPTORS`."""

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
        answers = ClassSpace.learn(good.logits, good.predicted, k)
        within, count = _within(good.logits, good.predicted), np.bincount(good.predicted, minlength=k)
        within = np.where(count > 1, within, count @ within / n)
        zero = np.zeros(len(DESCRIPTORS))
        blank = Baseline(right / n, n, joint, threshold, answers, within, zero)
        return replace(blank, level=blank.descriptors(good, correctness))

    @cached_property
    def inverse(self) -> Numbers:
        """[K, K]: of `joint`, once for all batches."""
        return estimators.inverse(self.joint)

    def descriptors(self, batch: Signs, correctness: Numbers) -> Numbers:
        """[p] in the order of `DESCRIPTORS`, less those of the good images."""
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
        found += [*self._of_a_mix(batch), *self._of_answers(batch)]
        return np.array(found) - self.level

    def estimates(self, descriptors: Numbers) -> dict[str, float]:
        """The published estimates of a batch's accuracy, by name; each is the baseline's accuracy for the good images."""
        changes = dict(zip(DESCRIPTORS, descriptors, strict=True))
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
            float(np.abs(predicted - self.joint.sum(axis=1)).sum() / 2),
            _shift(batch.rests),
        ]

    def _of_answers(self, batch: Signs) -> list[float]:
        _, _, rests = self.answers.distances(batch.logits, batch.predicted)
        count = np.bincount(batch.predicted, minlength=len(self.within))
        usual = count @ self.within / len(batch)
        own = count @ _within(batch.logits, batch.predicted) / max(len(batch) - (count > 0).sum(), 1)
        return [
            _shift(rests),
            float(np.log(rests.var(axis=0).mean() + TINY)),
            float(np.log((own + TINY) / (usual + TINY))),
        ]

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `ARRAYS` declares them."""
        own = {
            "joint": self.joint,
            "threshold": np.array([self.threshold]),
            "within": self.within,
            "level": self.level,
        }
        return own | {f"{ANSWERS}{name}": x for name, x in self.answers.pack().items()}

    @staticmethod
    def unpack(state: State, accuracy: float, images: int) -> Baseline:
        """The inverse of `pack`."""
        answers = {n.removeprefix(ANSWERS): x for n, x in state.items() if n.startswith(ANSWERS)}
        return Baseline(
            accuracy,
            images,
            state["joint"],
            float(state["threshold"][0]),
            ClassSpace.unpack(answers),
            state["within"],
            state["level"],
        )


ANSWERS = "answers/"
ARRAYS = (
    Array("joint", "float64", ("classes", "classes"), least=0.0, most=1.0),
    Array("threshold", "float64", (1,), infinite=True),
    Array("within", "float64", ("classes",), least=0.0),
    Array("level", "float64", (len(DESCRIPTORS),)),
    *(
        a.under(ANSWERS, {"width of content": "classes", "directions": "directions of logits"})
        for a in class_space.ARRAYS
    ),
)


def _within(logits: Numbers, predicted: NDArray[np.int64]) -> Numbers:
    """[K]: mean square that logits [n, K] lie from the mean of their predicted class; 0 for a class that none has."""
    k = logits.shape[1]
    count = np.maximum(np.bincount(predicted, minlength=k), 1)
    total = np.zeros((k, k))
    np.add.at(total, predicted, logits)
    squared = ((logits - (total / count[:, None])[predicted]) ** 2).sum(axis=1)
    found: Numbers = np.bincount(predicted, squared, minlength=k) / count
    return found


def _shift(rests: Numbers) -> float:
    """Length of the mean [q], less what sampling adds to its square; a root, so that it grows with a shift as others do."""
    m, q = rests.shape
    if not q or m < 2:  # noqa: PLR2004 - no variance of one
        return 0.0
    squared = (rests.mean(axis=0) ** 2).sum() - rests.var(axis=0, ddof=1).sum() / m
    return float(np.sqrt(max(squared, 0.0)))
