"""Estimates are unbiased, intervals cover, and both are what slow and obvious sums give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.labelling import estimates, sampling
from tests.labelling.worlds import queue, world


def test_the_difference_estimator_is_unbiased_over_2000_queues():
    """Its mean lies within three standard errors of the truth, with a score that is wrong: the design alone makes it so."""
    rng = np.random.default_rng(11)
    score, right = world(rng, 300, "middling")
    wrong = np.clip(score + 0.15, 0, 1)
    values = []
    for _ in range(2000):
        made = sampling.draw(50, -score, np.zeros(300, int), rng, correctness=wrong)
        found = estimates.difference(right[made.taken], made.taken, made.probability, wrong)
        values.append(found.value)
    assert np.mean(values) == pytest.approx(right.mean(), abs=3 * np.std(values) / np.sqrt(2000))


@pytest.mark.parametrize(
    ("kind", "images", "widest"),
    [("good", 400, 0.7), ("middling", 1000, None), ("overconfident", 400, None)],
)
def test_fifty_labels(kind, images, widest):
    """500 queues: covers at least 93 % less a binomial margin; as narrow as promised beside a random sample and Wilson.

    .7 where accuracy is .9 or more and there are at most 500 images; else 1.1 times the ratio that is attainable.
    """
    rng = np.random.default_rng(1)
    covered, width, plain, attainable = [], [], [], []
    for _ in range(500):
        score, right = world(rng, images, kind)
        found = queue(score, right, 50, rng)
        covered.append(found.low <= right.mean() <= found.high)
        width.append(found.high - found.low)
        low, high = estimates.wilson(right[rng.choice(images, 50, replace=False)].mean(), 50)
        plain.append(high - low)
        attainable.append(sampling.attainable(score))
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 500)
    assert np.mean(width) / np.mean(plain) <= (widest or 1.1 * np.mean(attainable))


def test_without_a_score_an_interval_covers_too():
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(500):
        score, right = world(rng, 400, "good")
        made = sampling.draw(50, -score, np.zeros(400, int), rng)
        found = estimates.mean(right[made.taken], 1 / made.probability[made.taken], 50 / 400)
        covered.append(found.low <= right.mean() <= found.high)
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 500)


def test_ppi_on_uniform_samples_covers_and_uses_the_score():
    rng = np.random.default_rng(5)
    covered, width, plain = [], [], []
    for _ in range(500):
        score, right = world(rng, 1000, "middling")
        taken = rng.choice(1000, 100, replace=False)
        found = estimates.ppi(right[taken], taken, score)
        covered.append(found.low <= right.mean() <= found.high)
        width.append(found.high - found.low)
        plain.append(np.subtract(*estimates.wilson(right[taken].mean(), 100)[::-1]))
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 500)
    assert np.mean(width) < 0.9 * np.mean(plain)


def test_ppi_of_a_score_that_says_nothing_is_the_mean_of_the_labels():
    right = np.array([1.0, 0, 1, 1])
    assert estimates.ppi(right, np.arange(4), np.full(50, 0.9)).value == pytest.approx(0.75)


def test_variance_is_the_slow_sum_and_right_for_equal_chances():
    """Equal chances: the textbook's (1 - f) s^2 / n of a mean."""
    rng = np.random.default_rng(6)
    right, total = rng.random(12), 40
    parts, chance = right / (12 / total * total), np.full(12, 12 / total)
    assert estimates.sampling_variance(parts, chance) == pytest.approx((1 - 0.3) * right.var(ddof=1) / 12)
    chance = rng.random(12)
    centre = sum((1 - p) * g for p, g in zip(chance, parts, strict=True)) / sum(1 - p for p in chance)
    slow = sum((1 - p) * (g - centre) ** 2 for p, g in zip(chance, parts, strict=True)) * 12 / 11
    assert estimates.sampling_variance(parts, chance) == pytest.approx(slow)


def test_no_error_among_the_labels_leaves_a_width():
    """Half of what the score expects."""
    score = np.full(100, 0.9)
    found = estimates.difference(np.full(20, 0.9), np.arange(20), np.full(100, 0.2), score)
    assert found.se**2 == pytest.approx(0.5 * 100 * 4 * 0.09 / 100**2)


def test_what_is_known_of_all_images_has_no_error():
    right = np.array([1.0, 0, 1, 1])
    found = estimates.mean(right, np.ones(4), 1.0)
    assert (found.low, found.value, found.high) == (0.75, 0.75, 0.75)
    full = estimates.difference(right, np.arange(4), np.ones(4), np.full(4, 0.3))
    assert (full.low, full.high) == pytest.approx((0.75, 0.75))


@given(st.floats(0, 1), st.floats(0.5, 1e6))
def test_wilson_contains_the_share_and_solves_its_equation(share, n):
    low, high = estimates.wilson(share, n)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            squared = estimates.Z**2 * end * (1 - end) / n
            assert (share - end) ** 2 == pytest.approx(squared, rel=1e-5, abs=1e-9)


def test_wilson_of_nothing_is_everything():
    assert estimates.wilson(0.0, 0) == (0, 1)


def test_a_score_that_is_far_off_is_fitted_to_the_labels():
    """200 queues of a model that is right on a quarter where the score expects two thirds: the interval is narrower than without, and holds."""
    rng = np.random.default_rng(9)
    covered, width, plain = [], [], []
    for _ in range(200):
        score = np.clip(rng.beta(3, 1.5, 400), 0.05, 0.99)
        right = (rng.random(400) < 0.25).astype(float)
        made = sampling.draw(50, -score, np.zeros(400, int), rng, correctness=score)
        y, at, chance = right[made.taken], made.taken, made.probability
        found = estimates.difference(y, at, chance, score)
        covered.append(found.low <= right.mean() <= found.high)
        width.append(found.high - found.low)
        seen = estimates.sampling_variance((y - score[at]) / (chance[at] * 400), chance[at])
        plain.append(2 * estimates.Z * np.sqrt(seen))
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 200)
    assert np.mean(width) < 0.95 * np.mean(plain)


def test_students_quantiles():
    from scipy import stats

    for free in (5, 8, 12, 30, 200):
        assert estimates.student(free) == pytest.approx(stats.t.ppf(0.975, free), abs=0.03)


# ---------------------------------------------------------------- classes


def _many(seed, n=300, classes=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, n), rng.integers(0, classes, n), rng.uniform(1, 5, n)


def _class(k, label, predicted, weight):
    return estimates.of_class((label == k).astype(float), (predicted == k).astype(float), weight)


def test_classes_are_the_slow_sums():
    label, predicted, weight = _many(2)
    table = np.zeros((3, 3))
    for t, p, w in zip(label, predicted, weight, strict=True):
        table[t, p] += w
    for k in range(3):
        found = _class(k, label, predicted, weight)
        hit, of, said = table[k, k], table[k].sum(), table[:, k].sum()
        assert found.recall.value == pytest.approx(hit / of)
        assert found.precision.value == pytest.approx(hit / said)
        assert found.f1.value == pytest.approx(2 * hit / (of + said))
        assert found.f1.low < found.f1.value < found.f1.high


def test_renamed_classes_change_nothing():
    label, predicted, weight = _many(3)
    name = np.array([2, 0, 1])
    assert _class(0, label, predicted, weight) == _class(2, name[label], name[predicted], weight)


def test_few_labels_say_nothing_of_a_class():
    label, predicted = np.zeros(30, int), np.zeros(30, int)
    label[:9] = predicted[:9] = 1
    found = _class(1, label, predicted, np.ones(30))
    assert (found.precision, found.recall, found.f1) == (None, None, None)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_ratio_of_sure_labels_is_no_surer_than_wilson(seed, share):
    """Its effective number is at most that of the weights inside, so its interval is Wilson's of that or wider."""
    rng = np.random.default_rng(seed)
    inside, weight = (rng.random(60) < 0.7).astype(float), rng.uniform(1, 8, 60)
    found = estimates.ratio((rng.random(60) < share) * inside, inside, weight)
    count = estimates.effective(weight[inside > 0])
    assert found.labels <= count + 1e-9
    low, high = estimates.wilson(found.value, count)
    assert found.low <= low + 1e-12
    assert found.high >= high - 1e-12


def test_a_drop_counts_both_sides_uncertainty():
    now = estimates.mean(np.r_[np.ones(80), np.zeros(20)], np.ones(100))
    exact, counted = estimates.drop(now, 0.95, None), estimates.drop(now, 0.95, 100)
    assert exact.value == counted.value == pytest.approx(0.15)
    assert counted.low < exact.low < 0.15 < exact.high < counted.high


def test_effective_numbers():
    assert estimates.effective(np.ones(7)) == 7
    assert estimates.effective(np.zeros(0)) == 0
    assert estimates.effective(np.array([1.0, 3.0])) == pytest.approx(1.6)
    with pytest.raises(ValueError, match="no labels"):
        estimates.mean(np.zeros(0), np.zeros(0))
