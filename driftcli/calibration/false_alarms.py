"""What the gate does on good data and what it can see: measured on halves of C when a baseline is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.core.features import Column, State
from driftcli.core.progress import SILENT, Progress
from driftcli.core.sight import Detectable, FalseAlarmRate
from driftcli.reference.families import Family, yardstick
from driftcli.reference.figures import SHIFTS, SIZES
from driftcli.stats import minp
from driftcli.stats.own_rate import HeldOut
from driftcli.stats.relabelling import Relabellings, draw

if TYPE_CHECKING:
    from driftcli.detectors.base import Against, Among
    from driftcli.reference.reference import Baseline

SPLITS = 16
BATCHES = 8
PERMUTATIONS = 199
HALF = 1_500
"""A half of C uses at most so many images: the measurement stays affordable for any C."""
POWER = 0.8
Views = Mapping[str, NDArray[np.float32]]


def measure(
    families: Sequence[Family], views: Views, seed: int, progress: Progress = SILENT
) -> dict[str, NDArray[np.float64]]:
    """Run the very gate on clean batches: half of C as baseline, batches from the other half.

    Returns arrays by batch size m: `p_m` [splits, batches], and for property shifts `peak_m` (the
    largest null peaks of the family), `count_m`, `reach_m` [columns, shifts] (the standardised
    statistic that a shift reaches in 80 % of batches).
    """
    n = len(next(iter(views.values())))
    gating = [f for f in families if f.gate == "on"]
    found: dict[str, NDArray[np.float64]] = {}
    sizes = [m for m in SIZES if 2 * m <= n]
    if not gating or not sizes:
        return found
    study = _Study(gating, views)
    progress.start("measuring the gate on halves of the baseline", len(sizes) * SPLITS)
    for m in sizes:
        rng = np.random.default_rng([seed, m])
        judged = []
        for one in threads.side_by_side(study.judge, _splits(n, m, rng), study.at_once):
            judged.append(one)
            progress.advance(1)
        found |= {
            f"p_{m}": np.array([one.p for one in judged]),
            f"half_{m}": np.array([_half(n)], np.float64),
        }
        found |= _shifts(judged, m)
    progress.finish()
    return found


def _half(n: int) -> int:
    return min(n // 2, HALF)


class _Split(NamedTuple):
    """A division of C, and batches of one half of it under their relabellings."""

    kept: NDArray[np.int64]
    """Rows of C, as are those of the batches."""
    batches: list[tuple[NDArray[np.int64], Relabellings]]


def _splits(n: int, m: int, rng: np.random.Generator) -> Iterator[_Split]:
    """SPLITS of them. Whatever is random is drawn here, in one order, however many are then judged at a time."""
    half = _half(n)
    for _ in range(SPLITS):
        order = rng.permutation(n)
        fresh = order[half : 2 * half]
        batches = [fresh[b * m : (b + 1) * m] for b in range(min(BATCHES, half // m))]
        yield _Split(order[:half], [(batch, draw(half, m, PERMUTATIONS, rng)) for batch in batches])


class _Judged(NamedTuple):
    """What the gate made of the batches of one split."""

    p: list[float]
    peaks: list[NDArray[np.float64]]
    """Of each batch the largest standardised property of every relabelling but the observed one, [rows]."""
    heights: list[NDArray[np.float64]]
    """And how high each property's statistic would stand after a shift, [columns, shifts]; NaN where that cannot be told."""


class _Study:
    """The gating families of C."""

    def __init__(self, gating: Sequence[Family], views: Views) -> None:
        self.gating, self.views = gating, views
        self.yardstick = next((i for i, f in enumerate(gating) if f.yardstick), None)
        self.spread = np.zeros(0) if self.yardstick is None else _spread(views[gating[self.yardstick].view])
        n = len(next(iter(views.values())))
        self.every = self._among(np.arange(n)) if n <= 2 * HALF else None  # every split uses all of them
        self.at_once = (
            16 if self.every is not None else 2
        )  # where each has kernels of its own pairs, up to 150 MB

    def judge(self, split: _Split) -> _Judged:
        """The gate on the batches of a split."""
        if self.every is not None:
            among, place = self.every, np.arange(len(self.every[0].images))
        else:
            used = np.concatenate([split.kept, *(batch for batch, _ in split.batches)])
            among, place = self._among(used), np.empty(int(used.max()) + 1, np.int64)
            place[used] = np.arange(len(used))
        against = [one.against(place[split.kept]) for one in among]
        judged = _Judged([], [], [])
        for batch, relabellings in split.batches:
            values = [one.values(place[batch], relabellings) for one in against]
            judged.p.append(minp.joint_p([f.evidence(v) for f, v in zip(self.gating, values, strict=True)]))
            if self.yardstick is not None and values[self.yardstick].shape[1]:
                table = values[self.yardstick]
                judged.peaks.append(minp.standardise(table)[1:].max(axis=1))
                judged.heights.append(self._heights(against[self.yardstick], table[1:], place[batch]))
        return judged

    def _among(self, rows: NDArray[np.int64]) -> list[Among]:
        return [f.detector.among(f.state, self.views[f.view][rows], f.columns) for f in self.gating]

    def _heights(
        self, against: Against, null: NDArray[np.float64], batch: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """[columns, shifts]: in standard deviations of the null [rows, statistics] of an unchanged batch."""
        names = against.names(batch)
        moved = against.if_shifted(batch, np.outer(self.spread, SHIFTS))
        for j, column in enumerate(against.among.columns):
            if column.name in names and self.spread[j] > 0:
                own = null[:, names.index(column.name)]
                moved[j] = (moved[j] - own.mean()) / max(own.std(), 1e-12)
            else:
                moved[j] = np.nan
        return moved


def _shifts(judged: Sequence[_Judged], m: int) -> dict[str, NDArray[np.float64]]:
    """Of all splits together: null peaks of the properties, and what a shift of each reaches in 80 % of batches."""
    if not any(one.peaks for one in judged):
        return {}
    peaks = np.sort(np.concatenate([peak for one in judged for peak in one.peaks]))
    heights = np.stack([height for one in judged for height in one.heights])
    usable = np.isfinite(heights).all(axis=(0, 2))
    reach = np.full(heights.shape[1:], np.nan)
    reach[usable] = np.quantile(heights[:, usable], 1 - POWER, axis=0)
    return {
        f"peak_{m}": peaks[-4000:],
        f"count_{m}": np.array([len(peaks)], np.float64),
        f"reach_{m}": reach,
    }


def _spread(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.array(
        [x[np.isfinite(x)].std() if np.isfinite(x).any() else 0.0 for x in values.T.astype(np.float64)]
    )


def nearest_size(state: State, m: int) -> int | None:
    """The measured batch size nearest to m on the log scale; None when nothing was measured."""
    sizes = [size for size in SIZES if f"p_{size}" in state]
    return min(sizes, key=lambda size: abs(np.log(size / m))) if sizes else None


def false_alarm_rate(
    state: State, alpha: float, m: int, n_held_out: int, blocked: str | None
) -> FalseAlarmRate:
    """Nominal, measured and likely range of this gate's rate (contract: honesty about "exact").

    The estimate comes from the measured p-values as normal scores. The range is where nine of ten artifacts of
    these sizes have their own rate (`own_rate`); it always holds the estimate. (The variance between a few halves is
    no use for this: it often comes out as zero.) `blocked`: a reason that forbids an estimate.
    """
    size = nearest_size(state, m)
    if blocked is None and 2 * m > n_held_out:
        blocked = "the batch is larger than half of the baseline"
    if blocked is None and size is None:
        blocked = "the baseline is too small to measure it"
    if blocked is not None or size is None:
        return FalseAlarmRate(alpha, None, None, None, None, blocked)
    normal = NormalDist()
    p = np.clip(state[f"p_{size}"], 1 / (PERMUTATIONS + 1), 1) - 0.5 / (PERMUTATIONS + 1)
    z = np.vectorize(normal.inv_cdf)(1 - p)
    spread, centre = max(float(z.std()), 1e-6), float(z.mean())
    estimate = 1 - normal.cdf((normal.inv_cdf(1 - alpha) - centre) / spread)
    low, high = HeldOut.of_images(m, n_held_out).rates(alpha)
    low, high = min(low, estimate), max(high, estimate)
    return FalseAlarmRate(alpha, round(estimate, 4), round(low, 4), round(high, 4), size, None)


@dataclass(frozen=True)
class Sizes:
    """A test: its level, its two samples, and how many shares of the level there are, of which the properties have one."""

    alpha: float
    batch: int
    held_out: int
    shares: float


def detectable_in(baseline: Baseline, alpha: float, batch: int) -> tuple[Detectable, ...]:
    """The smallest shift of each property that the baseline's gate finds with power 0.8 in such a batch.

    Empty where no properties were measured, or the baseline is too small for batches of this size.
    """
    family = yardstick(baseline.families)
    if family is None:
        return ()
    held_out = baseline.features
    x = held_out.views[family.view].astype(np.float64)
    spread = np.array([np.nanstd(c) if np.isfinite(c).any() else 0.0 for c in x.T])
    shares = sum(f.weight for f in baseline.families if f.gate == "on") / family.weight
    return detectable(baseline.measured, family.columns, spread, Sizes(alpha, batch, len(held_out), shares))


def detectable(
    state: State, columns: Sequence[Column], spread: NDArray[np.float64], test: Sizes
) -> tuple[Detectable, ...]:
    """Per property the smallest shift found with power 0.8 in such a test, most visible first.

    `state`: what `measure` returned. `spread` [d]: standard deviation of the held-out set's columns. Measured at the
    nearest batch size on halves of C, then scaled by the standard error of a difference of means,
    proportional to √(1/m + 1/n).
    """
    alpha, m, n_held_out, shares = test.alpha, test.batch, test.held_out, test.shares
    size = nearest_size(state, m)
    if size is None or f"reach_{size}" not in state:
        return ()
    peaks, count = state[f"peak_{size}"], float(state[f"count_{size}"][0])
    rank = int(np.ceil(count * alpha / max(shares, 1)))
    critical = float(peaks[-min(max(rank, 1), len(peaks))])
    error = (1 / m + 1 / n_held_out) / (1 / size + 1 / float(state[f"half_{size}"][0]))
    found = []
    for j, column in enumerate(columns):
        reach = state[f"reach_{size}"][j]
        if not np.isfinite(reach).all() or reach.max() < critical:
            continue
        at = int(np.argmax(reach >= critical))
        shift = float(SHIFTS[0])
        if at:
            low, high = reach[at - 1], reach[at]
            shift = float(SHIFTS[at - 1] + (critical - low) / (high - low) * (SHIFTS[at] - SHIFTS[at - 1]))
        shift *= error**0.5
        found.append(
            Detectable(
                f"{column.name}_shift",
                None,
                1.0,
                POWER,
                column.name,
                round(shift, 3),
                float(shift * spread[j]),
                column.unit,
            )
        )
    return tuple(sorted(found, key=lambda d: (d.shift_sd or 0.0, d.corruption)))
