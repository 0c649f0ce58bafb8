"""A batch in a few numbers: what published estimators say of it, how far it lies, and the mean correctness score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm import class_space, estimators
from driftcli.harm.class_space import SHRINK, ClassSpace
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
    def of(good: Signs, label: NDArray[np.int64], correctness: Numbers, apart: Numbers) -> Baseline:
        """From the good images' signs, right classes [n], held-out correctness scores [n] and `held_out_apart` [n, K]."""
        n, k = good.p.shape
        joint = np.zeros((k, k))
        np.add.at(joint, (good.predicted, label), 1 / n)
        right = int((good.predicted == label).sum())
        threshold = estimators.atc_threshold(estimators.negative_entropy(good.p), right)
        answers = ClassSpace.learn(good.logits, good.predicted, k)
        squared = (apart**2).sum(axis=1)
        count = np.bincount(good.predicted, minlength=k)
        within = np.bincount(good.predicted, squared, minlength=k) / np.maximum(count, 1)
        within = np.where(count > 1, within, squared.mean())
        zero = np.zeros(len(DESCRIPTORS))
        blank = Baseline(right / n, n, joint, threshold, answers, within, zero)
        return replace(blank, level=blank.descriptors(good, correctness, apart, drawn=True))

    @cached_property
    def inverse(self) -> Numbers:
        """[K, K]: of `joint`, once for all batches."""
        return estimators.inverse(self.joint)

    def apart(self, batch: Signs) -> Numbers:
        """[m, K]: logits of new images less the good images' mean of their predicted class."""
        found: Numbers = batch.logits - self.answers.means[batch.predicted]
        return found

    def descriptors(
        self, batch: Signs, correctness: Numbers, apart: Numbers, *, drawn: bool = False
    ) -> Numbers:
        """[p] in the order of `DESCRIPTORS`, less those of the good images; from scores [m] and `apart` [m, K].

        `drawn`: from the good images themselves, which are no sample then.
        """
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
        found += [*self._of_a_mix(batch), *self._of_answers(batch, apart, 0.0 if drawn else 1 / self.images)]
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

    def _of_answers(self, batch: Signs, apart: Numbers, luck: float) -> list[float]:
        whitened = apart @ self.answers.whiten
        count = np.bincount(batch.predicted, minlength=len(self.within))
        usual, own = count @ self.within / len(batch), apart.var(axis=0).sum()
        return [
            _shift(whitened, luck),
            float(np.log(whitened.var(axis=0).mean() + TINY)),
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


def held_out_apart(good: Signs, batch: Signs, source: NDArray[np.int64]) -> Numbers:
    """[m, K]: logits of images that show good ones, less their predicted class's mean over all good images but the one shown.

    Against means that an image itself is in it lies too near: with ten good images a class by a fifth of its variance.
    `source` [m]: the good image that each of the batch shows.
    """
    k = good.p.shape[1]
    size = np.bincount(good.predicted, minlength=k)
    total = np.zeros((k, k))
    np.add.at(total, good.predicted, good.logits)
    within = (good.predicted[source] == batch.predicted)[:, None]
    others = total[batch.predicted] - within * good.logits[source]
    count = size[batch.predicted][:, None] - within
    means = (others + SHRINK * good.logits.mean(axis=0)) / (count + SHRINK)
    found: Numbers = batch.logits - means
    return found


def _shift(rests: Numbers, luck: float = 0.0) -> float:
    """Length of the mean [q], less what sampling adds to its square; a root, so that it grows with a shift as others do.

    `luck`: the variance of what was subtracted from the rests, for a variance of 1.
    """
    m, q = rests.shape
    if not q or m < 2:  # noqa: PLR2004 - no variance of one
        return 0.0
    squared = (rests.mean(axis=0) ** 2).sum() - rests.var(axis=0, ddof=1).sum() * (1 / m + luck)
    return float(np.sqrt(max(squared, 0.0)))
