"""Ranks among good images: exact for exchangeable ones, and as many discoveries as chance does not explain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.stats.conformal import discoveries, p_values, threshold

SCORES = st.lists(st.integers(0, 6), min_size=1, max_size=25)


def test_p_is_the_rank_among_good_images_and_equals_count_as_strange():
    p = p_values(np.array([3.0, 1.0, 2.0, 2.0]), np.array([4.0, 3.0, 2.0, 0.5]))
    assert p.tolist() == [1 / 5, 2 / 5, 4 / 5, 1.0]


@settings(deadline=None)
@given(SCORES)
def test_over_all_choices_of_the_new_image_p_is_super_uniform(scores):
    """Exactness: were each of n + 1 images the new one in turn, at most a share u of them has p <= u."""
    values = np.array(scores, float)
    p = [p_values(np.delete(values, i), values[i : i + 1])[0] for i in range(len(values))]
    for u in set(p):
        assert np.mean(np.array(p) <= u) <= u + 1e-12


def slow_discoveries(p, rate):
    """Benjamini & Hochberg by trying every number of discoveries."""
    m = len(p)
    best = max((k for k in range(1, m + 1) if sorted(p)[k - 1] <= rate * k / m), default=0)
    return [value <= sorted(p)[best - 1] for value in p] if best else [False] * m


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=20), st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_discoveries_are_those_of_benjamini_and_hochberg(ranks, rate):
    p = np.array(ranks) / 40
    assert discoveries(p, rate).tolist() == slow_discoveries(p.tolist(), rate)


def test_nothing_to_discover_among_none_or_good_ones():
    assert discoveries(np.array([]), 0.1).tolist() == []
    assert discoveries(np.array([1.0, 1.0]), 0.5).tolist() == [False, False]


@pytest.mark.parametrize(("n", "alpha"), [(19, 0.05), (99, 0.01), (40, 0.05), (7, 0.3), (1, 0.5)])
def test_the_threshold_is_where_p_falls_below_alpha(n, alpha):
    """A score above it has p <= alpha, one at it has not: the smallest such height."""
    good = np.random.default_rng(n).permutation(n).astype(float)
    height = threshold(good, alpha)
    above, at = p_values(good, np.array([height + 0.5, height]))
    assert above <= alpha + 1e-12 < at


@pytest.mark.parametrize(("n", "alpha"), [(18, 0.05), (98, 0.01), (0, 0.5)])
def test_too_few_good_images_have_no_threshold(n, alpha):
    assert threshold(np.arange(n, dtype=float), alpha) is None
