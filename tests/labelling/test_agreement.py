"""Krippendorff's alpha is its definition's, and silent where it has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.labelling.agreement import krippendorff


def _slow(ratings):
    """1 - observed / expected disagreement, from the coincidences of pairs."""
    units = [[label for label in row if label >= 0] for row in ratings]
    units = [unit for unit in units if len(unit) >= 2]
    values = [label for unit in units for label in unit]
    n = len(values)
    observed = sum(
        sum(a != b for i, a in enumerate(unit) for j, b in enumerate(unit) if i != j) / (len(unit) - 1)
        for unit in units
    )
    expected = sum(a != b for i, a in enumerate(values) for j, b in enumerate(values) if i != j)
    return 1 - (n - 1) * observed / expected


def test_krippendorffs_own_example():
    """Krippendorff 2011, "Computing Krippendorff's alpha-reliability", nominal data with missing labels: .743."""
    a = [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1]
    b = [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3]
    c = [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1]
    d = [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1]
    found = krippendorff(np.array([a, b, c, d]).T, 6)
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.images == 11
    assert found.low < 0.743 < found.high


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10_000))
def test_alpha_is_the_slow_sum(seed):
    ratings = np.random.default_rng(seed).integers(-1, 3, (8, 4))
    found = krippendorff(ratings, 3)
    if found.alpha is not None:
        assert found.alpha == pytest.approx(_slow(ratings.tolist()))


def test_the_interval_is_the_slow_jackknife():
    ratings = np.random.default_rng(0).integers(0, 2, (30, 3))
    without = [_slow(np.delete(ratings, i, axis=0).tolist()) for i in range(30)]
    se = np.sqrt(29 * np.var(without))
    found = krippendorff(ratings, 2)
    assert found.high - found.alpha == pytest.approx(1.959963984540054 * se)


def test_order_and_names_do_not_matter():
    rng = np.random.default_rng(1)
    ratings = rng.integers(0, 3, (20, 3))
    other = np.array([2, 0, 1])[ratings][rng.permutation(20)][:, [2, 0, 1]]
    assert krippendorff(ratings, 3).alpha == pytest.approx(krippendorff(other, 3).alpha)


def test_agreeing_is_one_and_chance_is_near_zero():
    same = np.repeat(np.arange(3)[:, None], 4, axis=1)
    assert krippendorff(same, 3).alpha == 1
    assert abs(krippendorff(np.random.default_rng(2).integers(0, 2, (4000, 3)), 2).alpha) < 0.05


@pytest.mark.parametrize(
    ("ratings", "why"),
    [
        (np.array([[0, -1], [-1, 1]]), "no image has labels of two annotators"),
        (np.array([[0, 0], [0, 0]]), "all labels are of one class: chance would agree as well"),
    ],
)
def test_undefined_is_said(ratings, why):
    found = krippendorff(ratings, 2)
    assert (found.alpha, found.reason) == (None, why)
