"""What is said of one artifact holds for that artifact: over draws of its held-out set, not over batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.stats import relabelling
from driftcli.stats.own_rate import HeldOut

ARTIFACTS, FEATURES, ROWS = 200, 6, 499
SIZES = st.builds(
    lambda batch, times: HeldOut(batch, 4 + batch * times), st.integers(1, 500), st.integers(5, 500)
)


@settings(deadline=None)
@given(SIZES, st.floats(1e-7, 1), st.floats(1e-7, 1))
def test_it_is_never_smaller_and_keeps_the_order(sizes, p, q):
    own = [sizes.p_value(x) for x in sorted((p, q))]
    assert own[0] <= own[1] <= 1
    assert own[0] >= min(p, q)


@settings(deadline=None)
@given(SIZES, st.floats(1e-7, 0.5))
def test_before_is_its_inverse(sizes, p):
    before = sizes.before(p)
    assert before < p
    assert sizes.p_value(before) == pytest.approx(p, rel=1e-6)


@settings(deadline=None)
@given(SIZES, st.floats(1e-4, 0.2))
def test_the_range_ends_where_p_for_this_artifact_says(sizes, alpha):
    """19 of 20 held-out sets fire at most at the upper end; `p_value` of alpha is that very rate."""
    low, high = sizes.rates(alpha)
    assert low < alpha < high == sizes.p_value(alpha)


def test_the_luck_fades_as_the_held_out_set_grows():
    own = [HeldOut(20, n).p_value(0.01) for n in (100, 400, 2_000, 20_000, 10**9)]
    assert own == sorted(own, reverse=True)
    assert own[-1] == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("p", [0.0, -0.1, 1.1, float("nan")])
def test_what_is_no_rank_is_refused(p):
    with pytest.raises(ValueError, match="p = "):
        HeldOut(20, 400).p_value(p)


@pytest.mark.parametrize(
    ("batch", "held_out"), [(20, 400), (200, 4_000), (201, 4_000), (5_000, 20_000), (1_000, 5_003)]
)
def test_units_are_those_that_are_relabelled(batch, held_out):
    drawn = relabelling.draw(held_out, batch, 9, np.random.default_rng(1))
    units = drawn.labels.shape[1]
    assert HeldOut.of_images(batch, held_out) == HeldOut(units, len(drawn.sizes) - units)


# ---------------------------------------------------------------- artifacts with a held-out set of their own


def p_values(batch, held_out, batches, seed):
    """[artifacts, batches]: permutation p of the squared distance of means, every artifact with a C drawn once.

    Normal features; the relabellings of a C serve sixteen of its batches, each of them exact.
    """
    found = np.empty((ARTIFACTS, batches))
    for artifact in range(ARTIFACTS):
        rng = np.random.default_rng([seed, artifact])
        good = rng.normal(size=(held_out, FEATURES))
        for start in range(0, batches, 16):
            some = rng.normal(size=(min(16, batches - start), batch, FEATURES))
            drawn = np.zeros((ROWS + 1, held_out + batch))
            drawn[0, held_out:] = 1
            chosen = np.argpartition(rng.random((ROWS, held_out + batch)), batch, axis=1)[:, :batch]
            np.put_along_axis(drawn[1:], chosen, 1, axis=1)
            sums = drawn[:, held_out:] @ some + drawn[:, :held_out] @ good
            total = some.sum(axis=1) + good.sum(axis=0)
            distance = sums * (1 / batch + 1 / held_out) - total[:, None] / held_out
            squares = (distance**2).sum(axis=2)
            found[artifact, start : start + 16] = (squares >= squares[:, :1] - 1e-12).mean(axis=1)
    return found


def between(values, noise):
    """Standard deviation of the artifacts' own means, [artifacts, batches] given, without the `noise` of counting few batches."""
    return math.sqrt(values.mean(axis=1).var(ddof=1) - noise.mean() / values.shape[1])


@pytest.fixture(scope="module", params=[(10, 200), (4, 60)], ids=["10 of 200", "4 of 60"])
def drawn(request):
    batch, held_out = request.param
    return HeldOut(batch, held_out), p_values(batch, held_out, 64, 7)


def test_own_rates_differ_about_as_much_as_the_range_says(drawn):
    """The range is 3.29 standard deviations wide. C's share of the difference of means alone makes it two to three times too narrow."""
    sizes, p = drawn
    low, high = sizes.rates(0.05)
    alarms = (p <= 0.05).astype(float)
    spread = between(alarms, alarms.var(axis=1, ddof=1))
    assert spread <= 1.2 * (high - low) / 3.29
    assert spread >= 2 * 0.103 * sizes.batch / (sizes.batch + sizes.held_out), "by that share alone, twice"


def test_evidence_is_worth_at_most_one_for_19_of_20_artifacts(drawn):
    """A year of checks multiplies that mean 365 times over; by the gate's own p it is above 1 for more than one in twenty."""
    sizes, p = drawn
    above = {}
    for name, counted in (("own", np.vectorize(sizes.p_value)(p)), ("gate", p)):
        e = 0.5 / np.sqrt(counted)
        above[name] = e.mean() + 1.645 * between(e, e.var(axis=1, ddof=1))
    assert above["own"] <= 1 < above["gate"]
