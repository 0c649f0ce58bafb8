"""`effect_lower` says "at least so many images differ": it may exceed the truth in 5 % of audits at most."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.univariate import Univariate
from driftcli.stats.relabelling import Blocks, draw
from tests.statistical import binomial_bound

TRIALS = 200
BOUND = binomial_bound(TRIALS, 0.05)
"""18 of 200."""
SIZES = [(100, 20), (300, 100)]
KINDS = ("linear", "linear", "circular", "category", "category")
COLUMNS = tuple(Column(f"c{j}", kind) for j, kind in enumerate(KINDS))


def scalars(rng: np.random.Generator, n: int, share: float) -> np.ndarray:
    """Two numbers, an angle, two formats and forty cameras; total variation is `share`.

    So many images come from elsewhere, where brightness, angle and format are never as they were.
    """
    x = np.column_stack(
        [rng.normal(size=(n, 2)), rng.random(n) / 2, np.zeros(n), rng.integers(0, 40, n)]
    ).astype("f")
    moved = rng.random(n) < share
    x[moved, 0] += 20
    x[moved, 2] += 0.5
    x[moved, 3] = 1
    x[rng.random(n) < 0.1, 1] = np.nan
    return x


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_scalars(n, m, share):
    """Numbers by DKW, arcs and levels by twice of it; over all six statistics at once."""
    rng = np.random.default_rng([91, n, int(10 * share)])
    detector = Univariate()
    state = detector.fit(scalars(rng, 300, 0.3), COLUMNS, 0)
    lower = np.array(
        [
            max(
                s.effect_lower
                for s in detector.describe(state, scalars(rng, n, 0), scalars(rng, m, share), COLUMNS)
            )
            for _ in range(TRIALS)
        ]
    )
    assert (lower > share).sum() <= BOUND
    if share == 0.6:
        assert lower.mean() > 0.05  # and it says something


def features(rng: np.random.Generator, n: int, share: float, distance: float) -> np.ndarray:
    x = rng.normal(size=(n, 6)).astype("f")
    x[rng.random(n) < share, 0] += distance
    return x


@pytest.mark.parametrize(("n", "m"), SIZES)
@pytest.mark.parametrize(("share", "distance"), [(0.0, 0.0), (0.2, 12.0), (0.6, 12.0), (1.0, 1.0)])
def test_kernels(n, m, share, distance):
    """Against the total variation (0.383 for a whole shift of one sd), and what the kernel sees of it.

    The latter from 3,000 images; the bound is asymptotic there, so 10 % may exceed it.
    """
    rng = np.random.default_rng([92, n, int(10 * share)])
    truth = 0.383 if share == 1 else share
    detector = Mmd()
    state = detector.fit(features(rng, 300, 0, 0), (), 0)
    large = detector.describe(state, features(rng, 3000, 0, 0), features(rng, 3000, share, distance), ())
    seen = np.array([s.effect for s in large if s.effect is not None]) + (0.02 if share == 0 else 0)
    lower = np.array(
        [
            [
                s.effect_lower
                for s in detector.describe(
                    state, features(rng, n, 0, 0), features(rng, m, share, distance), ()
                )
                if s.effect_lower is not None
            ]
            for _ in range(TRIALS)
        ]
    )
    assert (lower.max(axis=1) > truth).sum() <= BOUND
    assert (lower > seen).any(axis=1).sum() <= binomial_bound(TRIALS, 0.10)


@pytest.mark.parametrize("detector", [Univariate(), Mmd()], ids=["scalars", "kernel"])
def test_groups_count_as_what_they_are(detector):
    """No drift, 30 groups of 10 near-copies against 6: the bound over groups holds, bound 18 of 200."""
    rng = np.random.default_rng(93)
    columns = tuple(Column(f"c{j}") for j in range(4))
    state = detector.fit(rng.normal(size=(200, 4)).astype("f"), columns, 0)
    names = [f"g{i // 10}" for i in range(360)]
    exceeded, naive = 0, 0
    for _ in range(TRIALS):
        x = (np.repeat(rng.normal(size=(36, 4)), 10, axis=0) + 0.1 * rng.normal(size=(360, 4))).astype("f")
        drawn = draw(300, 60, 19, rng, Blocks(groups=names))
        _, statistics = detector.test(state, x[:300], x[300:], drawn, columns)
        exceeded += max(s.effect_lower or 0.0 for s in statistics) > 0
        naive += max(s.effect_lower or 0.0 for s in detector.describe(state, x[:300], x[300:], columns)) > 0
    assert exceeded <= BOUND
    assert naive > 100
