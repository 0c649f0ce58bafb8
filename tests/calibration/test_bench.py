"""Imagined batches are judged as the gate of `check` judges them, which relabels each batch's own images."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.calibration.bench import PERMUTATIONS, Bench
from driftcli.stats import minp
from driftcli.stats.relabelling import draw
from tests.calibration import _world as world
from tests.statistical import kolmogorov_p

FAMILIES = {"content": "on", "reconstruction": "on", "properties": "on"}
M, GOOD = 20, 200
BENCHES, BATCHES = 20, 15
BRIGHTNESS = 0


def both(seed: int, change: world.Change | None) -> tuple[list[np.ndarray], list[float]]:
    """P of a bench and p of the gate on the same 15 batches, against one fresh C."""
    rng = np.random.default_rng([17, seed])
    families = world.fit(world.images(rng, 80), FAMILIES)
    kept = world.images(rng, GOOD)
    bench = Bench(families, kept.views, world.images(rng, M).views, rng)
    ours, theirs = [], []
    for _ in range(BATCHES):
        batch = world.images(rng, M, change=change).views
        relabellings = draw(GOOD, M, 199, rng)
        ours.append(bench.p(batch))
        theirs.append(
            minp.joint_p(
                [
                    f.evidence(
                        f.detector.values(
                            f.state,
                            np.concatenate([kept.views[f.view], batch[f.view]]),
                            relabellings,
                            f.columns,
                        )
                    )
                    for f in bench.families
                ]
            )
        )
    return ours, theirs


@pytest.fixture(scope="module")
def clean():
    """300 clean batches of 20: 20 fresh F and C of 200."""
    found = [both(seed, None) for seed in range(BENCHES)]
    return np.array([p for ours, _ in found for p in ours]), np.array([p for _, p_ in found for p in p_])


def test_p_of_clean_batches_is_uniform(clean):
    """The gate's and every family's, by Kolmogorov at level 0.001 (fixed seeds); never 0."""
    ours, theirs = clean
    assert ours.min() >= 1 / (PERMUTATIONS + 1)
    for p in ours.T:
        assert kolmogorov_p(p, PERMUTATIONS + 1) > 0.001
    assert kolmogorov_p(theirs, 200) > 0.001


def disagreements(ours: np.ndarray, theirs: np.ndarray, alpha: float) -> tuple[int, int]:
    """Batches that only one of them finds."""
    return int(((ours <= alpha) & (theirs > alpha)).sum()), int(((ours > alpha) & (theirs <= alpha)).sum())


def test_alarms_on_clean_batches_agree(clean):
    """Paired (McNemar): the difference is within 3 standard errors of the disagreements' coin."""
    ours, theirs = clean
    for alpha in (0.05, 0.2):
        only_ours, only_theirs = disagreements(ours[:, 0], theirs, alpha)
        assert abs(only_ours - only_theirs) <= 3 * max(only_ours + only_theirs, 1) ** 0.5, alpha


@pytest.mark.parametrize("amount", [0.7, 1.0])
def test_detection_rates_agree_with_the_gates(amount):
    """150 batches whose brightness moved by 0.6 and 0.9 sd, alpha 0.05: paired, within 3 standard errors."""
    found = [both(100 + seed, world.Shift(BRIGHTNESS, amount)) for seed in range(10)]
    ours = np.array([p[0] for mine, _ in found for p in mine])
    theirs = np.array([p for _, p_ in found for p in p_])
    assert 0.1 < (theirs <= 0.05).mean() < 0.9, "a rate near 0 or 1 would agree by itself"
    only_ours, only_theirs = disagreements(ours, theirs, 0.05)
    assert abs(only_ours - only_theirs) <= 3 * max(only_ours + only_theirs, 1) ** 0.5
    assert only_ours + only_theirs <= 0.15 * len(ours)


def test_a_statistic_that_only_the_batch_has_is_constant_in_the_other():
    """A missing value in the batch alone: its indicator is no statistic of the null, and p is still a rank."""
    rng = np.random.default_rng(5)
    families = world.fit(world.images(rng, 80), {"properties": "on"})
    kept, batch = world.images(rng, 60), world.images(rng, 10)
    bench = Bench(families, kept.views, world.images(rng, 10).views, rng)
    batch.views["properties"][:, BRIGHTNESS] = np.nan
    p = bench.p(batch.views)
    assert p.shape == (2,)
    assert p[0] == p[1] == 1 / (PERMUTATIONS + 1)
