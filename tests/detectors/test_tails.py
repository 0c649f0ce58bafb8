"""One unit for strangeness: against slow twins, honest for good images, unmoved by units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors import _tails, _witness
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.univariate import Univariate
from driftcli.stats.conformal import p_values
from tests.statistical import binomial_bound


def slow(value: float, others: list[float], k: int) -> float:
    """-ln p of one value among others, by the definition."""
    fallen = sorted(others, reverse=True)
    u = fallen[k]
    excess = sum(fallen[:k]) / k - u
    if value > u and excess > 1e-9 * max(abs(u), 1e-12):
        return -math.log((k + 1) / (len(others) + 1)) + (value - u) / excess
    return -math.log((1 + sum(o >= value for o in others)) / (len(others) + 1))


@pytest.mark.parametrize("n", [20, 83])
@pytest.mark.parametrize("ties", [False, True])
def test_a_value_is_judged_by_the_others(n, ties):
    """The twin judges every value of C by the rest of C, and those of the batch by all of C."""
    rng = np.random.default_rng(n)
    x, y = rng.exponential(size=(n, 1)), rng.exponential(size=(15, 1)) * 3
    if ties:
        x, y = np.floor(2 * x), np.floor(2 * y)
    own, theirs = _tails.upper(x, y)
    k = max(n // 10, 5)
    rest = [[*x[:i, 0], *x[i + 1 :, 0]] for i in range(n)]
    assert own[:, 0] == pytest.approx([slow(x[i, 0], rest[i], k) for i in range(n)])
    assert theirs[:, 0] == pytest.approx([slow(v, x[:, 0].tolist(), k) for v in y[:, 0]])


def test_units_do_not_matter_and_far_is_stranger_than_near():
    x, y = np.random.default_rng(1).normal(size=(60, 3)), np.random.default_rng(2).normal(size=(9, 3))
    for a, b in zip(_tails.upper(x, y), _tails.upper(1000 * x + 7, 1000 * y + 7), strict=True):
        assert a == pytest.approx(b)
    near, far = _tails.upper(x, np.array([x.max(axis=0) + 0.1, x.max(axis=0) + 5]))[1]
    assert (far > near + 5).all()


def test_rare_levels_and_missing_values_are_strange():
    """A new level is stranger than a common one; a gap where good images have none, a value where they have none."""
    x = np.array([[1.0, 0.5]] * 95 + [[2.0, 0.5]] * 5)
    x[:, 1] += np.arange(100) / 100
    y = np.array([[1, 0.7], [2, 0.7], [9, 0.7], [1, np.nan]])
    columns = (Column("format", "category"), Column("iso"))
    _, found = _tails.columns(x, y, columns)
    assert found[0, 0] == 0 < found[1, 0] < found[2, 0] == pytest.approx(math.log(101))
    assert found[3, 1] == pytest.approx(math.log(101))
    x[:, 1] = np.nan
    assert _tails.columns(x, y, columns)[1][:, 1] == pytest.approx([math.log(101)] * 3 + [0])


def rejected(detector, columns, draw, trials, n=40, m=8):
    """How often the first image of a good batch has p <= 0.1."""
    count = 0
    for trial in range(trials):
        rng = np.random.default_rng([11, trial])
        state = detector.fit(draw(rng, 60), columns, 0)
        own, theirs = detector.scores(state, draw(rng, n), draw(rng, m), columns)
        count += p_values(own, theirs)[0] <= 0.1
    return count


def skewed(rng, count):
    return np.exp(rng.normal(size=(count, 4)) @ (np.eye(4) + 0.4)).astype(np.float32)


@pytest.mark.parametrize(
    ("detector", "trials"), [(Univariate(), 600), (Mmd(), 250)], ids=["univariate", "mmd"]
)
def test_a_good_image_is_called_strange_as_often_as_promised(detector, trials):
    """P(p <= 0.1) <= 0.1, in small C and small batches too, where an image could witness for itself."""
    columns = tuple(Column(f"c{i}") for i in range(4))
    assert rejected(detector, columns, skewed, trials) <= binomial_bound(trials, 0.1)


def slow_witness(x, y, z, kappa):
    """By the definition, over pairs: mean kernel to the batch minus mean kernel to C."""

    def kernel(a, b):
        return math.exp(kappa * (a @ b / np.linalg.norm(a) / np.linalg.norm(b) - 1))

    return np.mean([kernel(z, b) for b in y]) - np.mean([kernel(z, a) for a in x])


def test_the_witness_is_what_its_definition_says():
    """An image is compared with the others of the batch and with all of C; one of C with the rest of C."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(6, 5)).astype(np.float32)
    own, theirs = _witness._gathered(x, y)
    batch = [slow_witness(x, np.delete(y, i, 0), y[i], _witness.KAPPA) for i in range(6)]
    good = [slow_witness(np.delete(x, i, 0), np.delete(y, i % 6, 0), x[i], _witness.KAPPA) for i in range(12)]
    assert theirs == pytest.approx(batch, abs=1e-6)
    assert own == pytest.approx(good, abs=1e-6)


def test_a_copy_is_no_witness():
    """Two copies of an ordinary image stand where one of them would."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(50, 8)).astype(np.float32), rng.normal(size=(20, 8)).astype(np.float32)
    y[1] = y[0]
    without = _witness._gathered(x, np.delete(y, 1, 0))[1][0]
    assert _witness._gathered(x, y)[1][0] == pytest.approx(without, abs=0.01)


def test_images_changed_alike_are_witnesses_of_each_other():
    """A small common step, lost in the spread of single images, puts the changed ones in front."""
    rng = np.random.default_rng(5)
    good = rng.normal(size=(700, 40)).astype(np.float32)
    step = np.zeros(40, np.float32)
    step[7] = 7
    detector = Mmd()
    y = np.concatenate([good[600:], good[500:505] + step])
    _, theirs = detector.scores(detector.fit(good[:250], (), 0), good[250:500], y, ())
    assert set(np.argsort(-theirs)[:5]) == set(range(100, 105))


def test_how_long_the_tail_is_and_where_it_begins():
    """Of 100 values 1, ..., 100 the ten largest shape it: u = 90, mean excess 5.5, and 11 of 101 lie at u or above."""
    x = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))[:, None]
    _, theirs = _tails.upper(x, np.array([[90.0], [90.5], [101.0], [0.0]]))
    assert theirs[:, 0] == pytest.approx(
        [math.log(101 / 12), math.log(101 / 11) + 0.5 / 5.5, math.log(101 / 11) + 2, 0]
    )


def test_a_constant_tail_does_not_go_on():
    """Ten equal values on top: no excess, and a value beyond them is as rare as one in n + 1, no more."""
    x = np.concatenate([np.arange(40.0), np.full(10, 50.0)])[:, None]
    own, theirs = _tails.upper(x, np.array([[50.0], [60.0]]))
    assert theirs[:, 0] == pytest.approx([math.log(51 / 11), math.log(51)])
    assert own[40:, 0] == pytest.approx([math.log(50 / 10)] * 10)


def test_round_off_of_a_constant_tail_is_no_tail():
    """The mean of ten times 0.1 is not 0.1 in floats; nothing may go on as an exponential of 1e-17."""
    tails = np.random.default_rng(6).uniform(0.1, 3, 40)
    slack = [float(np.cumsum(np.full(10, top))[-1] / 10 - top) for top in tails]
    assert max(slack) > 0, "a case that says nothing"
    for top in tails:
        x = np.concatenate([np.linspace(-1, 0, 40), np.full(11, top)])[:, None]
        _, theirs = _tails.upper(x, np.array([[top + 1]]))
        assert theirs[0, 0] == pytest.approx(math.log(52))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_the_smallest_c_that_has_a_tail(scale):
    """Three values: k is 1, and of two others one is left to compare with."""
    x = scale * np.array([[1.0], [2.0], [4.0]])
    own, theirs = _tails.upper(x, scale * np.array([[8.0]]))
    assert theirs[0, 0] == pytest.approx(math.log(4 / 2) + (8 - 2) / (4 - 2))
    assert own[2, 0] == pytest.approx(math.log(3 / 2) + (4 - 1) / (2 - 1))


def one_column(x, y, kind="linear"):
    own, theirs = _tails.columns(
        np.asarray(x, np.float32)[:, None], np.asarray(y, np.float32)[:, None], (Column("c", kind),)
    )
    return own[:, 0], theirs[:, 0]


def test_a_number_is_strange_on_either_side_and_pays_for_both():
    """Twice the one-sided p, at most 1: nats less ln 2, at least 0."""
    x, y = np.random.default_rng(1).normal(size=40).astype("f"), np.array([-5, -1, 0.1, 1, 5], "f")
    own, theirs = one_column(x, y)
    up = _tails.upper(x[:, None].astype(float), y[:, None].astype(float))
    down = _tails.upper(-x[:, None].astype(float), -y[:, None].astype(float))
    for found, a, b in zip((own, theirs), up, down, strict=True):
        assert found == pytest.approx(np.maximum(np.maximum(a, b)[:, 0] - math.log(2), 0))


def test_an_angle_is_as_strange_as_it_is_far_around_the_circle():
    """C lies about 0.95, across the seam: 0.1 and 0.8 are 0.15 away, 0.45 is opposite."""
    x = (0.95 + np.random.default_rng(2).uniform(-0.1, 0.1, 60)) % 1
    y = np.array([0.951, 0.1, 0.8, 0.45])
    _, theirs = one_column(x, y, "circular")
    middle = np.angle(np.exp(2j * np.pi * x.astype("f")).mean()) / (2 * np.pi) % 1
    away = [
        np.array([min((v - middle) % 1, (middle - v) % 1) for v in side.astype("f")])[:, None]
        for side in (x, y)
    ]
    assert theirs == pytest.approx(_tails.upper(*away)[1][:, 0], rel=1e-4)
    assert theirs[0] < theirs[1] < theirs[3]
    assert theirs[1] == pytest.approx(theirs[2], rel=0.2)


def test_rarity_of_levels_counts_the_others():
    """Levels met 5, 2 and 1 times: an image of C does not vouch for itself, a new level is met by none."""
    x = np.array([1] * 5 + [2] * 2 + [3])
    own, theirs = one_column(x, [1, 2, 3, 9], "category")
    assert own == pytest.approx(-np.log([8 / 8] * 5 + [3 / 8] * 2 + [1 / 8]))
    assert theirs == pytest.approx(-np.log([9 / 9, 4 / 9, 4 / 9, 2 / 9]))


def test_a_missing_level_is_a_level_of_its_own():
    own, theirs = one_column([0] * 9 + [np.nan], [0, np.nan], "category")
    assert own == pytest.approx([0] * 9 + [math.log(10)])
    assert theirs == pytest.approx([0, math.log(11 / 2)])


def test_every_column_is_looked_at_and_a_missing_value_among_few_is_only_missing():
    """A category or a column without values does not end the row; five known values have no tail, six have."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 4)).astype("f"), rng.normal(size=(2, 4)).astype("f")
    x[:, 0], y[:, 0] = 1, 1
    x[:, 1], y[:, 1] = np.nan, np.nan
    x[5:, 2] = np.nan
    y[0] = [1, np.nan, 99, 99]
    kinds = (Column("a", "category"), Column("b"), Column("few"), Column("c"))
    _, theirs = _tails.columns(x, y, kinds)
    assert theirs[0, :2].tolist() == [0, 0]
    assert theirs[0, 2] == pytest.approx(math.log(31 / 6)), "as rare as a value is there, not more"
    assert theirs[0, 3] > 20
    x[5, 2] = 0.0
    assert _tails.columns(x, y, kinds)[1][0, 2] > 5


def test_the_strangest_column_pays_for_the_choice():
    nats = np.array([[3.0, 1.0, 0.0], [0.5, 0.2, 0.1]])
    own, theirs = _tails.strangest(nats, nats[:1])
    assert own == pytest.approx([3 - math.log(3), 0])
    assert theirs == pytest.approx([3 - math.log(3)])
