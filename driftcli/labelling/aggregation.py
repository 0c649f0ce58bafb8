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
class Scored:
    """Whether a model is right, by labels that may be wrong."""

    right: Floats
    """[n]: 1 or 0 in the mean of many images; single values may lie outside of [0, 1] where labels are uncertain."""
    noise: Floats
    """[n]: variance of each that comes from its label."""
    corrected: float
    """Share of the labels' certainty that is left: 1 where they are taken for right."""


def scored(chance: Floats, predicted: Places) -> Scored:
    """How often a model's answers are right, given what annotators say together: [n, K] chances and [n] answers.

    Wrong labels make a good model look worse: where it is right, labels say so only with their own certainty q (the mean of
    sum_k chance^2), and where it is wrong they may still agree, with r = (1 - q) / (K - 1). So (chance of the answer - r) / (q - r)
    (Rogan & Gladen 1978). Labels must err independently of the model, given the right class; where both fail on the same images the
    model looks better than it is.
    """
    classes = chance.shape[1]
    answer = chance[np.arange(len(chance)), predicted]
    sure = float((chance**2).sum(axis=1).mean())
    chanced = (1 - sure) / max(classes - 1, 1)
    left = max(sure - chanced, _LEAST_LEFT)
    return Scored((answer - chanced) / left, answer * (1 - answer) / left**2, left)
