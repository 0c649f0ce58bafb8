"""How images in a row depend on each other: runs of near-copies, and how far neighbours are alike; each set by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.stats.relabelling import BATCH_BINS, MAX_UNITS, SINGLE_IMAGES

# All decisions compare the observed order with random orders of the same images. Independent images are exchangeable, so
# that their order is one of the random ones whatever they show: how often a decision errs follows from random orders
# alone. What is decided says nothing of another set, and of this one only how it is ordered, which no statistic of the
# gate feels.

CERTAIN = 4.5
"""Standard deviations beyond random orders from which on dependence is taken for certain; some fifty columns are looked
at. How often independent images reach it is measured by `tests/benchmarks/dependence.py`."""
NEAR = 0.2
"""Near-copies: half the mean squared difference of their scores, which is about 1 for good images drawn at random."""
TIMES, APART = 3.0, 0.5
"""A run of near-copies ends at so many times their usual difference, if that is more than NEAR, at most at the second: farther than
copies lie apart by chance, nearer than other images do. A run that chance divides would be two units that are alike."""
FEWEST = 10
"""Images below which no order is told from others."""
DIFFER = 1.5
"""Standard deviations beyond which two sets are taken to depend differently: what errs here changes lengths of blocks."""
SPANS = ((3.0, 1.5), (2.0, 1.0))
"""A block spans at least so many correlation times, and so many lie between it and the next, left out of the test: blocks
beside each other would share more than those that relabelling puts together. The second where the first leaves too few."""
WINDOW = 5.0
"""Correlations are added up to this multiple of their own sum; beyond lies noise (Sokal 1997, Monte Carlo Methods in
Statistical Mechanics, section 3)."""
SPARSE, JUMP = 1.25, 20
"""A set whose steps are so many times as long is a part of such a row; steps of so many times the median are pauses."""
CLIP = 3.0
FAR = 16
"""Distances in the row at which pairs of images stand for pairs drawn at random."""
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """Images in a row, and how they depend on each other."""

    runs: Rows
    """[n], ascending from 0: the run of near-copies that each image lies in; each its own where there are none."""
    time: float = 1.0
    """Correlation time, in images: the mean of n of them varies as that of n / time independent ones. 1: independent, but
    for the runs that there may be."""
    alike: float = 0.0
    """Correlation of images beside each other, a mean over all columns; 0 on average for independent ones."""
    spread: float = 1.0
    """Standard deviation of `alike` in random orders."""
    step: float = 1.0
    """How far images beside each other lie apart, as their times or numbers tell."""
    holes: bool = False
    """Some lie much farther apart than others: images between them are not here."""
    apart: float = 1.0
    """Half the mean squared difference of images beside each other."""
    columns: Floats = field(default_factory=lambda: np.zeros((2, 0)))
    """[2, columns]: `alike` and `spread` of each column alone."""
    shown_by: tuple[Rows | None, ...] = ()
    """The columns that surely are dependent, one each; None: all of them together."""
    by_image: float = 1.0
    """Correlation time of the images where runs stand for it."""

    @property
    def number(self) -> int:
        """How many runs there are."""
        return int(self.runs[-1]) + 1 if len(self.runs) else 0

    @property
    def copied(self) -> bool:
        """Whether there are runs of near-copies."""
        return self.number < len(self.runs)

    @property
    def dependent(self) -> bool:
        """Whether images beside each other were found to depend on each other."""
        return self.copied or self.time > 1

    def without_runs(self) -> Row:
        """The same row, its dependence one by degrees."""
        return replace(self, runs=np.arange(len(self.runs)), time=self.by_image)

    def along(self, columns: Rows | None) -> tuple[float, float]:
        """`alike` and `spread` of one column, or of all together."""
        if columns is None:
            return self.alike, self.spread
        return float(self.columns[0, columns].mean()), float(self.columns[1, columns].mean())

    def only_here(self, other: Row) -> bool:
        """Whether the other set surely is no row of this kind: what is alike in neighbours here is not so there.

        Images so many times as far apart would still be alike to that power of the correlation, as in a chain.
        """
        if self.copied or self.time == 1 or other.dependent or not other.columns.shape[1]:
            return False
        times = other.step / self.step
        for columns in self.shown_by:
            (here, noise), (there, doubt) = self.along(columns), other.along(columns)
            if there + DIFFER * doubt >= max(here - DIFFER * noise, 0.0) ** times:
                return False
        return True

    def freer_than(self, other: Row) -> bool:
        """Whether images beside each other are less alike here than there, beyond chance, and not nearer to each other.

        Of a single scene nothing in the order tells that its images belong together; that they lie close does.
        """
        surely = other.alike - self.alike > DIFFER * math.hypot(self.spread, other.spread)
        return surely and self.apart > other.apart


@dataclass(frozen=True)
class _Blocks:
    """Blocks of so many consecutive images, or runs, and so many between them that are left out."""

    length: int
    gap: int

    @staticmethod
    def after(time: float, spans: tuple[float, float]) -> _Blocks:
        """About independent ones under this correlation time."""
        length, gap = spans
        return _Blocks(math.ceil(length * time), math.ceil(gap * time)) if time > 1 else _Blocks(1, 0)

    def fitting(self, number: int) -> int:
        """How many such blocks so many images or runs hold, at least one."""
        return max(1, (number + self.gap) // (self.length + self.gap))

    def stretched(self, number: int) -> _Blocks:
        """As many blocks, as long as so many allow; a shorter one where not even one would fit."""
        return _Blocks((number + self.gap) // self.fitting(number) - self.gap, self.gap)

    def of(self, row: Row) -> Rows:
        """[n]: the block that each image lies in, ascending from 0; -1 in gaps and at the end."""
        block, place = np.divmod(row.runs, self.length + self.gap)
        found: Rows = np.where((place < self.length) & (block < self.fitting(row.number)), block, -1)
        return found


def units(held_out: Row, batch: Row, alpha: float) -> tuple[Rows, Rows] | None:
    """[n_c] and [m], ascending from 0: the exchangeable unit of each image of C and of the batch; -1: left out of the test.

    None where neither set shows dependence. Units are runs of near-copies, or blocks of a few correlation times; as long
    ones as leave 1 / alpha relabellings, where there are any. A set whose own order shows less than the other's is taken to
    depend alike, unless the difference is beyond chance: a short batch cannot show what a long baseline does. Blocks are
    equally long on both sides where both depend alike; else each side's have as many of its own correlation times.
    Where only one side's neighbours are near enough to be copies, and the other's depend by degrees, both do so.
    """
    if not held_out.dependent and not batch.dependent:
        return None
    if batch.copied and held_out.time > 1:
        batch = batch.without_runs()
    elif held_out.copied and batch.time > 1:
        held_out = held_out.without_runs()
    for spans in SPANS:
        good, ours = _alike(held_out, batch, spans)
        many, most = ours.fitting(batch.number), good.fitting(held_out.number)
        if math.comb(many + most, many) >= 1 / alpha - 1e-9:
            break
    # As with bins of single images: of more units relabelling costs more than it tells.
    coarser = math.ceil(many / BATCH_BINS) if many > SINGLE_IMAGES else 1
    coarser = max(coarser, math.ceil((most + many) / MAX_UNITS))
    good, ours = (_Blocks(one.length * coarser, one.gap) for one in (good, ours))
    return good.of(held_out), ours.of(batch)


def _alike(held_out: Row, batch: Row, spans: tuple[float, float]) -> tuple[_Blocks, _Blocks]:
    """Blocks of C and of the batch."""
    times = held_out.step / batch.step
    # Numbers may only count otherwise; neighbours that are less alike, or holes between them, show that images are missing.
    sparser = held_out if times > 1 else batch
    missing = sparser.holes or (times > 1) == (batch.alike > held_out.alike)
    if max(times, 1 / times) > SPARSE and missing:
        return _spanning(held_out, batch, times, spans)
    if batch.freer_than(held_out) or held_out.freer_than(batch):
        good, ours = (_Blocks.after(row.time, spans) for row in (held_out, batch))
        return good, ours if ours.length == 1 else ours.stretched(batch.number)
    if held_out.copied or (batch.copied and held_out.time == 1):
        own = 1 if batch.copied else round(len(held_out.runs) / held_out.number)
        return _Blocks(1, 0), _Blocks(min(own, batch.number), 0)
    sizes = len(held_out.runs), len(batch.runs)
    time = float(np.average([held_out.time, batch.time], weights=sizes))
    ours = _Blocks.after(time, spans).stretched(sizes[1])
    return ours, ours


def _spanning(held_out: Row, batch: Row, times: float, spans: tuple[float, float]) -> tuple[_Blocks, _Blocks]:
    """Blocks that span the same time on both sides, where C's images lie so many times as far apart as the batch's.

    A baseline drawn at random from a film has no neighbours left, a night checked whole has.
    """
    sizes = len(held_out.runs), len(batch.runs)
    if held_out.copied or batch.copied:
        own = 1 if batch.copied else round(times * sizes[0] / held_out.number)
        return _Blocks(1, 0), _Blocks(min(own, batch.number), 0)
    known = [held_out.time * times, batch.time]
    known = [known[0] if held_out.time > 1 else known[1], known[1] if batch.time > 1 else known[0]]
    ours = _Blocks.after(float(np.average(known, weights=sizes)), spans).stretched(sizes[1])
    return _Blocks(max(1, round(ours.length / times)), math.ceil(ours.gap / times)), ours


def scores(x: NDArray[np.floating[Any]], spread: Floats) -> Floats:
    """Columns of [n, d] about their mean, in units of `spread` [d], at most CLIP of them; those of spread 0 left out.

    A missing value is the mean.
    """
    z = x[:, spread > 0].astype(np.float64)
    there = np.isfinite(z)
    z[~there] = 0
    mean = z.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    z = np.where(there, z - mean, 0) / spread[spread > 0]
    clipped: Floats = np.clip(z, -CLIP, CLIP)
    return clipped


def spreads(x: NDArray[np.floating[Any]]) -> Floats:
    """[d]: standard deviations of the columns of [n, d] over the values that are there; 0 for those that do not vary."""
    z = x.astype(np.float64)
    there = np.isfinite(z)
    z[~there] = 0
    count = np.maximum(there.sum(axis=0), 1)
    mean = z.sum(axis=0) / count
    spread: Floats = np.sqrt(np.where(there, np.square(z - mean), 0).sum(axis=0) / count)
    return np.where(spread > 1e-6 * np.maximum(1.0, np.abs(mean)), spread, 0.0)


@threads.single
def measure(z: Floats, series: Rows, stratum: Rows | None = None, place: Floats | None = None) -> Row:
    """How n images depend on each other, from their scores [n, d] in the order in which they were made.

    `series` [n], ascending: only within a series neighbours are asked whether they are alike, about the mean of their
    series; near-copies are so wherever they lie, if there are more of them than among other images of their `stratum` [n],
    ascending (none: all are of one). `place` [n]: time or number of each, ascending within a series. Runs count where that is all the dependence there is: where the first
    images of neighbouring runs are alike, too, images depend on each other by degrees.
    """
    n = len(z)
    if n < FEWEST or not z.shape[1]:
        return Row(np.arange(n))
    row = _correlation(z, series)
    runs = _runs(z, np.zeros(n, np.int64) if stratum is None else stratum)
    first = np.flatnonzero(np.diff(runs, prepend=-1))
    (step, holes), apart = _step(place, series), float(np.square(np.diff(z, axis=0)).mean()) / 2
    if len(first) < n and _correlation(z[first], series[first]).time == 1:
        row = replace(row, runs=runs, time=1.0, by_image=row.time)
    return replace(row, step=step, holes=holes, apart=apart)


def _step(place: Floats | None, series: Rows) -> tuple[float, bool]:
    """Mean distance of images beside each other, pauses apart, and whether there are holes; 1 where no place tells."""
    if place is None:
        return 1.0, False
    steps = np.diff(place)[series[1:] == series[:-1]]
    steps = steps[steps > 0]
    if not len(steps):
        return 1.0, False
    mean = float(steps[steps <= JUMP * np.median(steps)].mean())
    return mean, mean > SPARSE * float(np.quantile(steps, 0.25))


def _runs(z: Floats, stratum: Rows) -> Rows:
    """[n]: stretches of near-copies of their first image; single images unless neighbours surely are near-copies."""
    n = len(z)

    def apart(a: Floats, b: Floats) -> Floats:
        half: Floats = np.square(a - b).mean(axis=1) / 2
        return half

    beside, expected = apart(z[:-1], z[1:]), 0.0
    starts_here = np.flatnonzero(np.diff(stratum, prepend=-1))
    for part in np.split(z, starts_here[1:]):
        lags = np.unique(np.linspace(len(part) // 3, len(part) // 2, FAR).round().astype(int))
        usual = [float((apart(part[:-lag], part[lag:]) < NEAR).mean()) for lag in lags if lag]
        expected += float(np.mean(usual or [1.0])) * (len(part) - 1)
    # Of few expected pairs the number is about Poisson; of many it varies less.
    inside = beside[stratum[1:] == stratum[:-1]]
    copies = inside[inside < NEAR]
    if len(copies) - expected <= CERTAIN * math.sqrt(max(expected, 1.0)):
        return np.arange(n)
    most = min(max(NEAR, TIMES * float(np.median(copies))), APART)
    starts = np.ones(n, bool)
    leader = 0
    for i in range(1, n):
        starts[i] = not (beside[i - 1] < most and apart(z[leader : leader + 1], z[i : i + 1])[0] < most)
        if starts[i]:
            leader = i
    runs: Rows = np.cumsum(starts) - 1
    return runs


def _correlation(z: Floats, series: Rows) -> Row:
    """Single images with their correlation time, the mean correlation of neighbours and its spread, whole and by column."""
    n = len(z)
    nothing = Row(np.arange(n))
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    sizes = np.diff(np.append(starts, n))
    at = np.repeat(np.arange(len(starts)), sizes)
    if n < FEWEST:
        return nothing
    x = z - (np.add.reduceat(z, starts, axis=0) / sizes[:, None])[at]
    pairs = int((sizes - 1).sum())
    total = np.square(x).sum(axis=0)
    varies = np.flatnonzero(total > 1e-9 * n)
    x, total = x[:, varies], total[varies]
    if pairs < FEWEST - 1 or not len(total):
        return nothing

    def products(lag: int) -> Floats:
        """[d]: sums over pairs so far apart within a series."""
        together = at[lag:] == at[:-lag]
        sums: Floats = np.einsum("nd,nd->d", x[lag:][together], x[:-lag][together])
        return sums

    # Sum over pairs of neighbours of x_i x_j, sum x = 0: in random orders its mean is -sum x^2 / n for each series, and
    # its variance about (sum x^2)^2 / n (Wald & Wolfowitz 1943, Ann. Math. Stat. 14); sums of columns covary as the
    # squares of the columns' own correlations.
    inverse = (np.square(x) / sizes[at][:, None]).sum(axis=0)
    away = products(1) + inverse
    per_series = np.add.reduceat(np.square(x), starts, axis=0)
    variance = (np.square(per_series) * (np.maximum(sizes - 1, 0) / np.maximum(sizes, 1) ** 2)[:, None]).sum(
        axis=0
    )
    related = np.square((x.T @ x) / np.sqrt(np.outer(total, total)))
    deviation = np.sqrt(variance)
    together = float(away.sum()) / math.sqrt(float(deviation @ related @ deviation))
    alike = float(away.sum() / total.sum())
    spread = math.sqrt(float(deviation @ related @ deviation)) / float(total.sum())
    # A single column counts where it surely is more dependent than all together: the longest of fifty equal times would
    # be the one with most noise.
    more = CERTAIN * deviation / total + (alike if together > CERTAIN else 0.0)
    candidates = [np.array([j]) for j in np.flatnonzero(away / total > more)]
    if together > CERTAIN:
        candidates.append(np.arange(len(total)))
    columns = np.stack([np.zeros(z.shape[1]), np.ones(z.shape[1])])
    columns[:, varies] = away / total, deviation / total
    row = replace(nothing, alike=alike, spread=spread, columns=columns)
    if not candidates:
        return row
    time = max(_times(products, total, n, candidates))
    return replace(row, time=time, shown_by=tuple(None if len(c) > 1 else varies[c] for c in candidates))


def _times(products: Callable[[int], Floats], total: Floats, n: int, candidates: list[Rows]) -> list[float]:
    """The correlation time of each set of columns, at least 1: 1 + 2 x the sum of their correlations."""
    times, done = [1.0] * len(candidates), [False] * len(candidates)
    lag = 0
    while not all(done) and lag < n // 3:
        lag += 1
        sums = products(lag)
        for k, columns in enumerate(candidates):
            if done[k]:
                continue
            # Deviations are from the sample's mean, which follows its images: each correlation is too low by time / n.
            times[k] += 2 * (float(sums[columns].sum() / total[columns].sum()) + times[k] / n)
            done[k] = lag >= WINDOW * times[k] or times[k] < 1
    return [max(1.0, time) for time in times]
