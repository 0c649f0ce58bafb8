"""Learning what a classifier's harm looks like: from labelled good images, and the same images corrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.harm import accuracy as _accuracy
from driftcli.harm import correctness as _correctness
from driftcli.harm import harm_test as _harm_test
from driftcli.harm.accuracy import SIZES, Regression, Simulated, joined
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Change, Condition, sound
from driftcli.harm.correctness import Correctness, Rows
from driftcli.harm.descriptors import Baseline, held_out_apart
from driftcli.harm.harm_test import HARMLESS, Harmless, stretched
from driftcli.harm.model import HarmModel, Simulation
from driftcli.harm.probabilities import centred_logits, temperature
from driftcli.harm.signs import Signs, signs

Numbers = NDArray[np.float64]

FEWEST = 50
"""Labelled good images that an accuracy can be learnt from."""
FEWEST_CLASSES = 3
"""Classes of corruptions: each is estimated as if it were unknown, by what the others taught."""
REPEATS = (4, 3, 2, 1, 1)
"""Batches of each of SIZES that are drawn from each condition with the good images' class shares, and as many with others."""
CLEAN = 6
"""Times as many are drawn from the good images as they are."""
DIRICHLET = 0.5
"""Concentration of the random class shares: mostly a few classes dominate."""
TRIES = 20
"""Random class shares that are drawn until some cost nothing."""


@dataclass(frozen=True)
class _Known:
    """One condition with all that batches drawn from it need."""

    signs: Signs
    score: Numbers
    """[n]: correctness, by models that saw neither the image nor the corruption's class."""
    apart: Numbers
    """[n, K]: `held_out_apart`."""
    label: NDArray[np.int64]
    """[n]"""
    drop: Numbers
    """[K]: recall lost, class by class; with class shares the accuracy lost."""
    loss: float
    """Accuracy lost."""
    group: int


def learn(
    good: Condition, simulated: Sequence[Condition], space: ClassSpace | None, *, seed: int
) -> HarmModel:
    """What the classifier's harm looks like, from its answers on labelled good images and on the same images corrupted.

    `simulated`: of three or more classes of corruptions, each with `change` and `source`; empty: only the good images' own
    figures are learnt, and no verdict can be given. `space`: of the reference's images, which are none of these.
    Raises NotAuditedError for answers that are none, for good images without labels and for too few of them; UsageError for too
    few classes of corruptions.
    """
    rng = np.random.default_rng(seed)
    good = _labelled(sound(good, "good images"))
    label = good.predictions.label
    at = temperature(centred_logits(good.predictions), label)
    space = None if good.features is None else space
    clean = signs(good, at, space)
    if not simulated:
        scores = clean.p.max(axis=1)
        base = Baseline.of(clean, label, scores, held_out_apart(clean, clean, np.arange(len(label))))
        return HarmModel(good.predictions.classes, at, base, scores, clean.predicted, space, None)
    changes = [_change(condition) for condition in simulated]
    kinds = sorted({change.belongs for change in changes})
    if len(kinds) < FEWEST_CLASSES:
        raise UsageError(
            f"corruptions of {len(kinds)} class(es) were simulated: {', '.join(kinds)}",
            f"simulate corruptions of at least {FEWEST_CLASSES} classes, such as blur, noise and exposure",
        )
    given = [
        sound(c, f"{change.corruption} at severity {change.severity:g}")
        for c, change in zip(simulated, changes, strict=True)
    ]
    lesson = _Lesson(clean, label, given, changes, at, space, rng)
    return lesson.model(good.predictions.classes, kinds)


def _labelled(good: Condition) -> Condition:
    known = good.predictions.labelled
    if not known.all():
        raise NotAuditedError(
            f"{int((~known).sum())} of {len(good)} good images have no label",
            "give a label for every good image, or leave those without out",
        )
    if len(good) < FEWEST:
        raise NotAuditedError(
            f"{len(good)} labelled good images are too few to learn the model's accuracy from",
            f"give at least {FEWEST}; some hundreds make the estimates useful",
        )
    return good


def _change(condition: Condition) -> Change:
    if condition.change is None:
        raise UsageError(
            "a simulated condition does not say what was done to its images", "name the corruption"
        )
    return condition.change


class _Lesson:
    """One learning, step by step: scores, then simulated batches, then calibrations."""

    def __init__(
        self,
        clean: Signs,
        label: NDArray[np.int64],
        given: Sequence[Condition],
        changes: Sequence[Change],
        at: float,
        space: ClassSpace | None,
        rng: np.random.Generator,
    ) -> None:
        self.clean, self.label, self.space, self.rng = clean, label, space, rng
        self.changes = changes
        self.sources = [condition.sources for condition in given]
        self.signs = [signs(condition, at, space) for condition in given]
        self.temperature = at
        self.fold = _correctness.folds(len(label), rng)

    def model(self, classes: tuple[str, ...], kinds: Sequence[str]) -> HarmModel:
        """All of it."""
        rows = [self._rows(s, source) for s, source in zip(self.signs, self.sources, strict=True)]
        clean = self._rows(self.clean, np.arange(len(self.label)))
        everything = _correctness.learn(clean, rows, self.rng)
        scores = everything.held_out(clean.columns, clean.fold)
        known = [self._known(self.clean, scores, np.arange(len(self.label)), -1)]
        base = Baseline.of(self.clean, self.label, scores, known[0].apart)
        for group, kind in enumerate(kinds):
            others = [r for r, change in zip(rows, self.changes, strict=True) if change.belongs != kind]
            blind = _correctness.learn(clean, others, self.rng)
            level = blind.held_out(clean.columns, clean.fold).mean() - scores.mean()
            known += [
                self._blind(i, rows[i], blind, level, group)
                for i, change in enumerate(self.changes)
                if change.belongs == kind
            ]
        order = [i for kind in kinds for i, change in enumerate(self.changes) if change.belongs == kind]
        simulation = self._simulation(everything, base, known, [self.changes[i] for i in order])
        return HarmModel(
            classes, self.temperature, base, scores, self.clean.predicted, self.space, simulation
        )

    def _rows(self, found: Signs, source: NDArray[np.int64]) -> Rows:
        return Rows(found.columns, found.predicted == self.label[source], self.fold[source])

    def _blind(self, i: int, rows: Rows, blind: Correctness, level: float, group: int) -> _Known:
        """Scores by models without the corruption's class, on the level of those with it."""
        return self._known(
            self.signs[i], blind.held_out(rows.columns, rows.fold) - level, self.sources[i], group
        )

    def _known(self, found: Signs, score: Numbers, source: NDArray[np.int64], group: int) -> _Known:
        label = self.label[source]
        lost = (self.clean.predicted == self.label)[source].astype(float) - (found.predicted == label)
        count = np.bincount(label, minlength=found.p.shape[1])
        drop = np.bincount(label, lost, minlength=len(count)) / np.maximum(count, 1)
        apart = held_out_apart(self.clean, found, source)
        return _Known(found, score, apart, label, drop, float(lost.mean()), group)

    def _simulation(
        self, everything: Correctness, base: Baseline, known: list[_Known], changes: list[Change]
    ) -> Simulation:
        plain, mixed = zip(
            *(self._batches(one, base, at) for at in range(len(SIZES)) for one in known), strict=True
        )
        seed = int(self.rng.integers(2**31))
        fixed, _ = _accuracy.calibrated(joined(plain), "fixed", base.accuracy, seed)
        free, without = _accuracy.calibrated(joined([*plain, *mixed]), "free", base.accuracy, seed)
        left = [(change, base.accuracy - one.loss) for change, one in zip(changes, known[1:], strict=True)]
        return Simulation(
            everything,
            fixed,
            free,
            self._harmless(known, base, without),
            max(float(one.signs.distance.mean()) for one in known),
            tuple(left),
        )

    def _batches(self, one: _Known, base: Baseline, at: int) -> tuple[Simulated, Simulated]:
        """Batches of SIZES[at] from one condition: with the good images' class shares, and with random ones."""
        repeats = REPEATS[at] * (CLEAN if one.group < 0 else 1)
        plain, mixed = [], []
        for _ in range(repeats):
            plain.append((self._plain(one, base, SIZES[at]), one.loss))
            shares = self._shares(one)
            mixed.append((self._mixed(one, base, shares, SIZES[at]), _lost(one, base, shares)))
        return _simulated(plain, SIZES[at], one.group), _simulated(mixed, SIZES[at], one.group)

    def _harmless(self, known: list[_Known], base: Baseline, without: Mapping[int, Regression]) -> Harmless:
        """Estimated drops of harmless batches; a condition's by the regression that did not know its class."""
        mild = [one for one in known if one.loss <= HARMLESS]
        drops = np.empty((len(_harm_test.KINDS), len(_harm_test.SIZES), _harm_test.DRAWS))
        for at, size in enumerate(_harm_test.SIZES):
            for kind, some in enumerate((known[:1], mild[1:] or known[:1], mild)):
                drops[kind, at] = self._draws(some, base, without, size, mixed=kind == 2)  # noqa: PLR2004 - the last kind
        return Harmless(drops)

    def _draws(
        self,
        known: Sequence[_Known],
        base: Baseline,
        without: Mapping[int, Regression],
        size: int,
        *,
        mixed: bool,
    ) -> Numbers:
        """[draws]: equally many of each condition, as far as the number divides."""
        found = []
        for one, count in zip(known, _evenly(_harm_test.DRAWS, len(known)), strict=True):
            if not count:
                continue
            rows = [
                self._mixed(one, base, self._harmless_shares(one, base), size)
                if mixed
                else self._plain(one, base, size)
                for _ in range(count)
            ]
            drops = without[one.group](np.array(rows), np.full(count, float(size)))
            found.append(stretched(drops, size, base.images))
        return np.concatenate(found)

    def _shares(self, one: _Known) -> Numbers:
        there = np.bincount(one.label, minlength=one.signs.p.shape[1]) > 0
        return self.rng.dirichlet(np.where(there, DIRICHLET, 1e-9))

    def _harmless_shares(self, one: _Known, base: Baseline) -> Numbers:
        """Random class shares that cost next to nothing; the good images' own where none of some are so."""
        for _ in range(TRIES):
            shares = self._shares(one)
            if _lost(one, base, shares) <= HARMLESS:
                return shares
        return base.shares

    def _plain(self, one: _Known, base: Baseline, size: int) -> Numbers:
        return self._described(one, self.rng.integers(len(one.label), size=size), base)

    def _mixed(self, one: _Known, base: Baseline, shares: Numbers, size: int) -> Numbers:
        return self._described(one, _drawn(one.label, shares, size, self.rng), base)

    def _described(self, one: _Known, rows: NDArray[np.int64], base: Baseline) -> Numbers:
        return base.descriptors(one.signs.at(rows), one.score[rows], one.apart[rows], drawn=True)


def _lost(one: _Known, base: Baseline, shares: Numbers) -> float:
    """Accuracy lost under a condition with other class shares [K], and to them."""
    recall = np.diag(base.joint) / np.maximum(base.shares, 1e-12)
    return float(base.accuracy - shares @ (recall - one.drop))


def _evenly(total: int, parts: int) -> list[int]:
    return [total // parts + (part < total % parts) for part in range(parts)]


def _simulated(found: list[tuple[Numbers, float]], images: int, group: int) -> Simulated:
    descriptors, drop = zip(*found, strict=True)
    return Simulated(
        np.array(descriptors),
        np.full(len(found), float(images)),
        np.array(drop),
        np.full(len(found), group),
    )


def _drawn(
    label: NDArray[np.int64], shares: Numbers, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """[size]: rows with class shares [K], with replacement."""
    order = np.argsort(label, kind="stable")
    count = np.bincount(label, minlength=len(shares))
    start = np.cumsum(count) - count
    classes = rng.choice(len(shares), size=size, p=shares / shares.sum())
    classes = np.where(count[classes] > 0, classes, int(count.argmax()))
    return order[start[classes] + rng.integers(np.iinfo(np.int32).max, size=size) % count[classes]]
