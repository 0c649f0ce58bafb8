"""The gate over many checks keeps its promise for the year, and reacts within days."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.stats import minp, sequential
from driftcli.stats.own_rate import HeldOut
from tests.statistical import binomial_bound, plain

YEAR, B = 365, 999


@settings(deadline=None)
@given(st.integers(19, 50_000), st.floats(0, 1))
def test_an_e_value_lies_between_a_half_and_its_cap(permutations, p):
    e = sequential.e_value(p, permutations)
    assert 0.5 <= e <= 0.5 * (permutations + 1) ** 0.5 * (1 + 1e-12)


@settings(deadline=None)
@given(st.integers(1, 2_000))
def test_an_e_value_is_worth_at_most_one_on_good_images(permutations):
    """Its mean over the attainable p-values 1/(B+1), ..., 1: the grid only makes it smaller."""
    grid = np.arange(1, permutations + 2) / (permutations + 1)
    assert np.mean([sequential.e_value(p, permutations) for p in grid]) <= 1


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="p = "):
        sequential.e_value(p, 99)


def test_the_recursion_is_the_mixture_over_all_starting_days():
    """Slow twin: 1/H on a change at each check, and the product of all e-values since."""
    rng = np.random.default_rng(3)
    p = rng.integers(1, B + 2, 40) / (B + 1)
    e = [Fraction(sequential.e_value(one, B)) for one in p]
    for t, value in enumerate(sequential.path(p, B, YEAR), 1):
        mixture = Fraction(0)
        for start in range(t):
            product = Fraction(1, YEAR)
            for one in e[start:t]:
                product *= one
            mixture += product
        assert value == pytest.approx(float(mixture), rel=1e-12)


def test_a_year_of_good_days_alarms_at_most_as_often_as_promised():
    """1,000 years of 365 p-values on the grid of 999 relabellings: at most alpha, within a binomial tail."""
    rng = np.random.default_rng(11)
    p = rng.integers(1, B + 2, (1_000, YEAR)) / (B + 1)
    peaks = np.array([max(sequential.path(year, B, YEAR)) for year in p])
    for alpha in (0.05, 0.01):
        assert (peaks >= sequential.threshold(alpha)).sum() <= binomial_bound(len(p), alpha)
    assert (p.min(axis=1) <= 0.01).mean() > 0.9, "the daily rule that this gate replaces"


def test_a_change_at_any_time_of_the_year_is_noticed_within_days():
    """Maximal evidence from day 100 or day 300 on: the fourth such day at the latest."""
    rng = np.random.default_rng(5)
    for start in (100, 300):
        for _ in range(50):
            p = rng.integers(1, B + 2, YEAR) / (B + 1)
            p[start:] = 1 / (B + 1)
            path = np.array(sequential.path(p, B, YEAR))
            assert np.argmax(path[start:] >= sequential.threshold(0.05)) <= 3


def test_an_alarm_latches():
    state = sequential.judged(sequential.State(value=20.0, checks=3), 0.05)
    assert state.alarm
    later = sequential.judged(sequential.advanced(state, 0.5, YEAR), 0.05)
    assert later.alarm
    assert later.value < 20
    assert not sequential.judged(sequential.State(value=19.9), 0.05).alarm


def test_what_a_check_is_worth_is_capped_where_no_rank_p_can_lie():
    assert sequential.e_value(1.0, B) == 0.5
    assert sequential.e_value(0.25, B) == 1.0
    assert (
        sequential.e_value(1 / (B + 1), B)
        == sequential.e_value(0.0, B)
        == pytest.approx(0.5 * (B + 1) ** 0.5)
    )


def test_a_series_begins_with_nothing():
    """The first check has 1/H at stake; every check counts."""
    assert (sequential.State().value, sequential.State().checks, sequential.State().alarm) == (0.0, 0, False)
    state = sequential.advanced(sequential.State(), 4.0, 100)
    assert (state.value, state.checks, state.alarm) == (pytest.approx(0.04), 1, False)
    assert sequential.path([0.25, 1.0], B, 10) == pytest.approx([0.1, 0.1])


@pytest.mark.parametrize(
    ("state", "since", "words"),
    [
        (sequential.State(21.0, 1, alarm=True), None, "the evidence of one check together has reached 21"),
        (sequential.State(21.0, 2, alarm=True), None, "the evidence of 2 checks together has reached 21"),
        (
            sequential.State(3.0, 2),
            None,
            "this batch alone does not fail the gate: the evidence of all checks is 3",
        ),
        (sequential.State(3.0, 2, alarm=True), "monday", "the alarm of monday is not acknowledged"),
    ],
)
def test_the_reason_says_which_alarm(state, since, words):
    said = sequential.reason(state, 0.05, since, "h.db")
    assert words in said
    assert "alarm at 20" in said
    assert ("driftcli history h.db --acknowledge" in said) == (since is not None)


# ---------------------------------------------------------------- p from more relabellings, where none was as extreme


@pytest.mark.parametrize(
    ("alpha", "horizon", "b"), [(0.05, 365, 28_999), (0.01, 365, 145_999), (0.05, 52, 4_999)]
)
def test_so_many_relabellings_let_the_second_certain_day_alarm(alpha, horizon, b):
    """And the next smaller round number does not; the first day never does."""
    assert sequential.relabellings_for(alpha, horizon) == b
    one, two = sequential.path([1 / (b + 1)] * 2, b, horizon)
    assert one < sequential.threshold(alpha) <= two
    fewer = b - 1000
    assert sequential.path([1 / (fewer + 1)] * 2, fewer, horizon)[-1] < sequential.threshold(alpha)


@pytest.mark.parametrize(
    ("sizes", "b"),
    [(HeldOut(20, 400), 221_999), (HeldOut(100, 2000), 69_999), (HeldOut(100, 20_000), 37_999)],
)
def test_and_so_many_more_where_the_luck_of_the_held_out_set_is_allowed_for(sizes, b):
    """With p as it is for this artifact alone, two certain days are still enough, and the next smaller number is not."""
    assert sequential.relabellings_for(0.05, YEAR, sizes) == b
    for many, alarms in ((b, True), (b - 1000, False)):
        last = sequential.path([sizes.p_value(1 / (many + 1))] * 2, many, YEAR)[-1]
        assert (last >= sequential.threshold(0.05)) == alarms
    assert sequential.relabellings_for(0.05, YEAR, HeldOut(1, 2)) == sequential.MOST_RELABELLINGS


def test_there_is_an_end_to_relabelling():
    assert sequential.relabellings_for(0.0001, 1_000_000) == sequential.MOST_RELABELLINGS


def test_the_p_value_of_two_stages_is_exact_by_enumeration():
    """Every observed labelling of 4 images, 2 of them the batch, with every draw of 1 and then 4 relabellings.

    Two families with ties, combined as the gate does (min-p, then height), so that a row's extremity depends on the
    rows beside it: 6 x 6^4 equally likely cases, and P(p <= u) <= u holds for every u, as a fraction.
    """
    x = np.array([[0.0, 3.0], [1.0, 1.0], [1.0, 0.0], [4.0, 0.0]])
    statistics = np.array([x[list(label)].sum(axis=0) for label in itertools.combinations(range(4), 2)])

    @cache
    def rank(observed, drawn):
        rows = [observed, *drawn]
        return round(minp.joint_p(plain(*(statistics[rows, k, None] for k in range(2)))) * len(rows))

    counts, finer = Counter(), 0
    for observed, *drawn in itertools.product(range(6), repeat=5):
        p = Fraction(rank(observed, (drawn[0],)), 2)
        if sequential.is_smallest(float(p), 2):
            p, finer = Fraction(rank(observed, tuple(sorted(drawn))), 5), finer + 1
        counts[p] += 1
    total = sum(counts.values())
    assert total == 6**5
    assert 0 < finer < total, "both stages were seen"
    for u in counts:
        assert sum(n for p, n in counts.items() if p <= u) <= u * total


def test_the_p_value_of_two_stages_on_good_images():
    """900 good batches of 6 among 30, 19 and then 199 relabellings: at most u of them at or below u, within a binomial tail."""
    rng = np.random.default_rng(23)
    batches = np.tile(np.arange(30, dtype=np.int8), (900 * 200, 1))
    batches[:] = rng.permuted(batches, axis=1)
    sums = rng.normal(size=(900, 30))[np.repeat(np.arange(900), 200)[:, None], batches[:, :6]].sum(axis=1)
    rows = sums.reshape(900, 200)
    first, second = ((rows[:, :n] >= rows[:, :1]).mean(axis=1) for n in (20, 200))
    again = np.array([sequential.is_smallest(p, 20) for p in first])
    p = np.where(again, second, first)
    for u in (0.005, 0.01, 0.03, 0.05, 0.1):
        assert (p <= u).sum() <= binomial_bound(len(p), u)
    assert 0 < again.mean() < 0.1, "a good day seldom pays for the larger set"
    assert (p < 0.05).any()
