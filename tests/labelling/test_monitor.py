"""An alarm about the error rate that may be looked at every day."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.labelling import monitor, sampling


def _run(rng, errors, limit, *, scored):
    days = []
    for error in errors:
        score = np.clip(rng.beta(2.2, 0.16, 300), 0.3, 0.9999)
        right, chance = np.ones(300), 1.005 - score
        right[rng.choice(300, round(error * 300), replace=False, p=chance / chance.sum())] = 0
        made = sampling.draw(50, -score, np.zeros(300, int), rng, correctness=score if scored else None)
        known = score if scored else np.full(300, 0.5)
        at = made.taken
        days.append(monitor.draws(right[at], known[at], made.probability[at], known, made.probability))
    return monitor.watch(days, limit)


@pytest.mark.parametrize("scored", [True, False])
def test_false_alarms_over_a_week_stay_below_alpha(scored):
    """The error rate is at its limit on each of seven days, and every day is looked at; 120 runs, alpha .05."""
    rng = np.random.default_rng(0)
    alarms = [_run(rng, [0.08] * 7, 0.08, scored=scored).alarm(0.05) is not None for _ in range(120)]
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 120)


def test_a_model_that_fails_is_noticed():
    """From day 4 on it errs on three images of ten instead of one of twenty: in all of 20 runs, and never before."""
    rng = np.random.default_rng(1)
    found = [_run(rng, [0.05] * 4 + [0.3] * 3, 0.08, scored=True).alarm(0.05) for _ in range(20)]
    assert all(day is not None and day >= 4 for day in found)


def test_draws_have_the_days_error_rate_as_their_mean():
    """Over the design: the sum over images of their chance times their value."""
    rng = np.random.default_rng(2)
    score, right = rng.uniform(0.2, 0.9, 30), rng.integers(0, 2, 30).astype(float)
    chance = sampling.probabilities(sampling.weights(score), 10)
    every = monitor.draws(right, score, chance, score, chance)
    base = (1 - score).mean()
    values = base + (every.draws - base) * 10 / 30  # as 10 draws of 30 images, not 30 of 30
    assert (chance / 10 * values).sum() == pytest.approx(1 - right.mean())
    assert every.draws.min() >= every.least - 1e-12


def test_evidence_starts_at_one_and_is_never_negative():
    day = monitor.Labelled(np.full(20, 0.1), 0.0)
    values = monitor.watch([day, day], 0.1).values
    assert values == pytest.approx((1.0, 1.0))
    assert monitor.watch([], 0.1).values == ()
    assert min(monitor.watch([monitor.Labelled(np.zeros(50), 0.0)] * 5, 0.1).values) > 0
