"""`--group-by` with groups of unequal size: false alarms and power, before and after, beside what else could be done.

    python -m tests.benchmarks.unequal_groups clean [--trials 1000] [--ways whole thinned ...] [--cases 0 2]
    python -m tests.benchmarks.unequal_groups power [--trials 200]
    python -m tests.benchmarks.unequal_groups correlations [--trials 200]

Images are those of `tests/calibration/_world.py`: three families with common causes, of which images of one group share a
part (its correlation). Every trial draws its own F, C and batch and asks the gate of `check`, 399 relabellings, plans for
alpha 0.01. Ways: `whole` relabels whole groups whatever their sizes, as version 0.2 did; `thinned` is today's gate;
`smallest` thins every group to the smallest of all; `sizes` relabels whole groups among those of exactly their size;
`means` puts one image in the place of each group, the mean of its images. Counts are beside the largest count that a true
rate of alpha passes in 99 % of runs. `correlations` compares the correlation that plans are made for (`thinning.MODERATE`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np

from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.stats import relabelling, thinning
from tests.benchmarks._lab import binomial_bound, machine, wilson
from tests.calibration import _world as world

ALPHAS = (0.05, 0.01)
GATES = {"content": "on", "reconstruction": "on", "properties": "on"}
RHOS = (0.0, 0.2, 0.5, 0.9)
Law = Callable[[np.random.Generator, int], np.ndarray]


def same(size: int) -> Law:
    """All groups of one size."""
    return lambda _, count: np.full(count, size)


def between(low: int, high: int) -> Law:
    """All sizes from `low` to `high` alike."""
    return lambda rng, count: rng.integers(low, high + 1, count)


def mostly(small: int, large: int, share: float) -> Law:
    """This share of groups is small."""
    return lambda rng, count: np.where(rng.random(count) < share, small, large)


def tailed(mean: int) -> Law:
    """Geometric: many small groups, few large ones."""
    return lambda rng, count: np.minimum(rng.geometric(1 / mean, count), 30)


LAWS = (same(6), between(1, 12), between(5, 9), mostly(1, 15, 0.5), tailed(4), same(1), mostly(2, 10, 0.2))


@dataclass(frozen=True)
class Case:
    """Groups of C and of the batch, and the correlation within them; what is None is drawn anew in every trial."""

    name: str
    groups: tuple[int, int] | None = None
    laws: tuple[Law, Law] | None = None
    rho: float | None = None

    def draw(self, rng: np.random.Generator, shift: float) -> tuple[Features, Features, Features]:
        """F, C and a batch whose images all moved by `shift` standard deviations of a cause."""
        n, m = self.groups or (int(rng.integers(25, 61)), int(rng.integers(4, 21)))
        laws = self.laws or tuple(LAWS[i] for i in rng.choice(len(LAWS), 2, replace=False))
        rho = RHOS[int(rng.integers(len(RHOS)))] if self.rho is None else self.rho
        sides = [law(rng, count) for law, count in zip(laws, (n, m), strict=True)]
        if not self.groups:
            sides = [np.minimum(side, 15) for side in sides]

        def change(views: dict[str, np.ndarray]) -> None:
            for name in ("content", "properties"):
                views[name] = views[name] + shift * world.MIX[name][0]

        reference = grouped(rng, between(2, 8)(rng, 15), "f", rho)
        return (
            reference,
            grouped(rng, sides[0], "c", rho),
            grouped(rng, sides[1], "y", rho, change if shift else None),
        )


def grouped(
    rng: np.random.Generator, sizes: np.ndarray, name: str, rho: float, change: world.Change | None = None
) -> Features:
    """Images of groups of these sizes."""
    names = [f"{name}{g}" for g, size in enumerate(sizes) for _ in range(size)]
    return world.images(rng, len(names), group=names, within=rho, change=change)


CLEAN = (
    Case("C 30 x 10, batch 20 x 1, rho .5", (30, 20), (same(10), same(1)), 0.5),
    Case("C 30 x 1, batch 20 x 10, rho .5", (30, 20), (same(1), same(10)), 0.5),
    Case("other laws of sizes on both sides, any rho"),
    Case("C 30 x 10, batch 20 x 10, rho .5", (30, 20), (same(10), same(10)), 0.5),
)
POWER = tuple(
    Case(f"{name}, rho {rho}", groups, laws, rho)
    for name, groups, laws in (
        ("C 30 x 5, batch 10 x 5", (30, 10), (same(5), same(5))),
        ("C 40 and batch 10 of 1 to 14", (40, 10), (between(1, 14), between(1, 14))),
        ("C 40 of 5 to 15, batch 10 of 1 to 5", (40, 10), (between(5, 15), between(1, 5))),
        ("C 40 of 1 to 5, batch 10 of 5 to 15", (40, 10), (between(1, 5), between(5, 15))),
        ("C 150 of 1 to 30, batch 1 of 30", (150, 1), (between(1, 30), same(30))),
    )
    for rho in (0.1, 0.5, 0.9)
)


# ---------------------------------------------------------------- ways


@contextmanager
def _sizes_kept(kept: Callable[[np.ndarray], np.ndarray]) -> Iterator[None]:
    with mock.patch.object(thinning, "kept_sizes", lambda sizes, *_: kept(sizes)):
        yield


@contextmanager
def _whole() -> Iterator[None]:
    with mock.patch.object(relabelling, "_thinned", lambda unit_of, _, strata, __: (unit_of, strata)):
        yield


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


WAYS: dict[str, Callable[[], object]] = {
    "whole": _whole,
    "thinned": _as_it_is,
    "smallest": lambda: _sizes_kept(lambda sizes: np.full_like(sizes, sizes.min())),
    "sizes": lambda: _sizes_kept(lambda sizes: sizes),
    "means": _as_it_is,
}


def means(features: Features) -> Features:
    """One image a group: the mean of its images."""
    names, code = np.unique(np.array(features.group), return_inverse=True)
    views = {}
    for view, x in features.views.items():
        table = np.full((len(names), x.shape[1]), np.nan, np.float32)
        for g in range(len(names)):
            mine = x[code == g]
            there = np.isfinite(mine).any(axis=0)
            table[g, there] = np.nanmean(mine[:, there], axis=0)
        views[view] = table
    first = features.at(np.array([int(np.argmax(code == g)) for g in range(len(names))]))
    return replace(first, views=views)


def p_value(case: Case, way: str, seed: Sequence[int], shift: float = 0.0) -> float:
    """Of one trial; NaN where the gate is inconclusive."""
    rng = np.random.default_rng(seed)
    reference, held_out, batch = case.draw(rng, shift)
    if way == "means":
        reference, held_out, batch = map(means, (reference, held_out, batch))
    baseline = world.calibrate(world.fit(reference, GATES), held_out, seed[-1])
    with WAYS[way]():  # type: ignore[attr-defined]
        try:
            return world.audit(baseline, batch, permutations=399, alpha=0.01).verdict.p_value
        except NotAuditedError:
            return float("nan")


# ---------------------------------------------------------------- tables


def clean(given: argparse.Namespace) -> None:
    """False alarms."""
    print("| clean batches | way | trials | inconclusive | alarms at .05 (bound) | alarms at .01 (bound) |")
    print("| --- | --- | --- | --- | --- | --- |")
    for number, case in _asked(given, CLEAN):
        for way in given.ways:
            p = np.array([p_value(case, way, (given.seed, number, i)) for i in range(given.trials)])
            told = (
                f"{int((p <= alpha).sum())} = {(p <= alpha).mean():.3f} ({binomial_bound(len(p), alpha)})"
                for alpha in ALPHAS
            )
            print(
                f"| {case.name} | {way} | {len(p)} | {int(np.isnan(p).sum())} | {' | '.join(told)} |",
                flush=True,
            )


def power(given: argparse.Namespace) -> None:
    """How often a shift of all images is found."""
    print("| drifted batches | shift | way | trials | inconclusive | found at .05 | found at .01 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for number, case in _asked(given, POWER):
        for way in given.ways:
            _found(given, case, way, number)


def correlations(given: argparse.Namespace) -> None:
    """The gate as it would be with other constants."""
    for moderate in (0.05, 0.1, 0.2, 0.3, 0.5, 0.8):
        print(f"\nplans for a correlation of {moderate}")
        with mock.patch.object(thinning, "MODERATE", moderate):
            for number, case in _asked(given, POWER):
                _found(given, case, "thinned", number)


def _asked(given: argparse.Namespace, cases: Sequence[Case]) -> list[tuple[int, Case]]:
    return [(i, case) for i, case in enumerate(cases) if given.cases is None or i in given.cases]


SHIFTS = {0.1: 0.7, 0.5: 1.0, 0.9: 1.2}


def _found(given: argparse.Namespace, case: Case, way: str, number: int) -> None:
    shift = SHIFTS[case.rho or 0.5]
    p = np.array([p_value(case, way, (given.seed, 50 + number, i), shift) for i in range(given.trials)])
    told = (f"{(p <= alpha).mean():.3f} ({wilson(int((p <= alpha).sum()), len(p))})" for alpha in ALPHAS)
    print(
        f"| {case.name} | {shift} | {way} | {len(p)} | {int(np.isnan(p).sum())} | {' | '.join(told)} |",
        flush=True,
    )


def main() -> None:
    """One table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("clean", "power", "correlations"))
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--cases", type=int, nargs="+", help="rows by number, from 0")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.perf_counter()
    {"clean": clean, "power": power, "correlations": correlations}[given.part](given)
    print(f"\nSeed {given.seed}; {machine()}; {time.perf_counter() - started:.0f} s.")


if __name__ == "__main__":
    main()
