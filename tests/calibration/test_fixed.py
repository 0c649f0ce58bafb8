"""One artifact has one C, hence its own false-alarm rate: is the printed range honest about it?"""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.calibration import false_alarms
from tests.calibration import _world as world
from tests.statistical import binomial_bound

ARTIFACTS, BATCHES, C, M, ALPHA = 20, 100, 100, 20, 0.05


@pytest.fixture(scope="module")
def fixed():
    """[20, 4]: own rate over 100 fresh batches, estimate, low, high."""
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(false_alarms, "SIZES", (M,))
        for artifact in range(ARTIFACTS):
            rng = np.random.default_rng([61, artifact])
            families = world.fit(world.images(rng, 80), {"content": "on"})
            baseline = world.calibrate(families, world.images(rng, C), artifact, measure=True)
            p = [
                world.audit(baseline, world.images(rng, M), permutations=199, alpha=ALPHA).verdict.p_value
                for _ in range(BATCHES)
            ]
            rate = false_alarms.false_alarm_rate(baseline.measured, ALPHA, M, C, None)
            rows.append((np.mean(np.array(p) <= ALPHA), rate.estimate, rate.low, rate.high))
    return np.array(rows)


@pytest.mark.slow
def test_the_mean_over_artifacts_is_alpha(fixed):
    """2,000 audits.

    Those of one C are dependent: with a share 0.028 of the variance between C, 100
    batches are worth 100 / (1 + 99 * 0.028) = 27: the bound is that of 533 trials, 39.
    """
    worth = round(ARTIFACTS * BATCHES / (1 + (BATCHES - 1) * (M / (M + C)) ** 2))
    assert fixed[:, 0].mean() <= binomial_bound(worth, ALPHA) / worth


@pytest.mark.slow
def test_the_range_covers_what_it_should(fixed):
    """The range is meant to cover nine of ten artifacts.

    The rate over 100 batches has its own standard error,
    0.022, larger than the spread between artifacts, so that about 14 of 20 are expected inside; 12 must be.
    Allowing each observed rate that error, 18 of 20 must be.
    """
    own, _, low, high = fixed.T
    error = np.sqrt(ALPHA * (1 - ALPHA) / BATCHES)
    assert ((low <= own) & (own <= high)).sum() >= 12
    assert ((low - 1.645 * error <= own) & (own <= high + 1.645 * error)).sum() >= 18
    assert (high < 0.15).all()


@pytest.mark.slow
def test_the_estimate_is_unbiased(fixed):
    """20 estimates of 32 measured batches each: their mean lies within 2.6 standard errors of alpha."""
    estimate = fixed[:, 1]
    assert abs(estimate.mean() - ALPHA) <= 2.6 * estimate.std(ddof=1) / ARTIFACTS**0.5


def test_the_range_narrows_as_the_baseline_grows():
    """The 95th percentile of C at alpha 0.05 by the luck of its mean alone is .060, .087, .131 (32 dimensions); it has more than that."""
    state = {"p_50": np.linspace(0.005, 1, 128).reshape(16, 8), "half_50": np.array([500.0])}
    for n, high in ((1000, 0.060), (250, 0.087), (100, 0.131)):
        rate = false_alarms.false_alarm_rate(state, 0.05, 50, n, None)
        assert high < rate.high < 1.2 * high
        assert rate.low < 0.05 < rate.high
        assert rate.low <= rate.estimate <= rate.high
