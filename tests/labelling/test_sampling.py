"""Samples have the size asked for, every image its own chance, and most drifted images a stratum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.labelling import sampling

shares = st.lists(st.floats(0.001, 0.999), min_size=3, max_size=60)


@given(shares, st.data())
def test_probabilities_sum_to_the_size_and_stay_in_proportion(values, data):
    """Those below 1 keep the ratio of their weights."""
    weight = sampling.weights(np.array(values))
    n = data.draw(st.integers(0, len(values)))
    found = sampling.probabilities(weight, n)
    assert found.sum() == pytest.approx(n)
    assert ((found >= 0) & (found <= 1)).all()
    free = (found < 1) & (found > 0)
    if free.any():
        ratio = found[free] / weight[free]
        assert ratio == pytest.approx(np.full(free.sum(), ratio[0]))
        assert weight[found == 1].min(initial=np.inf) >= weight[free].max() * (1 - 1e-9)


def test_a_score_that_is_certain_everywhere_takes_all_alike():
    assert sampling.weights(np.array([0.0, 1.0, 1.0])).tolist() == [1, 1, 1]


def test_more_labels_than_images_are_refused():
    with pytest.raises(ValueError, match="5 of 4 images"):
        sampling.probabilities(np.ones(4), 5)
    with pytest.raises(ValueError, match="5 labels for 4 images"):
        sampling.split(5, np.array([2, 2]))
    with pytest.raises(ValueError, match="1 labels for 2 days"):
        sampling.draw(1, np.zeros(4), np.array([0, 0, 1, 1]), np.random.default_rng(0))


def test_every_image_is_taken_with_exactly_its_probability():
    """4,000 samples: each image's count lies within five binomial standard deviations; the size never varies."""
    rng = np.random.default_rng(3)
    chance = sampling.probabilities(np.array([0.1, 0.2, 0.4, 0.8, 1.6, 9.0, 0.3, 0.6]), 4)
    samples = [sampling.systematic(chance, rng) for _ in range(4000)]
    assert {len(each) for each in samples} == {4}
    assert all(len(set(each.tolist())) == 4 for each in samples)
    often = np.bincount(np.concatenate(samples), minlength=8) / 4000
    assert np.abs(often - chance) == pytest.approx(
        0, abs=5 * np.sqrt((chance * (1 - chance)).max() / 4000) + 1e-12
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.booleans())
def test_a_design_keeps_its_promises(seed, days, scored):
    """Size, no image twice, positive chances, strata that sum to whole numbers, days alike."""
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, days, 40 * days))
    days = int(day.max()) + 1
    n = int(rng.integers(2 * days, len(day) + 1))
    c = rng.beta(2, 0.5, len(day)) if scored else None
    drift = rng.normal(size=len(day))
    made = sampling.draw(n, drift, day, rng, correctness=c)
    assert len(made.taken) == len(set(made.taken.tolist())) == n
    assert (made.probability > 0).all()
    for stratum in np.unique(made.stratum):
        here = made.stratum == stratum
        assert made.probability[here].sum() == pytest.approx((made.stratum[made.taken] == stratum).sum())
    got, there = np.bincount(day[made.taken], minlength=days), np.bincount(day, minlength=days)
    assert got.max() - got[got < there].min(initial=got.max()) <= 1
    for each in range(days):
        most, rest = (drift[(day == each) & (made.drifted == which)] for which in (True, False))
        assert not len(most) or most.min() >= rest.max()


def test_every_image_of_a_budget_for_all_is_taken():
    made = sampling.draw(30, np.arange(30.0), np.zeros(30, int), np.random.default_rng(0))
    assert sorted(made.taken) == list(range(30))
    assert (made.probability == 1).all()


def test_the_most_drifted_have_a_fifth_of_the_labels():
    made = sampling.draw(50, np.arange(400.0), np.zeros(400, int), np.random.default_rng(0))
    assert made.drifted.sum() == 40
    assert made.drifted[made.taken].sum() == 10


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.data())
def test_parts_share_labels_equally_as_far_as_they_go(sizes, data):
    sizes = np.array(sizes)
    n = data.draw(st.integers(0, int(sizes.sum())))
    found = sampling.split(n, sizes)
    assert found.sum() == n
    assert (found <= sizes).all()
    short = found < sizes
    assert not short.any() or found.max() - found[short].min() <= 1


def test_the_attainable_width():
    """1 where the score cannot tell images apart; less where it can."""
    assert sampling.attainable(np.full(9, 0.7)) == pytest.approx(1)
    assert sampling.attainable(np.array([0.5, 1.0])) == pytest.approx(0.25 / np.sqrt(0.75 * 0.25))
    assert sampling.attainable(np.ones(3)) == 1
