"""Thinned groups: equal sizes stay, unequal ones become exchangeable, and few small groups cost the others nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftcli.stats import relabelling, thinning
from driftcli.stats.relabelling import Blocks, draw, p_values
from tests.statistical import binomial_bound, kolmogorov_p


def kept(held_out, batch, alpha=0.01, strata=None):
    """Images kept of the good groups and of the batch's."""
    sizes = np.array([*held_out, *batch])
    is_batch = np.arange(len(sizes)) >= len(held_out)
    stratum = np.zeros(len(sizes), np.int64) if strata is None else np.array(strata)
    found = thinning.kept_sizes(sizes, is_batch, stratum, alpha)
    return found[~is_batch].tolist(), found[is_batch].tolist()


def named(sizes, side):
    return [f"{side}{g}" for g, size in enumerate(sizes) for _ in range(size)]


def blocks(held_out, batch, **more):
    return Blocks(groups=named(held_out, "c") + named(batch, "y"), **more)


def test_equal_sizes_are_left_as_they_are_and_draw_the_same_labels(monkeypatch):
    """Bit for bit the relabellings of whole groups."""
    drawn = draw(150, 50, 199, np.random.default_rng(0), blocks([5] * 30, [5] * 10))
    monkeypatch.setattr(relabelling, "_thinned", lambda unit_of, _, strata, __: (unit_of, strata))
    whole = draw(150, 50, 199, np.random.default_rng(0), blocks([5] * 30, [5] * 10))
    assert np.array_equal(drawn.labels, whole.labels)
    assert np.array_equal(drawn.unit_of, whole.unit_of)
    assert drawn.smallest_p == whole.smallest_p


def test_long_tracks_and_single_frames_meet_in_the_middle():
    assert kept([10] * 30, [1] * 20) == ([1] * 30, [1] * 20)
    assert kept([1] * 30, [10] * 20) == ([1] * 30, [1] * 20)
    assert kept([8] * 30, [10] * 20) == ([8] * 30, [8] * 20)


def test_both_sides_keep_about_the_same_sizes():
    """Half of the batch is as long as all good tracks: half of these are thinned for the other half."""
    good, batch = kept([10] * 40, [1] * 10 + [10] * 10)
    assert sorted(batch) == [1] * 10 + [10] * 10
    assert sorted(good) == [1] * 20 + [10] * 20


def test_few_small_good_groups_do_not_thin_all_others():
    """One frame of a good track that broke off is not all that a day of 50 may show; it stays on its side."""
    good, batch = kept([1, 2, 1] + [60] * 147, [50])
    assert batch == [50]
    assert sorted(good) == [1, 1, 2] + [50] * 147


def test_alpha_stays_attainable_though_it_costs_images():
    """99 good groups and one of the batch are 100 relabellings, of which alpha 0.01 needs every one."""
    assert kept([2] + [60] * 98, [50]) == ([2] * 99, [2])
    good, batch = kept([2] + [60] * 98, [50], alpha=0.05)
    assert batch == [50]
    assert sorted(good) == [2] + [50] * 98


@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_sizes(seed):
    """No group grows or vanishes, groups of the batch keep partners, alpha is attainable wherever whole groups attain it."""
    rng = np.random.default_rng(seed)
    good = rng.integers(1, rng.integers(2, 40), rng.integers(1, 60))
    batch = rng.integers(1, rng.integers(2, 40), rng.integers(1, 12))
    sizes, alpha = np.array([*good, *batch]), float(rng.choice([0.2, 0.05, 0.01]))
    both = kept(good, batch, alpha)
    of_all = np.array([*both[0], *both[1]])
    assert ((of_all >= 1) & (of_all <= sizes)).all()
    ways = math.prod(math.comb(both[0].count(t) + both[1].count(t), both[1].count(t)) for t in set(both[1]))
    most = math.comb(len(sizes), len(batch))
    assert ways >= min(most, 1 / alpha - 1e-9)
    shuffled = rng.permutation(len(good)), rng.permutation(len(batch))
    again = kept(good[shuffled[0]], batch[shuffled[1]], alpha)
    assert sorted(again[0]) == sorted(both[0]), "a function of sizes and sides alone"
    assert sorted(again[1]) == sorted(both[1])


def test_strata_are_thinned_each_by_itself():
    good, batch = kept([4] * 30 + [9] * 30, [4] * 5 + [3] * 5, strata=[0] * 30 + [1] * 30 + [0] * 5 + [1] * 5)
    assert good == [4] * 30 + [3] * 30
    assert batch == [4] * 5 + [3] * 5
    alone = kept([4] * 30 + [9] * 30, [2] * 5, strata=[0] * 30 + [1] * 30 + [0] * 5)
    assert alone == ([2] * 30 + [9] * 30, [2] * 5), "a stratum of one side keeps all"


def test_which_images_stay_follows_from_their_content():
    """Not from order; and copies are no twins: two of five pairs are one pair as often as chance makes them one, 1 in 9."""
    rng = np.random.default_rng(4)
    contents = np.array([rng.bytes(32).hex().encode() for _ in range(12)])
    units, few = np.repeat([0, 1], [7, 5]), np.array([3, 5])
    chosen = thinning.kept_images(units, few, contents)
    assert (chosen[:7].sum(), chosen[7:].sum()) == (3, 5)
    order = rng.permutation(12)
    again = thinning.kept_images(units[order], few, contents[order])
    assert np.array_equal(again, chosen[order])
    assert not np.array_equal(np.flatnonzero(chosen[:7]), [0, 1, 2]), "hashes decide, not the place"
    groups = 3000
    pairs = [rng.bytes(32).hex().encode() for _ in range(5 * groups)]
    copied = np.repeat(pairs, 2)
    stays = thinning.kept_images(np.repeat(np.arange(groups), 10), np.full(groups, 2), copied)
    together = (stays.reshape(groups, 5, 2).sum(axis=2) == 2).any(axis=1).mean()
    assert abs(together - 1 / 9) < 4 * math.sqrt(1 / 9 * 8 / 9 / groups)


SHORT, LONG = (1, 1, 1, 2, 3), (10, 10, 9, 12, 4)


@pytest.mark.parametrize(("good", "batch"), [(LONG, SHORT), (SHORT, LONG), (SHORT + LONG, SHORT)])
def test_p_is_uniform_for_a_statistic_that_feels_sizes(good, batch):
    """1,500 batches, |difference of means|, correlation 0.6 within groups: alarms at alpha 0.05 within the bound, 96.

    Whole groups, whatever their sizes, fire far more often in one of the two directions.
    """
    rng = np.random.default_rng(8)
    sizes = [*np.resize(good, 30).tolist(), *np.resize(batch, 8).tolist()]
    code = np.repeat(np.arange(38), sizes)
    n = sum(sizes[:30])
    drawn = draw(n, len(code) - n, 199, rng, blocks(sizes[:30], sizes[30:], alpha=0.05))
    is_batch = np.zeros((drawn.rows, len(drawn.sizes)), bool)
    np.put_along_axis(is_batch, drawn.labels, True, axis=1)
    used = drawn.unit_of >= 0
    among = is_batch[:, drawn.unit_of[used]].astype(float)
    p = []
    for _ in range(1500):
        x = 0.6**0.5 * rng.normal(size=38)[code] + 0.4**0.5 * rng.normal(size=len(code))
        y = x[used]
        means = among @ y / among.sum(axis=1), (1 - among) @ y / (1 - among).sum(axis=1)
        p.append(p_values(np.abs(means[0] - means[1]).round(9))[0])
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(1500, 0.05)
    assert kolmogorov_p(np.array(p), 200) > 0.001
