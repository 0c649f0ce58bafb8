"""`--tolerance auto`: a batch among good days that differ, by ranks that are exact and by shares where they say something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import UsageError
from driftcli.core.features import Features
from driftcli.gate import good_days
from driftcli.gate.batch_test import run_gate
from driftcli.gate.subset_test import Rerun
from tests.gate import _cases as cases
from tests.statistical import binomial_bound

AUTO = {"tolerance": "auto", "permutations": 199, "alpha": 0.05}
SIZE = 20


def day(rng, mean, size=SIZE):
    return rng.normal(mean, 1, size)


def weather(seed, days, spread=1.0, size=SIZE):
    """C of several good days, each with its own light, and the light of one more."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, spread, days + 1)
    good = cases.features(
        np.concatenate([day(rng, mean, size) for mean in means[:-1]]),
        start=1000,
        group=tuple(f"day{i}" for i in range(days) for _ in range(size)),
    )
    return rng, good, means[-1]


def gate(good: Features, batch, keys=None, **facts):
    settings = cases.settings({**AUTO, **(keys or {})})
    return run_gate(settings, cases.baseline(good, **facts), cases.reading(cases.features(batch)))


def test_distances_are_those_of_a_slow_twin():
    """Every two days by themselves, with nothing but means; the nearest in each statistic."""
    rng = np.random.default_rng(0)
    family, days = cases.family(), 7
    x = np.concatenate([day(rng, 0.3 * i) for i in range(days)]).astype(np.float32)[:, None]
    found = good_days.distances([family], {"properties": x}, days)
    edges = np.unique(family.state["edges"][0]).astype(np.float32)
    parts = x.reshape(days, SIZE).astype(np.float64)
    below = (parts[:, :, None] <= edges).mean(axis=1)
    nearest = np.empty((days, 2))
    for one in range(days):
        apart = []
        for other in set(range(days)) - {one}:
            pooled = (below[one] + below[other]) / 2
            varying = (pooled > 0) & (pooled < 1)
            weights = np.clip(pooled, 0.5 / (2 * SIZE), 1 - 0.5 / (2 * SIZE))[varying]
            delta = (below[one] - below[other])[varying]
            means = abs(parts[one].mean() - parts[other].mean())
            apart.append((np.sqrt((delta**2 / (weights * (1 - weights))).mean()), means))
        nearest[one] = np.min(apart, axis=0)

    def standard(values):
        return (values - values.mean(axis=0)) / values.std(axis=0)

    log = np.log(nearest / np.median(nearest, axis=0))
    scores = np.stack([standard(nearest).max(axis=1), log.max(axis=1)], axis=1)
    assert found == pytest.approx(standard(scores).mean(axis=1), abs=1e-4)


def test_sixty_times_as_far_is_farther_than_four_times():
    """In sd of six days the first is 1.9 and the second 2.24, which is as far as one of six can be."""

    def table(places):
        return np.abs(np.subtract.outer(places, places))[:, :, None]

    very_far, far = table(np.array([0.0, 1, 2, 3, 23, 83])), table(np.array([8.0, 4, 3, 2, 1, 0]))
    nearest = [np.sort(one[:, :, 0], axis=1)[:, 1] for one in (very_far, far)]
    z = [(x - x.mean()) / x.std() for x in nearest]
    assert (nearest[0][5], nearest[1][0]) == (60, 4)
    assert z[0][5] < z[1][0]
    assert good_days.farness([very_far, far]).argmax() == 5


def test_nothing_to_tell_days_by_is_no_distance():
    assert (good_days.farness([np.zeros((6, 6, 2))]) == 0).all()


def test_the_order_of_days_does_not_matter():
    rng = np.random.default_rng(1)
    x = np.concatenate([day(rng, mean) for mean in rng.normal(size=8)]).astype(np.float32).reshape(8, SIZE, 1)
    order = rng.permutation(8)
    plain, mixed = (
        good_days.distances([cases.family()], {"properties": days.reshape(-1, 1)}, 8)
        for days in (x, x[order])
    )
    assert mixed == pytest.approx(plain[order], abs=1e-5)


@pytest.mark.parametrize("spread", [0.0, 2.0])
@pytest.mark.parametrize("days", [5, 9])
def test_a_normal_day_is_the_farthest_once_in_days_plus_one(days, spread):
    """Exact whether days differ or not: neither more often nor, without ties, less often."""
    trials, family, fired = 200, cases.family(), 0
    for seed in range(trials):
        rng, good, mean = weather([seed, days], days, spread)
        batch = day(rng, mean)
        views = np.concatenate([batch.astype(np.float32)[:, None], good.views["properties"]])
        far = good_days.distances([family], {"properties": views}, days + 1)
        fired += far[0] > far[1:].max()
    assert fired <= binomial_bound(trials, 1 / (days + 1), 0.99)
    assert trials - fired <= binomial_bound(trials, 1 - 1 / (days + 1), 0.99)


def test_a_normal_day_passes_and_a_night_does_not_whatever_good_days_differ_by():
    """Before, five such days gave a tolerance of .9 and more, and the night was a warning that exits 0."""
    normal = []
    for seed in range(20):
        rng, good, mean = weather(seed, 10, 1.5)
        normal.append(gate(good, day(rng, mean)).verdict.outcome)
        night = gate(good, day(rng, -20))
        assert night.verdict.outcome == "drift"
        assert night.days.days.farther
        assert night.tolerance <= 0.5
    assert normal.count("drift") <= binomial_bound(20, 1 / 11, 0.99)
    assert "warn" in normal, "the images differ, as those of good days do"


def test_where_days_differ_little_the_share_decides_too():
    """A batch of which half is something else is drift by its share; good days that are alike tolerate little."""
    rng, good, _ = weather(1, 6, 0.3, size=100)
    outcome = gate(good, np.concatenate([day(rng, 0, 50), day(rng, 8, 50)]))
    assert outcome.days.days.share_decides
    assert outcome.verdict.outcome == "drift"
    assert outcome.verdict.effect_lower > outcome.tolerance


def test_what_differs_less_than_good_days_is_a_warning():
    rng, good, _ = weather(3, 8, 3.0)
    outcome = gate(good, day(rng, 1.5))
    assert (outcome.verdict.outcome, outcome.days.days.farther) == ("warn", False)
    assert outcome.verdict.p_value <= 0.05
    assert gate(good, day(rng, 1.5), {"tolerance": 0.0}).verdict.outcome == "drift"


def test_all_days_enter_with_the_same_number_of_images():
    """A batch of many images is no farther for that; days of fewer than five are none."""
    rng, good, _ = weather(4, 8, 1.0)
    few = good.at(np.arange(20 * 7 + 6))
    assert gate(few, day(rng, 0, 300)).days.days.images == 6
    fewer = good.at(np.arange(20 * 7 + 4))
    found = gate(fewer, day(rng, 0, 12)).days.days
    assert (found.days, found.images) == (7, 12)


def test_five_days_are_needed():
    rng, good, _ = weather(5, 4)
    with pytest.raises(UsageError, match="needs at least 5 baseline groups and this one has 4"):
        gate(good, day(rng, 0))
    with pytest.raises(UsageError, match="this one has 0"):
        gate(replace(good, group=None), day(rng, 0))
    good_days.require(cases.settings({"tolerance": 0.1}).gate, cases.baseline(good))


def test_a_part_of_the_batch_is_not_measured_among_the_days():
    """Removal and rows by group ask for p alone, many times."""
    _, good, _ = weather(6, 4)
    batch = cases.features(np.zeros(24))
    rerun = Rerun(cases.reference(cases.settings(AUTO)), cases.baseline(good), cases.reading(batch))
    assert rerun.on(np.arange(12)) is not None, "four days would be refused"


def test_what_cannot_be_known_is_said():
    rng, good, _ = weather(7, 5, 6.0, size=100)
    few, wide = good_days.cautions(gate(good, day(rng, 0, 100)).days)
    assert "once in 6 times: calibrate on 10 or more" in few
    assert "no share of images tells" in wide
    rng, good, _ = weather(8, 12, 0.2, size=60)
    assert good_days.cautions(gate(good, day(rng, 0)).days) == []
    (old,) = good_days.cautions(good_days.Measured(0.2, None))
    assert "remembers what its good groups differ by" in old
    assert len(good_days.cautions(good_days.Measured(0.4, None))) == 2


def test_the_reason_names_where_the_batch_lies():
    rng, good, _ = weather(9, 5, 3.0)
    night = good_days.reason(gate(good, day(rng, -20)).days.days)
    assert night.startswith(
        "it lies farther from each of the 5 good groups than any of them from the nearest other ("
    )
    usual = good_days.reason(gate(good, day(rng, 0)).days.days)
    assert usual.startswith("of the 5 good groups one at least lies as far from the nearest other (")
