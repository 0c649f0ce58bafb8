"""The joint min-p gate against a slow twin: exactness, the tie rule, adjustment, verdicts."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core.evidence import DisplayEffect, Evidence, Join, Statistic
from driftcli.stats.minp import joint_p, judge, observed_p, standardise, step_down
from driftcli.stats.relabelling import p_values
from tests.statistical import plain


def evidence(name, values, effect_lower=None):
    k = values.shape[1]
    return Evidence(
        name, values, tuple(Statistic(f"s{i}", effect=0.5, effect_lower=effect_lower) for i in range(k))
    )


def standardised(column):
    mean, sd = sum(column) / len(column), np.sqrt(np.mean((column - np.mean(column)) ** 2))
    return [round((x - mean) / sd, 6) if sd > 1e-9 else 0.0 for x in column]


def twin(families):
    """The gate's p by the definition of the contract, one loop after another."""
    heights = []
    for family in families:
        z = [standardised(column) for column in family.values.T]
        counts = family.join.statistics
        if counts:
            sums = [sum(c * x for c, x in zip(counts, row, strict=True)) for row in zip(*z, strict=True)]
            heights.append(standardised(np.array(sums)))
        else:
            heights.append([max(row) for row in zip(*z, strict=True)])
    rows, weights = len(heights[0]), [family.join.weight for family in families]
    least = 1 / (rows * min(weights))
    pairs = []
    for b in range(rows):
        p = [
            max(sum(height[c] >= height[b] for c in range(rows)) / rows / w, least)
            for height, w in zip(heights, weights, strict=True)
        ]
        pairs.append((min(p), max(height[b] for height, q in zip(heights, p, strict=True) if q == min(p))))
    return sum(p < pairs[0][0] or (p == pairs[0][0] and z >= pairs[0][1]) for p, z in pairs) / rows


def drawn_families(rng, count, rows):
    """Whole numbers, so that there are ties; largest or sum of statistics, weights of 1, 1.5 and 2."""
    found = []
    for i in range(count):
        k = int(rng.integers(1, 4))
        counts = tuple(rng.choice([0.5, 1.0], k).tolist()) if rng.random() < 0.5 else ()
        join = Join(counts, float(rng.choice([1.0, 1.5, 2.0])))
        found.append(Evidence(f"f{i}", rng.integers(0, 6, (rows, k)).astype(float), (), join))
    return found


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(5, 40))
def test_equals_the_slow_twin(seed, count, rows):
    families = drawn_families(np.random.default_rng(seed), count, rows)
    assert joint_p(families) == pytest.approx(twin(families), abs=1e-12)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_over_all_rows_the_p_value_is_super_uniform(seed):
    """Exactness: were each row the observed one in turn, P(p <= a) <= a for every a, whatever sums and weights."""
    families = drawn_families(np.random.default_rng(seed), 3, 30)
    p = np.array(
        [joint_p([replace(f, values=np.roll(f.values, -b, axis=0)) for f in families]) for b in range(30)]
    )
    for alpha in np.unique(p):
        assert (p <= alpha).mean() <= alpha + 1e-12


@pytest.mark.parametrize("light", [0, 2])
def test_what_only_a_light_family_sees_can_have_the_smallest_p(light):
    """The top rows of the heavy family do not lie before all others: among quotients that small heights decide."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(100, 1)) for _ in range(3)]
    values[light][0] = 50.0
    families = [Evidence("f", v, (), Join((), w)) for v, w in zip(values, (1.0, 2.0, 1.0), strict=True)]
    assert joint_p(families) == 0.01


def test_a_heavier_family_needs_less():
    """Its p of 4/100 counts as 2/100 does for the others, whose best rows are three each at that level."""
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(100, 1)) for _ in range(2)]
    order = np.argsort(-values[0][:, 0])
    values[0][[0, order[3]]] = values[0][[order[3], 0]]  # the observed row is the fourth of its family
    values[1][0] = -5.0
    p = [
        joint_p([Evidence("f", v, (), Join((), w)) for v, w in zip(values, (weight, 1.0), strict=True)])
        for weight in (1.0, 2.0, 4.0)
    ]
    assert p[0] > p[1] > p[2] >= 0.04


def test_a_sum_finds_what_several_statistics_see_a_little_of():
    """Seven statistics, each moved by 1.5 sd: the largest of them is nothing unusual, their sum is."""
    values = np.random.default_rng(2).normal(size=(1000, 7))
    values[0] = 1.5
    assert joint_p(plain(values)) > 0.2
    assert joint_p([Evidence("f", values, (), Join((1.0,) * 7))]) == 0.001


def test_statistics_are_adjusted_by_the_largest_whatever_the_family_does():
    """Single-step max-z: a statistic's adjusted p is about statistics, the family's about their sum."""
    values = np.random.default_rng(2).normal(size=(1000, 7))
    values[0] = 1.5
    summed = replace(evidence("a", values), join=Join((1.0,) * 7))
    one, other = (judge([e], {"a": "on"}, 0.01, 0.0).families[0] for e in (summed, evidence("a", values)))
    assert one.statistics == other.statistics
    assert one.p_value < other.p_value == min(s.p_value for s in other.statistics)


def test_the_tie_rule_reaches_the_smallest_p():
    """Without it p could not fall below families/(B+1): three families peak in three different rows."""
    rng = np.random.default_rng(0)
    values = [rng.normal(size=(100, 1)) for _ in range(3)]
    values[0][0] = 50.0  # the observed row is far out in one family
    values[1][17] = 9.0  # other rows are the top of the other families
    values[2][42] = 9.0
    peaks = [standardise(v).max(axis=1) for v in values]
    untied = np.min([p_values(peak) for peak in peaks], axis=0)
    assert (untied <= untied[0]).mean() == 0.03  # min-p alone stops at 3/100
    assert joint_p(plain(*values)) == 0.01


def test_step_down_equals_single_tests_when_alone_and_grows_with_the_order():
    rng = np.random.default_rng(1)
    peaks = [rng.normal(size=200) for _ in range(4)]
    for peak, height in zip(peaks, (4.0, 2.0, 1.0, 0.0), strict=True):
        peak[0] = height
    p = [p_values(peak) for peak in peaks]
    adjusted = step_down(p, peaks, [1.0] * 4)
    assert adjusted == sorted(adjusted)
    assert adjusted[-1] >= p[-1][0]
    assert step_down(p[:1], peaks[:1], [1.0]) == [p[0][0]]


def test_constant_and_non_finite_statistics_say_nothing():
    values = np.ones((50, 3))
    values[:, 1] = np.nan
    values[0, 2] = np.inf
    assert (standardise(values) == 0).all()
    assert joint_p(plain(values)) == 1.0
    assert joint_p(plain(np.zeros((50, 0)))) == 1.0


def drifting(rows=1000, height=9.0):
    values = np.random.default_rng(2).normal(size=(rows, 2))
    values[0, 0] = height
    return values


@pytest.mark.parametrize(
    ("height", "tolerance", "lower", "outcome"),
    [
        (9.0, 0.0, 0.0, "drift"),
        (9.0, 0.2, 0.1, "warn"),
        (9.0, 0.2, 0.3, "drift"),
        (0.1, 0.0, 0.9, "pass"),
        (9.0, 0.2, None, "warn"),
    ],
)
def test_verdicts(height, tolerance, lower, outcome):
    verdict = judge([evidence("style", drifting(height=height), lower)], {"style": "on"}, 0.01, tolerance)
    assert verdict.outcome == outcome


def test_an_advisory_family_has_no_say():
    quiet = np.random.default_rng(3).normal(size=(1000, 1))
    quiet[0] = 0.0
    verdict = judge(
        [evidence("style", quiet), evidence("file", drifting())],
        {"style": "on", "file": "advisory"},
        0.01,
        0.0,
    )
    assert verdict.outcome == "pass"
    style, file = verdict.families
    assert file.significant
    assert file.p_adjusted is None
    assert verdict.p_value == style.p_adjusted == style.p_value


def test_the_gate_p_is_the_smallest_adjusted_p_and_statistics_are_adjusted_within():
    verdict = judge(
        [evidence("a", drifting()), evidence("b", drifting(height=1.0))], {"a": "on", "b": "on"}, 0.01, 0.0
    )
    assert verdict.p_value == min(f.p_adjusted for f in verdict.families)
    for family in verdict.families:
        assert family.p_value == min(s.p_value for s in family.statistics)
        assert all(s.p_raw <= s.p_value for s in family.statistics)


def test_no_gating_family_is_an_error():
    with pytest.raises(ValueError, match="gate: on"):
        judge([evidence("file", drifting())], {"file": "advisory"}, 0.01, 0.0)


def test_all_relabellings_of_a_tiny_problem_give_the_exact_p():
    """Fisher's way: 4 + 3 numbers, the difference of means under all 35 labellings."""
    x = np.array([0.1, 0.4, 0.2, 0.3, 1.1, 0.9, 1.0])
    rows = [(4, 5, 6), *[r for r in itertools.combinations(range(7), 3) if r != (4, 5, 6)]]
    statistic = np.array([[abs(x[list(r)].mean() - np.delete(x, r).mean())] for r in rows])
    assert joint_p(plain(statistic)) == 1 / 35


def test_alpha_itself_is_a_finding():
    """At most alpha, not below it: 1/100 at alpha 0.01."""
    values = np.random.default_rng(2).normal(size=(100, 1))
    values[0] = 9.0
    verdict = judge([evidence("style", values)], {"style": "on"}, 0.01, 0.0)
    assert (verdict.p_value, verdict.outcome) == (0.01, "drift")
    assert verdict.families[0].significant


def families(*made):
    """Verdict over families of (height of the observed row, effect, lower bound, gate)."""
    given_ = [
        Evidence(
            f"f{i}",
            drifting(height=height)[:, :1] + np.random.default_rng(i).normal(0, 1e-3, (1000, 1)),
            (Statistic("s", effect=effect, effect_lower=lower),),
        )
        for i, (height, effect, lower, _) in enumerate(made)
    ]
    return judge(given_, {f"f{i}": gate for i, (*_, gate) in enumerate(made)}, 0.01, 0.2)


def test_one_family_beyond_the_tolerance_is_enough():
    """And it must be a gating one, and a significant one."""
    assert families((9, 0.5, 0.3, "on"), (9, 0.5, 0.1, "on")).outcome == "drift"
    assert families((9, 0.5, 0.1, "on"), (9, 0.5, 0.3, "advisory")).outcome == "warn"
    assert families((9, 0.5, 0.1, "on"), (-1, 0.9, 0.8, "on")).outcome == "warn"
    assert families((9, 0.5, 0.2, "on")).outcome == "warn", "at the tolerance is within it"


def test_the_effect_shown_is_the_largest_bound_among_significant_gating_families():
    verdict = families(
        (9, 0.5, 0.1, "on"), (9, 0.4, 0.3, "on"), (9, 0.9, 0.8, "advisory"), (-1, 0.9, 0.7, "on")
    )
    assert (verdict.effect_family, verdict.effect, verdict.effect_lower) == ("f1", 0.4, 0.3)
    assert families((9, 0.5, 0.1, "on"), (9, 0.6, 0.1, "on")).effect_family == "f1", "then the largest effect"
    assert families((9, 0.5, 0.0, "on"), (9, 0.6, None, "on")).effect_family == "f1", (
        "no bound is a bound of 0"
    )
    quiet = families((-1, 0.1, 0.0, "on"), (-1, 0.2, 0.0, "on"))
    assert (quiet.effect_family, quiet.effect) == ("f1", 0.2), "none is significant: among all of them"
    none = families((9, None, None, "on"), (9, 0.9, 0.8, "advisory"))
    assert (none.effect, none.effect_lower, none.effect_family) == (None, None, None)


def test_a_change_is_relative_to_a_positive_baseline_and_no_turn_of_an_angle():
    def change(batch, baseline, kind="sd_shift"):
        statistic = Statistic("s", batch, baseline, display_effect=DisplayEffect(kind, 0.1))
        values = np.random.default_rng(0).normal(size=(100, 1))
        verdict = judge([Evidence("a", values, (statistic,))], {"a": "on"}, 0.01, 0.0)
        return verdict.families[0].statistics[0].change

    assert change(3.0, 2.0) == 0.5
    assert change(1.0, 2.0) == -0.5
    assert change(1.0, 0.0) is None
    assert change(1.0, -2.0) is None
    assert change(None, 2.0) is None
    assert change(1.0, None) is None
    assert change(3.0, 2.0, "turn_shift") is None


def test_p_of_a_statistic_by_itself_and_among_its_family():
    """Raw: its own rows. Adjusted: the family's largest in every row."""
    values = np.array([[3.0, 5.0], [4.0, 1.0], [1.0, 9.0], [2.0, 2.0]])
    verdict = judge([evidence("a", values)], {"a": "on"}, 0.01, 0.0)
    z = standardise(values)
    for k, statistic in enumerate(verdict.families[0].statistics):
        assert statistic.p_raw == np.mean(values[:, k] >= values[0, k])
        assert statistic.p_value == np.mean(z.max(axis=1) >= z[0, k])


def test_constant_is_judged_against_the_size_of_the_values():
    """Sums of floats differ in their last digits; what varies by more than round-off is a statistic."""
    noise = np.random.default_rng(0).normal(size=(50, 1))
    assert (standardise(1e6 + 1e-8 * noise) == 0).all()
    assert standardise(1e6 + 1e-3 * noise).std() == pytest.approx(1, abs=1e-3)
    assert standardise(1e-9 * noise).std() == pytest.approx(1, abs=1e-3)
    mixed = np.concatenate([[[1e6]], 1e-9 * np.ones((49, 1))])
    assert standardise(mixed)[0, 0] == 7.0, "one row of fifty stands out by the root of 49"


def test_observed_p_is_the_gates_then_each_familys():
    rng = np.random.default_rng(5)
    values = [rng.normal(size=(200, 2)) for _ in range(3)]
    values[1][0] = 9.0
    p = observed_p(plain(*values), ["on", "advisory", "on"])
    assert p[0] == joint_p(plain(values[0], values[2]))
    assert p[1:].tolist() == [joint_p(plain(v)) for v in values]
    assert p[2] == 1 / 200


def slow_step_down(p, peaks, weights):
    """Westfall & Young's algorithm 2.8 by its definition, with the tie rule as a pair to compare."""
    least = 1 / (len(p[0]) * min(weights))
    p = [np.maximum(values / w, least) for values, w in zip(p, weights, strict=True)]
    left, adjusted, floor = list(range(len(p))), {}, 0.0
    while left:
        chosen = min(left, key=lambda f: (p[f][0], -peaks[f][0]))
        best = [min((p[f][b], -peaks[f][b]) for f in left) for b in range(len(p[0]))]
        floor = max(floor, np.mean([pair <= (p[chosen][0], -peaks[chosen][0]) for pair in best]))
        adjusted[chosen] = floor
        left.remove(chosen)
    return [adjusted[f] for f in range(len(p))]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_step_down_equals_its_slow_twin(seed, count):
    rng = np.random.default_rng(seed)
    peaks = [rng.integers(0, 8, 25).astype(float) for _ in range(count)]
    p = [p_values(peak) for peak in peaks]
    weights = rng.choice([1.0, 1.5, 2.0], count).tolist()
    assert step_down(p, peaks, weights) == pytest.approx(slow_step_down(p, peaks, weights))
