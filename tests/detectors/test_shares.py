"""Mean shares of classes against a slow twin; every class' p-value is exact, and rare classes have no say."""

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors.shares import CAUTION, FEWEST, Shares
from driftcli.stats.minp import joint_p
from driftcli.stats.relabelling import Blocks, draw
from tests.statistical import binomial_bound, plain

KEPT = 3


def images(seed, n, weights):
    """Pairs (class, share) of n images: three classes each, drawn by weight, whose shares fall and sum to 1 at most."""
    rng = np.random.default_rng(seed)
    keys = np.log(np.array(weights)) + rng.gumbel(
        size=(n, len(weights))
    )  # the largest keys are a draw by weight
    rows = np.zeros((n, 2 * KEPT), np.float32)
    rows[:, 0::2] = np.argsort(-keys, axis=1)[:, :KEPT]
    rows[:, 1::2] = np.sort(rng.dirichlet([4, 1, 0.5], size=n))[:, ::-1]
    return rows


GOOD, OTHER = [8, 5, 1, 1, 1, 1, 0.2, 0.2], [1, 5, 8, 1, 1, 1, 0.2, 0.2]


def twin(rows, chosen):
    """Class by class and image by image: the largest change in standard errors with one image more."""
    largest, (m, n) = 0.0, (chosen.sum(), len(rows))
    for k in range(int(rows[:, 0::2].max()) + 1):
        share = np.array(
            [sum(s for c, s in zip(row[0::2], row[1::2], strict=True) if c == k) for row in rows]
        )
        if share.sum() < FEWEST:
            continue
        error = np.sqrt(share.var() * (1 / m + 1 / (n - m)) + (CAUTION / m) ** 2)
        largest = max(largest, abs(share[chosen].mean() - share[~chosen].mean()) / error)
    return largest


def test_equals_its_twin():
    pooled = np.concatenate([images(1, 60, GOOD), images(2, 20, OTHER)])
    drawn = draw(60, 20, 20, np.random.default_rng(0))
    values = Shares().values({}, pooled, drawn, ())
    assert values.shape == (21, 1)
    for b in (0, 7, 20):
        assert values[b, 0] == pytest.approx(twin(pooled, np.isin(drawn.unit_of, drawn.labels[b])), abs=1e-4)


def test_pairs_and_columns_are_two_ways_to_write_the_same_shares():
    rows = images(1, 80, GOOD)
    table = np.zeros((80, len(GOOD)), np.float32)
    np.put_along_axis(table, rows[:, 0::2].astype(int), rows[:, 1::2], axis=1)
    drawn = draw(60, 20, 50, np.random.default_rng(0))
    columns = tuple(Column(f"c{i}") for i in range(len(GOOD)))
    assert np.array_equal(Shares().values({}, rows, drawn, ()), Shares().values({}, table, drawn, columns))


def test_the_order_of_images_does_not_change_a_bit():
    """Of either side; nor does who is called the batch change which classes are compared."""
    c, y = images(1, 60, GOOD), images(2, 60, OTHER)
    once = Shares().changes({}, c, y, draw(60, 60, 99, np.random.default_rng(0)), (), 0.01)
    swapped = Shares().changes({}, y, c, draw(60, 60, 99, np.random.default_rng(0)), (), 0.01)
    assert np.array_equal(once.p == 1, swapped.p == 1)
    assert np.array_equal(once.before, swapped.after)
    rng = np.random.default_rng(5)
    again = Shares().changes(
        {}, rng.permutation(c), rng.permutation(y), draw(60, 60, 99, np.random.default_rng(0)), (), 0.01
    )
    for name in ("before", "after", "sure_before", "sure_after"):
        assert np.allclose(getattr(once, name), getattr(again, name), rtol=0, atol=1e-12)


def test_the_smallest_p_of_a_class_is_that_of_the_family():
    c, y = images(1, 60, GOOD), images(2, 20, OTHER)
    drawn = draw(60, 20, 199, np.random.default_rng(0))
    found = Shares().changes({}, c, y, drawn, (), 0.01)
    assert found.p.min() == joint_p(plain(Shares().values({}, np.concatenate([c, y]), drawn, ())))
    moved = int(np.argmax(np.abs(found.after - found.before)))
    assert moved in {0, 2}
    assert found.low[moved] <= found.after[moved] - found.before[moved] <= found.high[moved]
    assert found.low[2] > 0 > found.high[0], "the interval of what is significant lies on one side"


def test_any_class_of_a_clean_batch_is_significant_as_often_as_promised():
    trials, alpha = 300, 0.05
    hits = 0
    for trial in range(trials):
        pool = images([3, trial], 60, GOOD)
        drawn = draw(45, 15, 99, np.random.default_rng(trial))
        hits += bool((Shares().changes({}, pool[:45], pool[45:], drawn, (), alpha).p <= alpha).any())
    assert hits <= binomial_bound(trials, alpha)


def test_two_rare_images_are_no_change_of_the_mix():
    """However unlikely among 2,000 good images: 20 standard errors of the one class, one image of the batch's 20."""
    c = np.tile(np.array([[0, 0.9, 1, 0.1]], np.float32), (2_000, 1))
    c[::2] = [1, 0.9, 0, 0.1]
    y = c[:20].copy()
    y[:2] = [7, 0.95, 1, 0.05]
    c[0] = [7, 0.3, 1, 0.7]
    found = Shares().changes({}, c, y, draw(2_000, 20, 999, np.random.default_rng(0)), (), 0.01)
    assert found.p[7] > 0.01


def test_groups_count_as_groups():
    """Ten images of one visit are worth one: intervals of ten visits are wider than those of a hundred images."""
    c, y = images(1, 100, GOOD), images(2, 50, OTHER)
    names = [f"c{i // 10}" for i in range(100)] + [f"y{i // 10}" for i in range(50)]
    alone = Shares().changes({}, c, y, draw(100, 50, 99, np.random.default_rng(0)), (), 0.05)
    grouped = Shares().changes({}, c, y, draw(100, 50, 99, np.random.default_rng(0), Blocks(names)), (), 0.05)
    assert (grouped.high - grouped.low)[0] > (alone.high - alone.low)[0]


def test_effects_are_shares_and_their_bound_holds():
    """Hoeffding's bound on the change of a mean that is known."""
    truth = [images(1, 20_000, GOOD), images(2, 20_000, OTHER)]
    means = [
        np.bincount(side[:, 0::2].astype(int).ravel(), side[:, 1::2].ravel(), len(GOOD)) / len(side)
        for side in truth
    ]
    true, missed = float(np.abs(means[1] - means[0]).max()), 0
    for trial in range(200):
        rng = np.random.default_rng(trial)
        c, y = (side[rng.integers(20_000, size=size)] for side, size in zip(truth, (60, 20), strict=True))
        (statistic,) = Shares().describe({}, c, y, ())
        missed += statistic.effect_lower > true
        assert 0 <= statistic.effect_lower <= statistic.effect <= 1
    assert missed <= binomial_bound(200, 0.05)


def test_an_image_of_a_class_that_good_images_lack_is_strange():
    c, y = images(1, 80, GOOD), images(2, 10, GOOD)
    y[4] = [7, 0.9, 6, 0.05, 5, 0.05]
    _, theirs = Shares().scores({}, c, y, ())
    assert int(theirs.argmax()) == 4


def test_nothing_varies():
    c = np.tile(np.array([[0, 1.0]], np.float32), (30, 1))
    drawn = draw(20, 10, 19, np.random.default_rng(0))
    assert Shares().values({}, c, drawn, ()).shape == (20, 0)
    assert Shares().describe({}, c[:20], c[20:], ()) == ()
    assert (Shares().changes({}, c[:20], c[20:], drawn, (), 0.05).p == 1).all()
