"""One label from several annotators', and how good each of them is.

The model's own answer is no annotator: labels that score it must not know what it said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.labelling.agreement import counts

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

RIGHT, WRONG = 4.0, 1.0
"""What is thought of an annotator before the first label: as if four of five had been right."""
ENOUGH = 20
"""Labels an entry: mistakes are told apart by class where every annotator gave so many times K labels in each of K classes.

With 20 a class, ten classes and three annotators, tables of mistakes explained away what was wrong: accuracy came out 3 points too low.
"""
_ROUNDS, _CLOSE = 200, 1e-7
_TELL_APART = 3
_TWO_TO_ONE = 2 / 3
_TINY = 1e-12
LEAN = 5.0
"""Images that the mean of all classes counts as, beside those of a class, in how sure labels of the class are."""
_LEAST_LEFT = 0.2
"""Labels worse than that say nothing that a correction could save."""


@dataclass(frozen=True)
class Aggregated:
    """What annotators say together."""

    chance: Floats
    """[images, classes]: of each class to be the right one; rows sum to 1."""
    skill: Floats
    """[annotators]: estimated share of right labels."""
    labels: Places
    """[annotators]: how many each gave."""
    by_class: bool
    """Whether mistakes were told apart by class."""

    @property
    def label(self) -> Places:
        """[images]: the most probable class; the first of equal ones."""
        found: Places = self.chance.argmax(axis=1)
        return found

    @property
    def unsure(self) -> NDArray[np.bool_]:
        """[images]: whether the most probable class has odds of less than two to one."""
        unsure: NDArray[np.bool_] = self.chance.max(axis=1) < _TWO_TO_ONE
        return unsure

    @property
    def error(self) -> float:
        """Estimated share of the labels that are wrong."""
        return float(1 - self.chance.max(axis=1).mean())


def majority(ratings: Places, classes: int) -> Floats:
    """[images, classes]: share of the votes; classes that are ahead of all others share what there is.

    `ratings`: [images, annotators], -1 where there is no label. Images without labels are not allowed.
    """
    votes = counts(ratings, classes)
    ahead = (votes == votes.max(axis=1, keepdims=True)).astype(np.float64)
    found: Floats = ahead / ahead.sum(axis=1, keepdims=True)
    return found


def dawid_skene(ratings: Places, classes: int, known: Places | None = None) -> Aggregated:
    """Labels and skills that explain each other best (Dawid & Skene 1979), by expectation and maximisation.

    `ratings`: [images, annotators], -1 where there is no label; every image has one. `known`: [images], the right class where it is known
    (control tasks), else -1. One skill an annotator, smoothed by Beta(4, 1), so that agreeing once is no proof; a table of
    mistakes by class only where there are labels enough (`ENOUGH`). Of two annotators without control tasks nobody can say who of them is
    wrong: they share one skill. Starts from the majority.
    """
    truth = np.full(len(ratings), -1) if known is None else known
    given = counts(ratings.T, classes)  # [annotators, classes]: labels, not votes of an image
    by_class = ratings.shape[1] >= _TELL_APART and bool((given >= ENOUGH * classes).all())
    alike = ratings.shape[1] < _TELL_APART and not (truth >= 0).any()
    marks = (ratings[:, :, None] == np.arange(classes)).astype(np.float64)  # [images, annotators, classes]
    chance = _fixed(majority(ratings, classes), truth)
    for _ in range(_ROUNDS):
        tables = _by_class(marks, chance) if by_class else _one_coin(marks, chance, alike=alike)
        logs = np.log(_prior(chance)) + np.einsum("ijl,jkl->ik", marks, np.log(tables))
        logs -= logs.max(axis=1, keepdims=True)
        fresh = np.exp(logs)
        fresh = _fixed(fresh / fresh.sum(axis=1, keepdims=True), truth)
        moved = float(np.abs(fresh - chance).max())
        chance = fresh
        if moved < _CLOSE:
            break
    return Aggregated(
        chance, _skill(marks, chance, alike=alike), given.sum(axis=1).astype(np.int64), by_class
    )


def _skill(marks: Floats, chance: Floats, *, alike: bool) -> Floats:
    """[annotators]: share of right labels; one for all if they are `alike`."""
    right, total = np.einsum("ijl,il->j", marks, chance), marks.sum(axis=(0, 2))
    if alike:
        right, total = np.full_like(right, right.sum()), np.full_like(total, total.sum())
    found: Floats = (right + RIGHT) / (total + RIGHT + WRONG)
    return found


def _prior(chance: Floats) -> Floats:
    """Shares of the classes, with one image of each added."""
    found: Floats = (chance.sum(axis=0) + 1) / (len(chance) + chance.shape[1])
    return found


def _one_coin(marks: Floats, chance: Floats, *, alike: bool) -> Floats:
    """[annotators, true class, label]: chances, never 0; every wrong label as likely as another."""
    classes = chance.shape[1]
    skill = _skill(marks, chance, alike=alike)[:, None, None]
    wrong = np.maximum((1 - skill) / max(classes - 1, 1), _TINY)
    return np.where(np.eye(classes, dtype=bool)[None], skill, wrong)


def _by_class(marks: Floats, chance: Floats) -> Floats:
    """As `_one_coin`, with a table of mistakes for every annotator."""
    classes = chance.shape[1]
    seen = np.einsum("ijl,ik->jkl", marks, chance)
    seen += np.where(np.eye(classes, dtype=bool), RIGHT, WRONG / max(classes - 1, 1))
    found: Floats = seen / seen.sum(axis=2, keepdims=True)
    return found


def _fixed(chance: Floats, truth: Places) -> Floats:
    """With certainty where the right class is known."""
    held = truth >= 0
    found = chance.copy()
    found[held] = 0.0
    found[np.flatnonzero(held), truth[held]] = 1.0
    return found


@dataclass(frozen=True)
class Allowed:
    """Which class each image is of, with wrong labels allowed for."""

    share: Floats
    """[n, K]: 1 for its class and 0 for the others in the mean of many images; rows sum to 1, single values may lie outside of [0, 1]."""
    chance: Floats
    """[n, K]: what it is made from."""
    undone: Floats
    """[K, K]: `share` is `chance` times it."""

    def of(self, answer: Places) -> Floats:
        """[n]: of each image's `answer` to be its class."""
        found: Floats = self.share[np.arange(len(answer)), answer]
        return found

    def noise(self, answer: Places) -> Floats:
        """[n]: variance of `of` that comes from labels."""
        spread = (self.chance * self.undone.T[answer] ** 2).sum(axis=1) - self.of(answer) ** 2
        found: Floats = np.maximum(spread, 0.0)
        return found

    @property
    def most(self) -> float:
        """What `share` is at most."""
        return float(self.undone.max())


def allowed(chance: Floats) -> Allowed:
    """Classes of images from what annotators say together, [n, K]: wrong labels are undone in the mean.

    Wrong labels make a good model look worse: an image of class k has chances M[k] on average, not certainty, and whoever is right about it
    is confirmed by no more. M[k, l] = sum of chance_k chance_l over sum of chance_k follows from the labels alone, and chance M^-1 has the
    mean of certainty (Rogan & Gladen 1978, for K classes). Classes with few images lean on the mean of all (`LEAN`). Labels must err independently of the
    model, given the right class; where both fail on the same images the model looks better than it is.
    """
    classes = chance.shape[1]
    alike = _alike(chance)
    mass = chance.sum(axis=0)
    seen = chance.T @ chance  # its rows sum to the classes' masses
    table = (seen + LEAN * alike) / (mass + LEAN)[:, None]
    if np.linalg.svd(table, compute_uv=False).min() < _LEAST_LEFT:
        table = alike
    undone: Floats = np.linalg.solve(table, np.eye(classes))
    return Allowed(chance @ undone, chance, undone)


def _alike(chance: Floats) -> Floats:
    """[K, K]: chances by class, as if labels of all classes were as sure; never so unsure that nothing is left."""
    classes = chance.shape[1]
    sure = float((chance**2).sum(axis=1).mean())
    left = max(sure - (1 - sure) / max(classes - 1, 1), _LEAST_LEFT)
    found: Floats = (1 - left) / classes + left * np.eye(classes)
    return found
