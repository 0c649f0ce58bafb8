"""What tells, image by image, whether a classifier is right: numbers of its answer and of how strange the image is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Condition
from driftcli.harm.probabilities import centred_logits, softmax

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Signs:
    """Of n images under one condition."""

    p: Numbers
    """[n, K]: calibrated probabilities."""
    logits: Numbers
    """[n, K]: of `p`, each row less its mean."""
    predicted: NDArray[np.int64]
    """[n]"""
    columns: Numbers
    """[n, s]: what correctness is learnt from, `COLUMNS` in order, and `FAR` where features were measured."""
    rests: Numbers
    """[n, q]: whitened features less the mean of the predicted class; q = 0 without features."""

    def __len__(self) -> int:
        return len(self.p)

    def at(self, rows: NDArray[np.int64]) -> Signs:
        """Those of some rows, in this order."""
        return Signs(
            self.p[rows], self.logits[rows], self.predicted[rows], self.columns[rows], self.rests[rows]
        )

    @property
    def distance(self) -> Numbers:
        """[n]: log squared distance to the nearest class; zeros without features."""
        return self.columns[:, len(COLUMNS)] if self.rests.shape[1] else np.zeros(len(self.p))


COLUMNS = (
    "logit of the largest probability",
    "entropy",
    "largest probability",
    "margin",
    "log sum of exp(logits)",
)
FAR = ("log distance to the nearest class", "log distance to the predicted class")


def signs(given: Condition, temperature: float, space: ClassSpace | None) -> Signs:
    """The signs of a condition's images."""
    from scipy.special import logsumexp, xlogy

    logits = centred_logits(given.predictions) / temperature
    p = softmax(logits)
    predicted = given.predictions.predicted
    first, second = -np.partition(-logits, 1, axis=1)[:, :2].T
    whole = logsumexp(logits, axis=1)
    # log p/(1 - p) of the largest, without the difference 1 - p: it is 0 in floats long before the model is certain.
    others = logsumexp(_without_largest(logits), axis=1)
    columns = [first - others, -xlogy(p, p).sum(axis=1), p.max(axis=1), first - second, whole]
    if space is None or given.features is None:
        return Signs(p, logits, predicted, np.stack(columns, axis=1), np.zeros((len(p), 0)))
    nearest, own, rests = space.distances(given.features, predicted)
    return Signs(p, logits, predicted, np.stack([*columns, nearest, own], axis=1), rests)


def _without_largest(logits: Numbers) -> Numbers:
    return np.sort(logits, axis=1)[:, :-1]
