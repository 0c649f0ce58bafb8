"""Relabellings: exact counts, groups, strata, bins, attainable p."""

import itertools
import math

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.stats import relabelling
from driftcli.stats.relabelling import PERMUTATIONS, Blocks, choose_permutations, draw, p_values


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
    names = ["a", "a", "b", "c", "c", "b", "d", "d", "e", "f", "e", "f", "a", "a", "g", "g"]
    drawn = draw(12, 4, 500, rng(), Blocks(groups=names))
    assert drawn.kind == "groups"
    assert drawn.sizes.tolist() == [2] * 8
    first_a, second_a = drawn.unit_of[0], drawn.unit_of[12]
    assert first_a != second_a
    assert drawn.unit_of[1] == first_a
    assert drawn.labels[0].tolist() == sorted({second_a, drawn.unit_of[14]})


def test_groups_of_unequal_size_are_thinned_until_every_row_has_as_many_images():
    """Within a row's strata, too: sizes of the units that a row names are those that the batch's have."""
    names = [f"c{i}" for i in range(12) for _ in range(i + 1)] + [
        f"y{i}" for i in range(5) for _ in range(9 - i)
    ]
    drawn = draw(78, 35, 500, rng(), Blocks(groups=names))
    assert set(drawn.batch_sizes.tolist()) == {drawn.batch_sizes[0]}
    assert len({tuple(sorted(row)) for row in drawn.sizes[drawn.labels].tolist()}) == 1
    assert drawn.images + (drawn.unit_of < 0).sum() == 113
    assert (drawn.unit_of < 0).any()
    x = np.arange(113, dtype="f")[:, None]
    held_out, batch, own = drawn.tested(x[:78], x[78:])
    kept = drawn.unit_of >= 0
    assert np.concatenate([held_out, batch])[:, 0].tolist() == np.flatnonzero(kept).tolist()
    assert (own.n_held_out, own.unit_of.tolist()) == (len(held_out), drawn.unit_of[kept].tolist())


def test_unequal_groups_change_sides_within_strata_and_sizes():
    """Every row names as many groups of each stratum and size as were observed."""
    sizes = {"c": [1, 4, 4, 6, 9, 2] * 6, "y": [3, 4, 8, 1]}
    names = [f"{side}{g}" for side in "cy" for g, size in enumerate(sizes[side]) for _ in range(size)]
    strata = ["even" if int(name[1:]) % 2 == 0 else "odd" for name in names]
    drawn = draw(156, 16, 300, rng(), Blocks(groups=names, strata=strata))
    first = [int(np.flatnonzero(drawn.unit_of == unit)[0]) for unit in range(len(drawn.sizes))]
    kind = np.array([f"{strata[i]} {size}" for i, size in zip(first, drawn.sizes, strict=True)])
    assert len({tuple(sorted(row)) for row in kind[drawn.labels].tolist()}) == 1
    assert len({tuple(row) for row in drawn.labels.tolist()}) > 250


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


def test_all_relabellings_are_listed_where_there_are_no_more_than_asked_for():
    """C(7, 3) = 35: listed from 34 drawn ones on, each once, the observed one first; within strata their product."""
    every = draw(4, 3, 34, rng())
    assert every.labels[0].tolist() == [4, 5, 6]
    assert {tuple(row) for row in every.labels.tolist()} == set(itertools.combinations(range(7), 3))
    assert (every.rows, every.smallest_p) == (35, 1 / 35)
    drawn = draw(4, 3, 33, rng())
    assert (drawn.rows, drawn.smallest_p) == (34, 1 / 34)
    strata = draw(5, 2, 99, rng(), Blocks(strata=["a", "a", "b", "b", "b", "a", "b"]))
    expected = {tuple(sorted((i, j))) for i in (0, 1, 5) for j in (2, 3, 4, 6)}
    assert {tuple(row) for row in strata.labels.tolist()} == expected
    assert strata.rows == 12
    assert strata.labels[0].tolist() == [5, 6]


def test_a_stratum_of_one_side_stays_where_it_is():
    drawn = draw(6, 3, 500, rng(), Blocks(strata=["a"] * 4 + ["old"] * 2 + ["a", "a", "new"]))
    assert drawn.rows == math.comb(6, 2)
    assert (drawn.labels == 8).any(axis=1).all()
    assert not np.isin(drawn.labels, [4, 5]).any()


@pytest.mark.parametrize(
    ("n", "m", "size"), [(1000, 201, 2), (1000, 256, 2), (1000, 257, 3), (10_000, 300, 3), (4_744, 256, 2)]
)
def test_bins_are_as_small_as_128_of_the_batch_and_5000_in_all_allow(n, m, size):
    """Single images up to 200; 256 are 128 bins of 2; 10,300 images are at most 5,000 bins: of 3."""
    drawn = draw(n, m, 5, rng())
    assert set(drawn.sizes.tolist()) == {size}
    assert len(drawn.sizes) == n // size + m // size
    assert drawn.labels[0].tolist() == list(range(n // size, n // size + m // size))
    assert draw(n, 200, 5, rng()).kind == "images"
    first = drawn.unit_of[: size * 2].tolist()
    assert first == [0] * size + [1] * size, "in the given order"


def test_bins_lie_within_strata():
    strata = (["a"] * 301 + ["b"] * 300) + (["a"] * 121 + ["b"] * 120)
    drawn = draw(601, 241, 5, rng(), Blocks(strata=strata))
    assert drawn.kind == "bins"
    for unit in range(len(drawn.sizes)):
        assert len({strata[i] for i in np.flatnonzero(drawn.unit_of == unit)}) == 1
    assert (drawn.unit_of < 0).sum() == 2


def test_the_largest_number_is_the_last_resort():
    assert choose_permutations("auto", 1e-6, 5) == 49_999
    assert choose_permutations("auto", 0.01, 1) == 999
    assert [choose_permutations("auto", 10 * 5 / (b + 1), 5) for b in PERMUTATIONS] == list(PERMUTATIONS)
    assert PERMUTATIONS == (999, 1999, 4999, 9999, 19999, 49999)
    with pytest.raises(UsageError) as caught:
        choose_permutations(99, 0.01, 5)
    assert "at least 499" in caught.value.hint


@pytest.mark.parametrize("cells", [1, 100, 1 << 21])
@pytest.mark.parametrize(
    ("n", "take"), [(1, 1), (9, 1), (9, 8), (9, 9), (264, 64), (10_001, 3), (10_001, 501)]
)
def test_numbers_are_those_that_numpy_draws_row_by_row(n, take, cells, monkeypatch):
    monkeypatch.setattr(relabelling, "CELLS", cells)
    ours, numpys = np.random.default_rng(n + take), np.random.default_rng(n + take)
    drawn = relabelling._subsets(n, take, 20, ours)
    rows = [numpys.choice(n, take, replace=False, shuffle=False) for _ in range(20)]
    assert np.array_equal(drawn, rows)
    assert ours.integers(1 << 40) == numpys.integers(1 << 40)
