"""What a detector is: numbers become statistics, all of them under the same relabellings."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.core.evidence import Statistic
from driftcli.core.features import Column, State
from driftcli.core.schema import Array

if TYPE_CHECKING:
    from driftcli.stats.relabelling import Relabellings

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """Mean shares of classes on both sides, by class: arrays [classes]."""

    before: Floats
    """In C."""
    after: Floats
    """In the batch."""
    p: Floats
    """Adjusted over all classes; 1 for one that was not compared."""
    low: Floats
    """Interval of after - before, for all classes that were compared together."""
    high: Floats
    sure_before: Floats
    """How large its share is in those images of C that make its mean: 1 where each is all of this class or nothing of it."""
    sure_after: Floats


class Detector(ABC):
    """Settings only; learnt from F by `fit`, never mutated, never drawing labels of its own.

    `values` and `describe` give the same statistics in the same order; which ones there are may
    depend on the pooled images but not on who is called "batch".
    """

    @classmethod
    def suited(cls, blocks: tuple[int, ...]) -> Self:  # noqa: ARG003 - most weigh all columns alike
        """The detector for a view whose columns join blocks of these widths (`Extractor.blocks`).

        By default blocks make no difference.
        """
        return cls()

    @abstractmethod
    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """Learn scales, bandwidths, edges from F only: `reference` is [n_f, d]."""

    def calibrate(self, state: State, held_out: Matrix) -> State:
        """What a check can reuse about C; added to `state`. Nothing by default."""
        return {}

    def arrays(self) -> tuple[Array, ...]:
        """What `fit` learns, array by array: `columns` stands for the view's width. A saved state is held to it.

        Nothing by default, and then nothing is kept.
        """
        return ()

    def calibrated(self) -> tuple[Array, ...]:
        """What `calibrate` adds, likewise; `held out` stands for the images of C."""
        return ()

    @abstractmethod
    def values(
        self, state: State, pooled: Matrix, relabellings: Relabellings, columns: Sequence[Column]
    ) -> Floats:
        """Every statistic under every relabelling of `pooled` (C then Y): [rows, k].

        Larger is more extreme; k may be 0 when nothing varies.
        """

    @abstractmethod
    def names(self, state: State, pooled: Matrix, columns: Sequence[Column]) -> tuple[str, ...]:
        """The k statistics' names, in the order of `values`."""

    def joined(self, k: int) -> tuple[float, ...]:
        """How much each of its k statistics counts in the weighted sum that stands for the family.

        Empty (the default): the largest of them does. A sum finds what several see a little of, the largest what
        one alone sees.
        """
        return ()

    def among(self, state: State, images: Matrix, columns: Sequence[Column]) -> Among:
        """These images [n, d], ready for many tests of some of them against others: what a calibration does."""
        return Among(self, state, images, columns)

    @abstractmethod
    def describe(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Statistic, ...]:
        """The k statistics as observed: names, values on both sides, effects as shifted shares."""

    @abstractmethod
    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[Floats, Floats]:
        """Strangeness of each image of C [n_c] and of Y [m], in nats: -ln of the share of good images as strange.

        The same unit for all detectors, so that sums over families mean something. An image is never compared
        with itself: those of C and those of Y are judged alike (leave-one-out), and ranks among them are honest.
        """

    def test(
        self,
        state: State,
        held_out: Matrix,
        batch: Matrix,
        relabellings: Relabellings,
        columns: Sequence[Column],
    ) -> tuple[Floats, tuple[Statistic, ...]]:
        """Statistics of C [n_c, d] against Y [m, d] under every relabelling, [rows, k], and the k as observed (row 0).

        Both of the images in the test: thinned groups keep some of theirs.
        """
        held_out, batch, relabellings = relabellings.tested(held_out, batch)
        pooled = np.concatenate([held_out, batch])
        values = np.concatenate([self.values(state, pooled, part, columns) for part in relabellings.parts()])
        statistics = self.describe(state, held_out, batch, columns)
        if relabellings.kind == "groups":
            statistics = by_groups(statistics, relabellings, self.group_bias(values))
        return values, statistics

    def direction(self, state: State, held_out: Matrix, batch: Matrix) -> Floats | None:
        """[d]: weights of the linear function of a view along which the batch's mean left C's, for heat maps.

        In standard deviations of C. None where the detector compares no means of whole vectors.
        """
        return None

    def if_shifted(
        self, state: State, held_out: Matrix, batch: Matrix, column: int, shifts: Floats
    ) -> Floats | None:
        """[shifts]: one linear column's statistic if the batch's values lay that much higher.

        By it a baseline knows how small a shift of each measurement is seen. None: it cannot be told.
        """
        return None

    def changes(
        self,
        state: State,
        held_out: Matrix,
        batch: Matrix,
        relabellings: Relabellings,
        columns: Sequence[Column],
        alpha: float,
    ) -> Changes | None:
        """How the mean share of every class moved, at confidence 1 - alpha over all of them; None: it knows no classes."""
        return None

    def group_bias(self, values: Floats) -> Floats:
        """How much of each squared effect comes from groups alone, without any drift: [k], from values [rows, k]."""
        return np.zeros(values.shape[1])


class Among:
    """n images of which some are tested against others, many times: `Detector.values` and its kin by the images' rows.

    Here the detector is asked anew each time. A kind may compute once what does not depend on who is tested against
    whom; what it returns is the same but for the last digits of sums.
    """

    def __init__(self, detector: Detector, state: State, images: Matrix, columns: Sequence[Column]) -> None:
        """`images` [n, d]; `state` as `fit` gave it."""
        self.detector, self.state, self.images, self.columns = detector, state, images, columns

    def against(self, held_out: Rows) -> Against:
        """The images of these rows as C."""
        return Against(self, held_out)


class Against:
    """Batches against one C: some of the images of an `Among`, or others."""

    def __init__(self, among: Among, held_out: Rows) -> None:
        self.among, self.held_out = among, held_out
        calibrated = among.detector.calibrate(among.state, among.images[held_out])
        self.state: State = {**among.state, **calibrated}

    def values(self, batch: Rows, relabellings: Relabellings) -> Floats:
        """`Detector.values` of the images of these rows, [rows, k]."""
        return self.among.detector.values(
            self.state, self._pooled(self.among.images[batch]), relabellings, self.among.columns
        )

    def names(self, batch: Rows) -> tuple[str, ...]:
        """`Detector.names` of the images of these rows."""
        return self._names(self.among.images[batch])

    def observed(self, batch: Matrix, relabellings: Relabellings) -> tuple[tuple[str, ...], Floats]:
        """Names and statistics [k] of a batch [m, d] from elsewhere; of the relabellings the first one counts."""
        only = replace(relabellings, labels=relabellings.labels[:1])
        values = self.among.detector.values(self.state, self._pooled(batch), only, self.among.columns)
        return self._names(batch), values[0]

    def if_shifted(self, batch: Rows, shifts: Floats) -> Floats:
        """`Detector.if_shifted` of every column at its own shifts: [columns, s] of [columns, s]; NaN where it cannot be told."""
        images, detector = self.among.images, self.among.detector
        found = np.full(shifts.shape, np.nan)
        for j, column in enumerate(self.among.columns):
            if column.kind == "linear":
                x, y = images[self.held_out], images[batch]
                moved = detector.if_shifted(self.among.state, x, y, j, shifts[j])
                found[j] = np.nan if moved is None else moved
        return found

    def _pooled(self, batch: Matrix) -> Matrix:
        return np.concatenate([self.among.images[self.held_out], batch])

    def _names(self, batch: Matrix) -> tuple[str, ...]:
        return self.among.detector.names(self.state, self._pooled(batch), self.among.columns)


def by_groups(
    statistics: Sequence[Statistic], relabellings: Relabellings, bias: Floats
) -> tuple[Statistic, ...]:
    """The same statistics with effects free of `bias` [k] and bounds that count groups instead of images.

    Images of one group may be alike throughout: an average over n images is then worth n divided by
    the mean group size that an image meets (Kish 1965), and the way from effect to bound grows by the
    root of that size; in squared effects, which is right for kernels and careful for shares.
    """
    # Kish's design effect at correlation 1: with groups of n_g images, sum of n_g = n, the mean of n images has the
    # variance s^2 sum(n_g^2) / n^2 = (s^2 / n) * (sum(n_g^2) / sum(n_g)). The quotient is the size of the group in which
    # a random image lies; standard errors grow by its root. Of the two sides the worse one serves for both.
    is_batch = np.zeros(len(relabellings.sizes), bool)
    is_batch[relabellings.labels[0]] = True
    sides = (relabellings.sizes[is_batch], relabellings.sizes[~is_batch])
    growth = math.sqrt(max(float((side**2).sum() / side.sum()) for side in sides))

    def bounded(statistic: Statistic, bias: float) -> Statistic:
        effect, lower = statistic.effect, statistic.effect_lower
        if effect is None or lower is None:
            return statistic
        squared = max(effect**2 - bias, 0.0)
        low = max(squared - growth * (effect**2 - lower**2), 0.0)
        return replace(statistic, effect=math.sqrt(squared), effect_lower=math.sqrt(low))

    return tuple(bounded(s, float(b)) for s, b in zip(statistics, bias, strict=True))
