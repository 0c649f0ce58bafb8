"""The cells of `power`: imagined batches, drawn from one set of images and judged against another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from driftcli.calibration.bench import PERMUTATIONS, Bench
from driftcli.calibration.paired import Change, Simulated
from driftcli.core.features import Features
from driftcli.core.power_report import NullRow, PowerCell, Rate
from driftcli.core.progress import Progress
from driftcli.core.registry import load
from driftcli.corruptions.base import Corruption
from driftcli.power_study.plan import Plan
from driftcli.reference.families import Family

TRIALS_A_BENCH = 10
"""After so many trials the relabellings are those of another clean batch."""
NULL_TIMES = 4
"""Clean batches for every trial of a cell: alpha is small, and they cost little."""
SURE = 1 / (PERMUTATIONS + 1)
"""The smallest p that a trial can have."""
FOREIGN = "foreign"
Views = Mapping[str, NDArray[np.float32]]
P = NDArray[np.float64]
"""[trials, 1 + families]: p of the gate, then of each family."""


@dataclass(frozen=True)
class Material:
    """What batches are made of and compared with; no image is on both sides."""

    families: Sequence[Family]
    """Those with a say in the gate, and advisory ones."""
    held_out: Views
    """The held-out set by view, without the images that batches are drawn from."""
    pool: Simulated
    """Images to draw batches from, clean and under every change."""
    foreign: Features | None


@dataclass(frozen=True)
class Spot:
    """A cell before it is measured: what is done to `changed` of the `batch` images."""

    change: Change | None
    """None: foreign images take their places."""
    share: float
    batch: int

    @property
    def changed(self) -> int:
        """How many images of the batch are changed: its share, rounded, and at least one."""
        return max(1, round(self.share * self.batch))


def measure(
    material: Material, plan: Plan, alpha: float, seed: int, progress: Progress
) -> tuple[tuple[PowerCell, ...], tuple[NullRow, ...]]:
    """Detection rates in every cell of the plan that the images allow, and on clean batches, one row a batch size.

    Every batch is judged by the gate and by each family at `alpha`. Cells of one batch size share their draws: the same images in every severity and share, so that
    cells are compared on the same batches. What all trials of a milder cell (smaller batch, smaller
    share, lower severity) found with the smallest p is not tried again.
    """
    n = len(material.pool)
    sizes = tuple(m for m in plan.batches if 2 * m <= n)
    grid = list(spots(material, plan, sizes))
    stage = f"measuring {len(grid)} cells with {plan.trials} batches each"
    progress.start(stage, (len(grid) + NULL_TIMES * len(sizes)) * plan.trials)
    measured: dict[Spot, PowerCell] = {}
    sure: dict[Spot, PowerCell] = {}
    null = []
    for m in sizes:
        trials = _Trials(material, m, plan.trials, seed)
        null.append(NullRow(m, NULL_TIMES * plan.trials, _rates(material, trials.clean(), alpha)))
        progress.advance(NULL_TIMES * plan.trials)
        for spot in (spot for spot in grid if spot.batch == m):
            milder = next((sure[s] for s in _milder(spot, plan, sizes) if s in sure), None)
            if milder is None:
                p = trials.changed(spot)
                measured[spot] = _cell(spot, plan.trials, _rates(material, p, alpha))
                if (p[:, 0] <= SURE).all():
                    sure[spot] = measured[spot]
            else:
                measured[spot] = _cell(spot, plan.trials, milder.rates, inferred=True)
                sure[spot] = milder
            progress.advance(plan.trials)
    progress.finish()
    return tuple(measured[spot] for spot in spots(material, plan, sizes)), tuple(null)


def spots(material: Material, plan: Plan, sizes: Sequence[int]) -> Iterator[Spot]:
    """The cells of the grid, milder ones first; with foreign images as far as there are enough of them."""
    for change in plan.changes:
        yield from (Spot(change, share, m) for share in plan.shares for m in sizes)
    if material.foreign is not None:
        cells = (Spot(None, share, m) for share in plan.shares for m in sizes)
        yield from (cell for cell in cells if cell.changed <= len(material.foreign))


def _milder(spot: Spot, plan: Plan, sizes: Sequence[int]) -> Iterator[Spot]:
    """The cells one step below on each axis."""
    for low, high in pairwise(sizes):
        if high == spot.batch:
            yield replace(spot, batch=low)
    for less, more in pairwise(plan.shares):
        if more == spot.share:
            yield replace(spot, share=less)
    if spot.change is not None:
        for lower, higher in pairwise(plan.severities):
            if higher == spot.change.severity:
                yield replace(spot, change=replace(spot.change, severity=lower))


class _Trials:
    """Batches of m images, drawn once; every cell changes the same ones."""

    def __init__(self, material: Material, m: int, count: int, seed: int) -> None:
        self.material, self.m, self.count = material, m, count
        self.clean_views = {f.view: material.pool.clean.views[f.view] for f in material.families}
        self.rng = np.random.default_rng([seed, m])
        benches = math.ceil(count / TRIALS_A_BENCH)
        self.benches = [
            Bench(
                material.families,
                material.held_out,
                self._at(self.clean_views, self._draw(len(material.pool))),
                self.rng,
            )
            for _ in range(benches)
        ]
        self.drawn = [self._draw(len(material.pool)) for _ in range(count)]
        strangers = 0 if material.foreign is None else len(material.foreign)
        self.strangers = [self.rng.permutation(strangers) for _ in range(count)]

    def clean(self) -> P:
        """Unchanged batches, those of the cells among them."""
        more = [self._draw(len(self.material.pool)) for _ in range((NULL_TIMES - 1) * self.count)]
        return self._judged([self._at(self.clean_views, chosen) for chosen in (*self.drawn, *more)])

    def changed(self, spot: Spot) -> P:
        """The batches of a cell."""
        k = spot.changed
        batches = []
        for chosen, strangers in zip(self.drawn, self.strangers, strict=True):
            first: Views
            if spot.change is not None:
                first = self._at(self.material.pool.changed[spot.change], chosen[:k])
            else:
                assert self.material.foreign is not None  # noqa: S101  # `spots` offers no such cell without
                first = self._at(self.material.foreign.views, strangers[:k])
            rest = self._at(self.clean_views, chosen[k:])
            batches.append({view: np.concatenate([first[view], x]) for view, x in rest.items()})
        return self._judged(batches)

    def _draw(self, n: int) -> NDArray[np.int64]:
        return self.rng.permutation(n)[: self.m]

    def _at(self, views: Views, chosen: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        return {view: views[view][chosen] for view in self.clean_views}

    def _judged(self, batches: Sequence[Views]) -> P:
        return np.array([self.benches[t % len(self.benches)].p(batch) for t, batch in enumerate(batches)])


def _rates(material: Material, p: P, alpha: float) -> dict[str, Rate]:
    """By `gate` and family: the share of trials whose p is at most alpha."""
    names = ("gate", *(f.name for f in material.families))
    fired = (p <= alpha).sum(axis=0)
    return {name: wilson(int(hits), len(p)) for name, hits in zip(names, fired, strict=True)}


def wilson(hits: int, trials: int) -> Rate:
    """hits/trials with its 95 % score interval (Wilson 1927), which is honest at 0 and 1 where the usual ± is not.

    With p̂ = hits/n and z the 97.5 % normal quantile: (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n).
    """
    z, rate = 1.959964, hits / trials
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials**2))
    low = 0.0 if hits == 0 else round(middle - half, 4)
    return Rate(round(rate, 4), low, 1.0 if hits == trials else round(middle + half, 4))


def _cell(spot: Spot, trials: int, rates: Mapping[str, Rate], *, inferred: bool = False) -> PowerCell:
    name, severity, amount, unit, short_unit = FOREIGN, None, None, None, None
    if spot.change is not None:
        kind: Corruption = load("corruptions", spot.change.corruption)()
        name, severity = spot.change.corruption, spot.change.severity
        amount, unit, short_unit = kind.amount(severity), kind.unit, kind.short_unit or None
    return PowerCell(
        name,
        severity,
        amount,
        unit,
        spot.share,
        spot.batch,
        spot.changed,
        trials,
        inferred,
        rates,
        short_unit,
    )
