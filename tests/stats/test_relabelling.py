"""Relabellings: exact counts, groups, strata, bins, attainable p."""

import math

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.stats.relabelling import Blocks, choose_permutations, draw, p_values


def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    ("alpha", "families", "expected"), [(0.01, 5, 4999), (0.05, 5, 999), (0.05, 6, 1999), (0.001, 5, 49999)]
)
def test_auto_is_the_smallest_standard_number_that_resolves_alpha(alpha, families, expected):
    assert choose_permutations("auto", alpha, families) == expected


def test_a_fixed_number_that_cannot_resolve_alpha_is_refused():
    assert choose_permutations(499, 0.01, 5) == 499
    with pytest.raises(UsageError, match="cannot resolve"):
        choose_permutations(498, 0.01, 5)


def test_images_are_the_units_of_small_batches_and_row_0_is_as_observed():
    drawn = draw(300, 40, 99, rng())
    assert drawn.kind == "images"
    assert drawn.labels.shape == (100, 40)
    assert drawn.labels[0].tolist() == list(range(300, 340))
    assert all(len(set(row)) == 40 and row == sorted(row) for row in drawn.labels.tolist())
    assert drawn.smallest_p == 0.01


def test_every_image_is_drawn_equally_often():
    drawn = draw(60, 20, 20_000, rng())
    counts = np.bincount(drawn.labels[1:].ravel(), minlength=80) / 20_000
    assert np.abs(counts - 0.25).max() < 5 * math.sqrt(0.25 * 0.75 / 20_000)


def test_few_relabellings_are_listed_not_drawn():
    drawn = draw(19, 1, 999, rng(), Blocks(groups=[f"g{i}" for i in range(20)]))
    assert drawn.rows == 20
    assert drawn.smallest_p == pytest.approx(1 / 20)
    assert len({tuple(row) for row in drawn.labels.tolist()}) == 20


def test_groups_are_moved_whole_and_the_same_name_on_both_sides_is_two_units():
    names = ["a", "a", "b", "c", "c", "c", "d", "e", "f", "g", "a", "a", "h"]
    drawn = draw(10, 3, 500, rng(), Blocks(groups=names))
    assert drawn.kind == "groups"
    assert len(drawn.sizes) == 9
    assert drawn.sizes.sum() == 13
    first_a, second_a = drawn.unit_of[0], drawn.unit_of[10]
    assert first_a != second_a
    assert drawn.unit_of[1] == first_a
    assert drawn.batch_sizes[0] == 3
    assert drawn.batch_sizes.max() > 3  # groups of different sizes change place


def test_strata_keep_their_numbers_in_every_row():
    strata = ["cat"] * 50 + ["dog"] * 50 + ["cat"] * 4 + ["dog"] * 16
    drawn = draw(100, 20, 300, rng(), Blocks(strata=strata))
    is_cat = np.array([s == "cat" for s in strata])
    assert set(is_cat[drawn.labels].sum(axis=1).tolist()) == {4}


def test_a_group_across_strata_is_refused():
    blocks = Blocks(["a", "a", "b", "b", "c", "d"], ["x", "y", "x", "x", "x", "x"])
    with pytest.raises(UsageError, match="several strata"):
        draw(4, 2, 10, rng(), blocks)


def test_one_possible_labelling_is_no_test():
    with pytest.raises(NotAuditedError, match="no relabelling"):
        draw(30, 10, 99, rng(), Blocks(strata=["old"] * 30 + ["new"] * 10))


@pytest.mark.parametrize(("n", "m"), [(1000, 201), (1000, 500), (9000, 1300)])
def test_large_batches_are_binned_alike_on_both_sides(n, m):
    drawn = draw(n, m, 50, rng())
    assert drawn.kind == "bins"
    assert len(set(drawn.sizes.tolist())) == 1
    assert 64 <= drawn.labels.shape[1] <= 200
    assert len(drawn.sizes) <= 5000
    sides = [drawn.unit_of[:n], drawn.unit_of[n:]]
    assert not set(sides[0][sides[0] >= 0]) & set(sides[1][sides[1] >= 0])
    assert drawn.images + (drawn.unit_of < 0).sum() == n + m


def test_p_values_count_equals_as_extreme_and_are_never_zero():
    statistic = np.array([3.0, 1.0, 3.0, 2.0])
    assert p_values(statistic).tolist() == [0.5, 1.0, 0.5, 0.75]
    assert p_values(np.zeros(7)).tolist() == [1.0] * 7
