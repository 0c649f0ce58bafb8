"""The harm test keeps its alpha over draws of the good images, and finds what hurts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from driftcli.harm import correctness, harm_test
from driftcli.harm.harm_test import SIZES, Harmless, by_scores
from driftcli.harm.signs import signs
from tests.harm.world import World


@pytest.fixture(autouse=True)
def _few_relabellings(monkeypatch):
    monkeypatch.setattr(harm_test, "RELABELLINGS", 999)


def _alarms(shift: float, trials: int, seed: int) -> int:
    """Of batches of 20 against 60 good images, anew each time."""
    found = 0
    for i in range(trials):
        rng = np.random.default_rng((seed, i))
        good, batch = rng.beta(8, 2, size=60), rng.beta(8 - shift, 2, size=20)
        found += by_scores(good, batch, 0.05, rng).alarm
    return found


def test_clean_alarms_keep_alpha_over_draws_of_the_good_images():
    """500 draws: at most what alpha lets pass in 99 of 100 such tests, and not a test that never speaks."""
    alarms = _alarms(0, 500, 1)
    assert binom.ppf(0.001, 500, 0.05) <= alarms <= binom.ppf(0.99, 500, 0.05)


def test_a_fall_is_found_and_a_rise_is_no_alarm():
    """Scores that fell from .80 to .71: in most batches of 20. One-sided."""
    assert _alarms(3, 100, 2) > 60
    assert _alarms(-6, 100, 3) == 0


def test_the_p_value_knows_no_order_and_is_never_zero():
    """Images in any order; the observed labelling counts."""
    rng = np.random.default_rng(0)
    good, batch = rng.beta(8, 2, size=60), rng.beta(1, 5, size=30)
    one, other = (by_scores(good, b, 0.05, np.random.default_rng(1)) for b in (batch, batch[::-1]))
    assert one == other
    assert one.p_value >= 1 / 1000


def test_equal_scores_are_no_evidence():
    """A constant score: p = 1."""
    found = by_scores(np.full(50, 0.9), np.full(20, 0.9), 0.05, np.random.default_rng(0))
    assert found.p_value == 1


def _harmless(*tops: float) -> Harmless:
    """Of each kind 199 drops, evenly up to its top; at every size."""
    drops = [np.tile(top * np.arange(1, 200) / 199, (len(SIZES), 1)) for top in tops]
    return Harmless(np.array(drops))


def test_a_batch_is_held_against_good_images_and_against_harmless_changes():
    """Ranks: 9 of 199 batches of good images seem to have lost as much, and 104 of 398 harmless ones."""
    found = _harmless(0.1, 0.2, 0.05).test(0.0955, 30, 0.05)
    assert found == harm_test.HarmTest(105 / 399, 10 / 200, 105 / 399, 0.05, False)
    beyond = _harmless(0.1, 0.2, 0.05).test(0.3, 30, 0.05)
    assert (beyond.p_value, beyond.alarm) == (1 / 200, True)


def test_a_batch_is_held_against_the_largest_size_that_it_reaches():
    """49 images against batches of 20; four images against none."""
    drops = np.zeros((3, len(SIZES), 199))
    drops[:, SIZES.index(20)] = 1.0
    assert Harmless(drops).test(0.5, 49, 0.05).p_value == 1
    assert Harmless(drops).test(0.5, 50, 0.05).p_value == 1 / 200
    assert Harmless(drops).test(0.5, 4, 0.05) is None


def test_the_luck_of_the_good_images_stretches_what_was_drawn_from_them():
    """As many images as good ones: twice the variance about the same mean."""
    drops = np.random.default_rng(0).normal(0.01, 0.03, size=199)
    found = harm_test.stretched(drops, 50, 50)
    assert found.mean() == pytest.approx(drops.mean())
    assert found.var() == pytest.approx(2 * drops.var())


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
        alarms += by_scores(score.held_out(rows.columns, rows.fold), batch, 0.05, rng).alarm
    assert alarms <= binom.ppf(0.99, 150, 0.05)
