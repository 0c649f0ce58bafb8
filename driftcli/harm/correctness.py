"""The correctness score c(x): the probability that the classifier is right on an image, learnt from good and corrupted images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

FOLDS = 5
"""Good images are divided into so many parts; each part is scored by a model that saw none of it in any condition."""
CUT = 4.0
"""Standard deviations of good images at which a sign goes no farther."""
CORRUPTED = 2.0
"""Weight of all corrupted rows together, where the clean ones weigh 1."""
MOST_ROWS = 20_000
"""Corrupted rows that one model learns from."""


@dataclass(frozen=True)
class Correctness:
    """One logistic regression a fold, on cut z-scores of the signs and their squares; c(x) is their mean.

    The mean, so that a new image is scored as good images are: the score of a good image comes from the models of
    other folds, and over images such scores and those of new images have the same mean (cross-fitting: Zrnic & Candès 2024,
    PNAS 121, "Cross-prediction-powered inference").
    """

    centre: Numbers
    """[s]"""
    scale: Numbers
    """[s]: infinity for a sign that never changes on good images."""
    weights: Numbers
    """[folds, 2s + 1]: of z-scores, of their squares, and the constant."""

    def __call__(self, columns: Numbers) -> Numbers:
        """C [n] in [0, 1] of signs [n, s]."""
        found: Numbers = self.by_fold(columns).mean(axis=0)
        return found

    def by_fold(self, columns: Numbers) -> Numbers:
        """[folds, n]: what each fold's model says."""
        from scipy.special import expit

        found: Numbers = expit(self.weights @ self.inputs(columns).T)
        return found

    def held_out(self, columns: Numbers, fold: Places) -> Numbers:
        """C [n] of signs [n, s], each row by the model of its fold [n]."""
        found: Numbers = self.by_fold(columns)[fold, np.arange(len(fold))]
        return found

    def inputs(self, columns: Numbers) -> Numbers:
        """[n, 2s + 1]: what the weights are of."""
        z = np.clip((columns - self.centre) / self.scale, -CUT, CUT)
        return np.concatenate([z, z**2, np.ones((len(z), 1))], axis=1)

    def pack(self) -> dict[str, Numbers]:
        """Its arrays, as `ARRAYS` declares them."""
        return {"centre": self.centre, "scale": self.scale, "weights": self.weights}

    @staticmethod
    def unpack(state: State) -> Correctness:
        """The inverse of `pack`."""
        return Correctness(state["centre"], state["scale"], state["weights"])


ARRAYS = (
    Array("centre", "float64", ("signs",)),
    Array("scale", "float64", ("signs",), least=0.0, infinite=True),
    Array("weights", "float64", (FOLDS, "2 signs + 1")),
)


@dataclass(frozen=True)
class Rows:
    """Images under one condition, as correctness learns from them."""

    columns: Numbers
    """[n, s]"""
    right: NDArray[np.bool_]
    """[n]: whether the classifier was right."""
    fold: Places
    """[n]: the fold of the good image that each row shows."""


def folds(images: int, rng: np.random.Generator) -> Places:
    """[n]: the fold of each good image, of equal sizes, at random."""
    return rng.permutation(np.arange(images) % FOLDS)


def learn(clean: Rows, corrupted: Sequence[Rows], rng: np.random.Generator) -> Correctness:
    """c(x) from good images as they are and corrupted.

    One good image stands in every condition: models are kept apart by image, never by row.
    """
    centre, scale = clean.columns.mean(axis=0), clean.columns.std(axis=0)
    scale = np.where(scale > 1e-9 * (1 + np.abs(centre)), scale, np.inf)
    empty = Correctness(centre, scale, np.zeros((FOLDS, 2 * len(centre) + 1)))
    few = [_thinned(rows, MOST_ROWS // max(len(corrupted), 1), rng) for rows in corrupted]
    everything = [clean, *few]
    inputs = np.concatenate([empty.inputs(rows.columns) for rows in everything])
    right = np.concatenate([rows.right for rows in everything])
    fold = np.concatenate([rows.fold for rows in everything])
    weight = np.full(len(right), CORRUPTED * len(clean.right) / max(sum(len(r.right) for r in few), 1))
    weight[: len(clean.right)] = 1.0
    weights = [_fitted(inputs[fold != f], right[fold != f], weight[fold != f]) for f in range(FOLDS)]
    return Correctness(centre, scale, np.array(weights))


def _thinned(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    if len(rows.right) <= most:
        return rows
    kept = np.sort(rng.choice(len(rows.right), size=most, replace=False))
    return Rows(rows.columns[kept], rows.right[kept], rows.fold[kept])


def _fitted(inputs: Numbers, right: NDArray[np.bool_], weight: Numbers) -> Numbers:
    """Coefficients and constant of a ridge-penalised logistic regression; only a constant where all are right or wrong."""
    from sklearn.linear_model import LogisticRegression

    if right.all() or not right.any():
        share = (right.sum() + 1) / (len(right) + 2)
        return np.append(np.zeros(inputs.shape[1] - 1), np.log(share / (1 - share)))
    model = LogisticRegression(solver="newton-cholesky", max_iter=200)
    model.fit(inputs[:, :-1], right, weight)
    return np.append(model.coef_[0], model.intercept_[0])
