"""The harm test keeps its alpha over draws of the good images, and finds what hurts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from driftcli.harm import correctness, harm_test
from driftcli.harm.signs import signs
from tests.harm.world import World


@pytest.fixture(autouse=True)
def _few_draws(monkeypatch):
    monkeypatch.setattr(harm_test, "DRAWS", 999)


def _alarms(shift: float, trials: int, harmless: bool, seed: int) -> int:
    """Of batches of 20 against 60 good images, anew each time."""
    found = 0
    for i in range(trials):
        rng = np.random.default_rng((seed, i))
        good, batch = rng.beta(8, 2, size=60), rng.beta(8 - shift, 2, size=20)
        known = [good] if harmless else None
        found += harm_test.tested(good, batch, known, 0.05, rng).alarm
    return found


@pytest.mark.parametrize("harmless", [False, True])
def test_clean_alarms_keep_alpha_over_draws_of_the_good_images(harmless):
    """500 draws: at most what alpha lets pass in 99 of 100 such tests, and not a test that never speaks."""
    alarms = _alarms(0, 500, harmless, 1)
    assert alarms <= binom.ppf(0.99, 500, 0.05)
    assert alarms >= binom.ppf(0.001, 500, 0.05)


def test_a_fall_is_found():
    """Scores that fell from .80 to .71: in most batches of 20."""
    assert _alarms(3, 100, True, 2) > 60


def test_a_rise_is_no_alarm():
    """One-sided."""
    assert _alarms(-6, 100, True, 3) == 0


def test_harmless_conditions_excuse_a_fall():
    """A batch as low as a change that is known to cost nothing is no alarm, though it differs from good images."""
    rng = np.random.default_rng(0)
    good, harmless = rng.beta(8, 2, size=300), rng.beta(5, 2, size=300)
    batch = rng.beta(5, 2, size=60)
    bare = harm_test.tested(good, batch, None, 0.05, np.random.default_rng(1))
    known = harm_test.tested(good, batch, [good, harmless], 0.05, np.random.default_rng(1))
    assert bare.alarm
    assert not known.alarm
    assert known.p_unchanged == bare.p_value
    assert known.p_value == known.p_harmless > 0.05


def test_the_p_value_knows_no_order_and_is_never_zero():
    """Images in any order; the observed labelling counts."""
    rng = np.random.default_rng(0)
    good, batch = rng.beta(8, 2, size=60), rng.beta(1, 5, size=30)
    one = harm_test.tested(good, batch, [good], 0.05, np.random.default_rng(1))
    other = harm_test.tested(good, batch[::-1], [good], 0.05, np.random.default_rng(1))
    assert one == other
    assert one.p_value >= 1 / 1000


def test_equal_scores_are_no_evidence():
    """A constant score: p = 1."""
    found = harm_test.tested(
        np.full(50, 0.9), np.full(20, 0.9), [np.full(50, 0.9)], 0.05, np.random.default_rng(0)
    )
    assert found.p_value == 1


def test_scores_learnt_on_the_good_images_do_not_flatter_them():
    """Cross-fitting: clean batches against the very images that taught the score, 150 draws, alarms within alpha.

    In-sample scores of the good images would lie above those of new ones.
    """
    world, alarms = World(), 0
    for i in range(150):
        rng = np.random.default_rng((5, i))
        x, label = world.images(60, rng)
        found = signs(world.condition(x, label), 1.0, None)
        rows = correctness.Rows(found.columns, found.predicted == label, correctness.folds(60, rng))
        score = correctness.learn(rows, [], rng)
        new, known = world.images(30, rng)
        batch = score(signs(world.condition(new, known), 1.0, None).columns)
        alarms += harm_test.tested(score.held_out(rows.columns, rows.fold), batch, None, 0.05, rng).alarm
    assert alarms <= binom.ppf(0.99, 150, 0.05)
