"""What the gate does on good data and what it can see: measured on halves of C when a baseline is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Column, State
from driftcli.core.progress import SILENT, Progress
from driftcli.core.sight import Detectable, FalseAlarmRate
from driftcli.reference.families import Family, yardstick
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

if TYPE_CHECKING:
    from driftcli.reference.reference import Baseline

SIZES = (10, 20, 50, 100, 200)
SPLITS = 16
BATCHES = 8
PERMUTATIONS = 199
HALF = 1_500
"""A half of C uses at most so many images: the measurement stays affordable for any C."""
SHIFTS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0])
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
    progress.start("measuring the gate on halves of the baseline", len(sizes) * SPLITS)
    for m in sizes:
        rng = np.random.default_rng([seed, m])
        found.update(_measure_size(gating, views, m, rng, progress))
    progress.finish()
    return found


def _measure_size(
    gating: Sequence[Family], views: Views, m: int, rng: np.random.Generator, progress: Progress
) -> dict[str, NDArray[np.float64]]:
    n = len(next(iter(views.values())))
    half = min(n // 2, HALF)
    per_split = min(BATCHES, half // m)
    p = np.empty((SPLITS, per_split))
    shifts = _ShiftStudy(gating)
    for split in range(SPLITS):
        order = rng.permutation(n)
        kept, fresh = order[:half], order[half : 2 * half]
        states = [{**f.state, **f.detector.calibrate(f.state, views[f.view][kept])} for f in gating]
        for b in range(per_split):
            chosen = fresh[b * m : (b + 1) * m]
            relabellings = draw(half, m, PERMUTATIONS, rng)
            values = [
                f.detector.values(
                    state,
                    np.concatenate([views[f.view][kept], views[f.view][chosen]]),
                    relabellings,
                    f.columns,
                )
                for f, state in zip(gating, states, strict=True)
            ]
            p[split, b] = minp.joint_p(values)
            shifts.add(values, views, kept, chosen)
        progress.advance(1)
    return {f"p_{m}": p, f"half_{m}": np.array([half], np.float64), **shifts.result(m)}


class _ShiftStudy:
    """Collects, over clean batches, how high each property's statistic would stand after a shift."""

    def __init__(self, gating: Sequence[Family]) -> None:
        self.index = next((i for i, f in enumerate(gating) if f.yardstick), None)
        self.family = None if self.index is None else gating[self.index]
        self.peaks: list[NDArray[np.float64]] = []
        self.heights: list[NDArray[np.float64]] = []

    def add(
        self,
        values: Sequence[NDArray[np.float64]],
        views: Views,
        kept: NDArray[np.int64],
        chosen: NDArray[np.int64],
    ) -> None:
        if self.family is None or self.index is None:
            return
        own = views[self.family.view]
        x, y = own[kept], own[chosen]
        table = values[self.index]
        if not table.shape[1]:
            return
        self.peaks.append(minp.standardise(table)[1:].max(axis=1))
        names = self.family.detector.names(self.family.state, np.concatenate([x, y]), self.family.columns)
        sd = _spread(own)
        heights = np.full((len(self.family.columns), len(SHIFTS)), np.nan)
        for j, column in enumerate(self.family.columns):
            if column.kind != "linear" or column.name not in names or sd[j] == 0:
                continue
            null = table[1:, names.index(column.name)]
            moved = self.family.detector.if_shifted(self.family.state, x, y, j, SHIFTS * sd[j])
            if moved is None:
                continue
            heights[j] = (moved - null.mean()) / max(null.std(), 1e-12)
        self.heights.append(heights)

    def result(self, m: int) -> dict[str, NDArray[np.float64]]:
        if not self.peaks:
            return {}
        peaks = np.sort(np.concatenate(self.peaks))
        heights = np.stack(self.heights)
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

    The estimate comes from the measured p-values as normal scores. The range is what one C's own luck
    does to its rate, 5th to 95th percentile; it always holds the estimate. C's part in the variance of
    a difference between batch and C is m / (m + n); all statistics are quadratic in such differences,
    hence its part in theirs is the square. (The variance between a few halves is no use for this: it
    often comes out as zero.) `blocked`: a reason that forbids an estimate.
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
    luck = (m / (m + n_held_out)) ** 2
    threshold = normal.inv_cdf(1 - alpha)
    low, high = (
        1 - normal.cdf((threshold - sign * 1.645 * luck**0.5) / (1 - luck) ** 0.5) for sign in (-1, 1)
    )
    low, high = min(low, estimate), max(high, estimate)
    return FalseAlarmRate(alpha, round(estimate, 4), round(low, 4), round(high, 4), size, None)


@dataclass(frozen=True)
class Sizes:
    """A test: its level, its two samples, and how many families share the level."""

    alpha: float
    batch: int
    held_out: int
    families: int


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
    on = sum(f.gate == "on" for f in baseline.families)
    return detectable(baseline.measured, family.columns, spread, Sizes(alpha, batch, len(held_out), on))


def detectable(
    state: State, columns: Sequence[Column], spread: NDArray[np.float64], test: Sizes
) -> tuple[Detectable, ...]:
    """Per property the smallest shift found with power 0.8 in such a test, most visible first.

    `state`: what `measure` returned. `spread` [d]: standard deviation of the held-out set's columns. Measured at the
    nearest batch size on halves of C, then scaled by the standard error of a difference of means,
    proportional to √(1/m + 1/n).
    """
    alpha, m, n_held_out, families = test.alpha, test.batch, test.held_out, test.families
    size = nearest_size(state, m)
    if size is None or f"reach_{size}" not in state:
        return ()
    peaks, count = state[f"peak_{size}"], float(state[f"count_{size}"][0])
    rank = int(np.ceil(count * alpha / max(families, 1)))
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
