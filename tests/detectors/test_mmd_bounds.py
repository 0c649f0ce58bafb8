"""The lower bound of a kernel's effect against its formula, written out image by image."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from driftcli.detectors.mmd import Mmd


def kernel(a, b, sigma):
    return math.exp(-float(((a - b) ** 2).sum()) / (2 * sigma**2))


def slow(x, y, sigma, level):
    """MMD^2, its lower bound at this one-sided level, and kernel d; means over pairs, one pair after another."""
    n, m = len(x), len(y)
    own_x = [np.mean([kernel(x[i], x[j], sigma) for j in range(n) if j != i]) for i in range(n)]
    own_y = [np.mean([kernel(y[i], y[j], sigma) for j in range(m) if j != i]) for i in range(m)]
    across_x = [np.mean([kernel(a, b, sigma) for b in y]) for a in x]
    across_y = [np.mean([kernel(a, b, sigma) for b in x]) for a in y]
    squared = np.mean(own_x) + np.mean(own_y) - 2 * np.mean(across_y)
    variance = 4 * np.var(np.subtract(own_y, across_y)) / m + 4 * np.var(np.subtract(own_x, across_x)) / n
    low = squared - NormalDist().inv_cdf(1 - level) * math.sqrt(variance)
    return squared, low, math.sqrt(max(squared, 0) / (1 - np.mean(own_x)))


@pytest.mark.parametrize("bandwidths", [(1.0,), (2.0, 0.5), (4.0, 2.0, 1.0, 0.5)])
def test_each_bound_has_its_share_of_five_percent(bandwidths):
    """Bonferroni: the report shows the largest of the bounds, so that all of them must hold at once."""
    rng = np.random.default_rng(2)
    f, x, y = (rng.normal(at, 1, (n, 3)).astype("f") for n, at in ((40, 0), (30, 0), (18, 1.2)))
    detector = Mmd(bandwidths=bandwidths)
    state = detector.fit(f, (), 0)
    statistics = detector.describe(state, x, y, ())
    for sigma, statistic in zip(state["sigma"], statistics, strict=False):
        squared, low, d = slow(x.astype(float), y.astype(float), float(sigma), 0.05 / len(bandwidths))
        assert low > 0, "a case that says nothing"
        assert statistic.effect == pytest.approx(math.sqrt(squared / 2), rel=1e-4)
        assert statistic.effect_lower == pytest.approx(math.sqrt(low / 2), rel=1e-4)
        assert statistic.display_effect.value == pytest.approx(d, rel=1e-4)


def test_nothing_is_shown_where_mmd_is_below_0():
    """Unbiased, it is so about half of the time on good images; a batch of repeated middles is sure to be."""
    x = np.random.default_rng(0).normal(size=(40, 2)).astype("f")
    y = np.concatenate([x[::2], x[::2] + np.float32(1e-3)])[:20]
    detector = Mmd(bandwidths=(0.25,), ridges=())
    (statistic,) = detector.describe(detector.fit(x, (), 0), x, y, ())
    squared, low, _ = slow(x.astype(float), y.astype(float), float(detector.fit(x, (), 0)["sigma"][0]), 0.05)
    assert low < squared < 0
    assert (statistic.effect, statistic.effect_lower, statistic.display_effect.value) == (0.0, 0.0, 0.0)


def test_a_mean_shift_has_a_name_and_no_effect():
    rng = np.random.default_rng(2)
    f, x, y = (rng.normal(size=(n, 3)).astype("f") for n in (40, 30, 18))
    detector = Mmd(bandwidths=(1.0,), ridges=(1.0, 0.1))
    shifts = detector.describe(detector.fit(f, (), 0), x, y, ())[1:]
    assert [(s.name, s.effect, s.effect_lower) for s in shifts] == [
        ("mean_shift_1", None, None),
        ("mean_shift_0.1", None, None),
    ]


def test_the_bandwidths_are_multiples_of_the_median_distance():
    f = np.array([[0.0], [1.0], [3.0], [7.0]], "f")  # distances 1 2 3 4 6 7
    assert Mmd(bandwidths=(2.0, 1.0)).fit(f, (), 0)["sigma"].tolist() == [6.0, 3.0]


def test_blocks_weigh_alike_whatever_their_width():
    """Each column z-scored by F, each block divided by the root of its width; a constant column has no say."""
    rng = np.random.default_rng(4)
    f = (rng.normal(size=(500, 5)) * [1, 10, 3, 3, 0] + 7).astype("f")
    detector = Mmd(scale="blocks", blocks=(1, 4))
    state = detector.fit(f, (), 0)
    scaled = (f - state["shift"]) / state["scale"]
    assert scaled.mean(axis=0) == pytest.approx([0] * 5, abs=1e-5)
    assert scaled.std(axis=0) == pytest.approx([1, 0.5, 0.5, 0.5, 0], rel=1e-4)


def test_what_varies_by_round_off_alone_is_constant():
    """Against the size of the values, of either sign."""
    f = np.random.default_rng(4).integers(0, 2, (100, 3)).astype("f") + np.array([1e7, -1e7, 0], "f")
    scale = Mmd(scale="blocks").fit(f, (), 0)["scale"]
    assert np.isinf(scale).tolist() == [True, True, False]


@pytest.mark.parametrize("ridges", [(1.0, 0.1, 0.01), (0.01, 1.0, 0.1)])
def test_the_direction_is_fishers_with_the_middle_ridge(ridges):
    """(Sigma + ridge)^-1 delta, in standard deviations of C's projections; plain delta without axes."""
    rng = np.random.default_rng(6)
    spread = np.array([3.0, 1.0, 0.2])
    f, c, y = ((rng.normal(size=(n, 3)) * spread).astype("f") for n in (300, 200, 40))
    y += np.array([0.3, 0.2, 0.1], "f")
    detector = Mmd(ridges=ridges)
    state = detector.fit(f, (), 0)
    covariance = np.cov(f.T.astype(float))
    full = covariance + 0.1 * np.trace(covariance) / 3 * np.eye(3)
    delta = y.mean(axis=0, dtype=float) - c.mean(axis=0, dtype=float)
    fisher = np.linalg.solve(full, delta)
    for learnt, weights in ((state, fisher), ({k: v for k, v in state.items() if "white" not in k}, delta)):
        direction = detector.direction(learnt, c, y)
        assert direction == pytest.approx(weights / (c @ weights).std(), rel=1e-3)
        assert (c @ direction).std() == pytest.approx(1, rel=1e-4)
