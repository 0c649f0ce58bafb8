"""How many images of each dependence group enter the test, so that groups of unequal size can change sides."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A group of 200 images is no exchange for one of 3: a batch of small groups would be ranked among batches of large ones,
# whose statistics have another spread. Let n_g be a group's size and t_g <= n_g a number that depends on the sizes and
# sides of the groups alone, never on what images show. If nothing has drifted, images within a group are exchangeable and
# what a group shows depends neither on its size nor on its side, then t_g images of each group, picked without regard to
# what they show, are independent draws from a law that only t_g indexes: groups of equal t_g are exchangeable, whichever
# side they lie on. Relabelling within strata of equal t_g is then exact for every statistic of the images kept.
#
# Which t_g: both sides are sorted by size and cut into equally many cells at the same quantiles; every cell is thinned to
# its smallest group. So both sides get about the same law of sizes - the largest below both would be the smaller of the
# two quantiles, everywhere - and hardly any stratum has groups of one side only. More cells keep more images, fewer
# leave more relabellings. A few small good groups must not thin all others: those below the first cell keep their images
# and, unless a cell has just their size, their side.

MODERATE = 0.3
"""Correlation within groups for which plans are compared. The measured one would depend on what images show."""
COARSE = 0.12
"""What a plan is worth less where one relabelling of 1/alpha is just enough: a batch must then be the most extreme of all.

For a normal statistic to be found with probability 1/2 at alpha 0.01, its squared distance must be 2.48² among 99 others
and 2.33² among very many; with k/alpha relabellings the difference is about a k-th of that.
"""
CELLS = (1, 2, 4, 8, 16, 32, 64)
THRESHOLDS = 24
"""Sizes at most that are tried as the smallest of a good group that gives images to a cell."""
Sizes = NDArray[np.int64]


@dataclass(frozen=True)
class _Plan:
    """Numbers of images kept, of the good groups and of the batch's in the order given."""

    held_out: Sizes
    batch: Sizes
    worth: float
    """Proportional to the squared distance, in standard errors, that a shift of all images gives a difference of means."""
    log_relabellings: float


def kept_sizes(sizes: Sizes, is_batch: NDArray[np.bool_], stratum: Sizes, alpha: float) -> Sizes:
    """How many images of each group enter the test, [groups], at least one; all of each where all sizes of a stratum agree.

    `sizes`, `is_batch`, `stratum` [groups]; groups change sides within strata of equal `stratum` and equal result.
    Where it can be, 1 / alpha relabellings are left.
    """
    sides = [
        (np.flatnonzero((stratum == s) & ~is_batch), np.flatnonzero((stratum == s) & is_batch))
        for s in np.unique(stratum)
    ]
    pairs = [(c, y) for c, y in sides if len(c) and len(y)]
    options = [_plans(sizes[c], sizes[y]) for c, y in pairs]
    kept = sizes.copy()
    for (c, y), plan in zip(pairs, _chosen(options, alpha), strict=True):
        kept[c], kept[y] = plan.held_out, plan.batch
    return kept


def _chosen(options: Sequence[Sequence[_Plan]], alpha: float) -> list[_Plan]:
    """Of each stratum the plan worth most among those that leave it its share of the relabellings that are needed.

    Where that is not enough, the plans with most relabellings.
    """
    needed = math.log(1 / alpha)
    plans = [_best(plans, needed / len(options)) for plans in options]
    if sum(plan.log_relabellings for plan in plans) >= needed - 1e-9:
        return plans
    return [_best(plans, math.inf) for plans in options]


def _best(plans: Sequence[_Plan], least: float) -> _Plan:
    """The plan worth most with so many relabellings (their logarithm); where none has them, the one with most."""
    enough = [plan for plan in plans if plan.log_relabellings >= least - 1e-9]
    if enough:
        return max(enough, key=lambda p: p.worth * (1 - COARSE * math.exp(least - p.log_relabellings)))
    return max(plans, key=lambda p: (p.log_relabellings, p.worth))


def _plans(held_out: Sizes, batch: Sizes) -> list[_Plan]:
    """What can be done with good groups and batch groups of these sizes; one plan where all sizes agree."""
    orders = np.argsort(held_out, kind="stable"), np.argsort(batch, kind="stable")
    c, y = held_out[orders[0]], batch[orders[1]]
    if c[0] == c[-1] == y[0] == y[-1]:
        return [_Plan(held_out, batch, 0.0, math.inf)]
    # Where the good groups of each size begin, up to the largest of the batch: what lies before is below all cells.
    starts = np.searchsorted(c, np.unique(np.minimum(c, y[-1])))
    starts = starts[np.unique(np.linspace(0, len(starts) - 1, THRESHOLDS).round().astype(int))]
    plans = []
    for start in starts.tolist():
        most = min(len(c) - start, len(y), CELLS[-1])
        for cells in sorted({min(number, most) for number in CELLS}):
            thinned = _thinned(c, y, cells, start)
            placed = [np.empty_like(side) for side in thinned]
            for where, order, side in zip(placed, orders, thinned, strict=True):
                where[order] = side
            plans.append(_Plan(placed[0], placed[1], *_judged(*thinned)))
    return plans


def _thinned(c: Sizes, y: Sizes, cells: int, below: int) -> tuple[Sizes, Sizes]:
    """Ascending sizes of both sides, but for the first `below` of C in so many cells, each thinned to its smallest group."""
    sides = c[below:], y
    # All cells of a side are about equally large, and none is empty: there are no more cells than groups.
    cell = [np.arange(len(side)) * cells // len(side) for side in sides]
    first = [np.searchsorted(of, np.arange(cells)) for of in cell]
    smallest = np.minimum(sides[0][first[0]], sides[1][first[1]])
    return np.concatenate([c[:below], smallest[cell[0]]]), smallest[cell[1]]


def _judged(held_out: Sizes, batch: Sizes) -> tuple[float, float]:
    """Worth and log number of relabellings of a plan; good groups whose size the batch has not stay."""
    # With t images a group a stratum's sums of images have the variance t (1 + (t - 1) rho) a group, and relabelling c good
    # groups and y of the batch moves h = c y / (c + y) of them. A shift of all images by d moves the sum over the batch by
    # d sum(t h) from its mean over relabellings, whose variance is sum(t (1 + (t - 1) rho) h).
    t, y = np.unique(batch, return_counts=True)
    good = np.sort(held_out)
    c = np.searchsorted(good, t, side="right") - np.searchsorted(good, t)
    h = c * y / (c + y)
    spread = float((t * (1 + (t - 1) * MODERATE) * h).sum())
    worth = float((t * h).sum()) ** 2 / spread if spread else 0.0
    ways = [
        math.lgamma(a + b + 1) - math.lgamma(a + 1) - math.lgamma(b + 1) for a, b in zip(c, y, strict=True)
    ]
    return worth, math.fsum(ways)


def kept_images(unit_of: Sizes, kept: Sizes, content: NDArray[np.bytes_] | None) -> NDArray[np.bool_]:
    """[n]: the images that enter the test, `kept` [units] of each unit.

    Which ones follows from their content hashes, so that neither order nor names matter; without hashes the first.
    Copies of one image are ranked apart: else a group with copies would keep or lose all of them together.
    """
    sizes = np.bincount(unit_of, minlength=len(kept))
    chosen = np.ones(len(unit_of), bool)
    thinned = np.flatnonzero((kept < sizes)[unit_of])
    rank = thinned if content is None else _ranks(unit_of[thinned], content[thinned])
    order = thinned[np.lexsort((rank, unit_of[thinned]))]
    units = unit_of[order]
    place = np.arange(len(order)) - np.searchsorted(units, units)
    chosen[order[place >= kept[units]]] = False
    return chosen


def _ranks(units: Sizes, content: NDArray[np.bytes_]) -> Sizes:
    """[n]: places of the images by a hash of their content and of how many copies in their unit came before."""
    seen: dict[tuple[int, bytes], int] = {}
    keys = []
    for unit, one in zip(units.tolist(), content.tolist(), strict=True):
        copy = seen[unit, one] = seen.get((unit, one), -1) + 1
        keys.append(hashlib.sha256(b"%b %d" % (one, copy)).hexdigest())
    rank = np.empty(len(keys), np.int64)
    rank[np.argsort(np.array(keys), kind="stable")] = np.arange(len(keys))
    return rank
