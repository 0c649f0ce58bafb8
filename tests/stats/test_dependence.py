"""How images in a row depend on each other, and the units that follow; independent images show nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.stats import dependence
from driftcli.stats.dependence import Row, measure, scores, spreads, units
from driftcli.stats.relabelling import BATCH_BINS, MAX_UNITS

COLUMNS = 12


def chain(rng, n, rho):
    """AR(1) in every column, each value of variance 1."""
    x = rng.normal(size=(n, COLUMNS))
    for i in range(1, n):
        x[i] = rho * x[i - 1] + (1 - rho**2) ** 0.5 * x[i]
    return x


def bursts(rng, sizes):
    """Near-copies in a row: noise of 0.1 sd about one scene a burst."""
    scenes = rng.normal(size=(len(sizes), COLUMNS)).repeat(sizes, axis=0)
    return scenes + 0.1 * rng.normal(size=scenes.shape)


def one_series(x):
    return measure(scores(x, spreads(x)), np.zeros(len(x), np.int64))


@pytest.mark.parametrize("n", [10, 20, 50, 200])
def test_independent_images_show_nothing(n):
    """100 sets of each size, among them skewed and coarse columns: nothing is found in any."""
    for seed in range(100):
        x = np.random.default_rng([n, seed]).normal(size=(n, COLUMNS))
        x[:, 0] = np.exp(2 * x[:, 0])
        x[:, 1] = np.round(x[:, 1])
        x[:, 2] = x[:, 3]
        assert not one_series(x).dependent


def test_runs_are_the_bursts_whatever_their_sizes():
    rng = np.random.default_rng(1)
    sizes = rng.integers(1, 20, 40)
    row = one_series(bursts(rng, sizes))
    assert (row.runs == np.repeat(np.arange(40), sizes)).all()
    assert row.time == 1


@pytest.mark.parametrize(("rho", "n"), [(0.5, 600), (0.7, 600), (0.9, 1500)])
def test_correlation_time_of_a_chain(rho, n):
    """(1 + rho) / (1 - rho), in the median of 9 sets within a quarter."""
    times = [one_series(chain(np.random.default_rng([n, seed]), n, rho)).time for seed in range(9)]
    assert abs(np.median(times) / ((1 + rho) / (1 - rho)) - 1) < 0.25


def test_one_column_in_a_chain_is_enough():
    """Light changes slowly, and every image shows something else."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, COLUMNS))
    x[:, 4] = chain(rng, 600, 0.9)[:, 0]
    assert one_series(x).time > 5


def test_mean_and_spread_of_random_orders():
    """300 random orders of skewed images in two series: `alike` is 0 on average, and varies as `spread` says."""
    rng = np.random.default_rng(3)
    x = np.exp(rng.normal(size=(60, 4)))
    x[:, 1] += x[:, 0]
    z, series = scores(x, spreads(x)), np.repeat([0, 1], [20, 40])
    rows = []
    for _ in range(300):
        order = np.concatenate([rng.permutation(20), 20 + rng.permutation(40)])
        rows.append(measure(z[order], series))
    alike = np.array([row.alike for row in rows])
    assert abs(alike.mean()) < 4 * alike.std() / 20
    assert 0.8 < alike.std() / np.mean([row.spread for row in rows]) < 1.1


def test_what_a_series_is_like_is_no_dependence():
    """Two classes one after the other, each of independent images."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, COLUMNS)) + np.repeat([0, 2], 200)[:, None]
    assert not measure(scores(x, spreads(x)), np.repeat([0, 1], 200)).dependent
    assert one_series(x).dependent


def test_all_images_alike_are_no_runs():
    """A covered lens: every image is like every other, not like its neighbours."""
    rng = np.random.default_rng(5)
    good = rng.normal(size=(200, COLUMNS))
    dark = 5 + 0.05 * rng.normal(size=(50, COLUMNS))
    assert not measure(scores(dark, spreads(good)), np.zeros(50, np.int64)).dependent


def test_missing_and_constant_columns():
    rng = np.random.default_rng(6)
    x = bursts(rng, [10] * 12)
    x[30:60, 5] = np.nan  # a scene without colour has no hue
    x[:, 0], x[:, 1] = np.nan, 7.0
    assert one_series(x).number == 12
    assert not measure(np.empty((30, 0)), np.zeros(30, np.int64)).dependent


def test_the_order_alone_decides():
    """The same images in another order have no dependence left."""
    rng = np.random.default_rng(7)
    x = chain(rng, 200, 0.8)
    assert one_series(x).dependent
    assert not one_series(x[rng.permutation(200)]).dependent


# ---------------------------------------------------------------- units


def singles(n, **keys):
    return Row(np.arange(n), **keys)


def test_no_units_where_neither_depends():
    assert units(singles(100), singles(20), 0.05) is None


def test_runs_are_units_and_blocks_have_gaps():
    rng = np.random.default_rng(8)
    c, y = (one_series(bursts(rng, [10] * count)) for count in (30, 5))
    good, ours = units(c, y, 0.05)
    assert (good == np.repeat(np.arange(30), 10)).all()
    assert (ours == np.repeat(np.arange(5), 10)).all()
    alike = {"alike": 0.7, "spread": 0.02}
    good, ours = units(singles(600, time=5.0, **alike), singles(80, time=5.0, **alike), 0.05)
    lengths = np.bincount(ours[ours >= 0])
    assert len(lengths) >= 3
    assert len({*lengths.tolist(), *np.bincount(good[good >= 0]).tolist()}) == 1
    assert lengths[0] >= 15
    inside = np.flatnonzero(ours >= 0)
    assert np.diff(inside).max() >= 8  # images between two blocks are left out


def test_a_short_batch_depends_as_the_baseline_does():
    """Ten images of a film show nothing by themselves."""
    known = singles(600, time=5.0, alike=0.7, spread=0.02, apart=0.3)
    _, ours = units(known, singles(10, alike=0.6, spread=0.2), 0.05)
    assert (ours == 0).all()
    _, ours = units(known, singles(100, alike=0.0, spread=0.02), 0.05)
    assert (ours == np.arange(100)).all()  # surely independent: taken at its word


def test_a_random_part_of_a_row_has_shorter_blocks():
    """Of every second image half as many span the same time."""
    sparse = singles(600, time=3.0, alike=0.5, spread=0.02, step=2.0)
    whole = singles(200, time=6.0, alike=0.7, spread=0.05)
    good, ours = units(sparse, whole, 0.05)
    lengths = [np.bincount(side[side >= 0])[0] for side in (good, ours)]
    assert abs(lengths[1] / lengths[0] - 2) < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_stretches_of_a_row_span_as_many_of_its_images_as_a_whole_one(seed):
    """Every other eight images of a film, as `fit` holds some back: within a stretch they are no less alike than the batch's."""
    rng = np.random.default_rng([seed, 21])
    film = chain(rng, 1200, 0.7)
    kept = np.flatnonzero(np.arange(1200) // 8 % 2 == 0)
    good, batch = (
        measure(scores(x, spreads(x)), np.zeros(len(x), np.int64), place=place.astype(float))
        for x, place in ((film[kept], kept), (chain(rng, 60, 0.7), np.arange(60)))
    )
    assert (good.holes, batch.holes) == (True, False)
    of_good, of_batch = units(good, batch, 0.05)
    spans = []
    for place, unit in ((kept, of_good), (np.arange(60), of_batch)):
        firsts, lasts = zip(
            *((place[unit == i][0], place[unit == i][-1]) for i in range(unit.max() + 1)), strict=True
        )
        spans.append(np.mean(np.array(lasts) - firsts + 1))
    assert spans[0] == pytest.approx(spans[1], rel=0.25)


@pytest.mark.parametrize("copied", ["batch", "good"])
def test_where_one_side_shows_copies_and_the_other_degrees_both_have_blocks(copied):
    """Scenes whose images are just near enough, or just not: runs on one side, single images on the other, are no units."""
    loose = singles(300, time=5.0, alike=0.74, spread=0.02, apart=0.25)
    runs = Row(np.arange(80) // 10, alike=0.8, spread=0.05, apart=0.18, by_image=8.0)
    good, ours = units(*((loose, runs) if copied == "batch" else (runs, loose)), 0.05)
    for side in (good, ours):
        assert np.bincount(side[side >= 0]).min() >= 10


def test_only_here_is_what_the_other_set_would_show():
    """A film is no stranger to every second image of it, nor to so few images that nothing can be told."""
    film = one_series(chain(np.random.default_rng(10), 80, 0.7))
    assert film.time > 1
    assert film.only_here(one_series(np.random.default_rng(11).normal(size=(400, COLUMNS))))
    assert not film.only_here(one_series(chain(np.random.default_rng(12), 400, 0.7)))
    thinned = replace(one_series(chain(np.random.default_rng(13), 800, 0.7)[::2]), step=2.0)
    assert not film.only_here(replace(thinned, time=1.0))
    assert not film.only_here(one_series(np.random.default_rng(14).normal(size=(9, COLUMNS))))
    assert not one_series(np.random.default_rng(15).normal(size=(80, COLUMNS))).only_here(film)


def test_many_units_are_joined():
    """Of 20,000 good images in pairs and 5,000 of a batch: no more units than bins of single images would be."""
    pairs = [Row(np.arange(n) // 2, alike=0.5, spread=0.01) for n in (20_000, 5_000)]
    good, ours = units(*pairs, 0.05)
    assert BATCH_BINS // 2 <= ours.max() + 1 <= 2 * BATCH_BINS
    assert good.max() + 1 <= MAX_UNITS
    assert (np.diff(ours[ours >= 0]) >= 0).all()


@pytest.mark.parametrize("n", [0, 1, 2, 9, 10])
def test_few_images(n):
    x = np.random.default_rng(9).normal(size=(n, COLUMNS))
    row = one_series(x)
    assert not row.dependent
    assert row.number == n
    assert dependence.FEWEST == 10
