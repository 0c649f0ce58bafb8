"""The ranking, its p-values, the share of false ones, Holm's groups and the scores, against slow twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core.features import Features
from driftcli.core.findings import Outside
from driftcli.explain import culprits, groups, scores
from driftcli.stats import conformal
from tests.statistical import binomial_bound

LEVELS = st.floats(0, 1, width=32)


def batch(count: int, **more) -> Features:
    names = tuple(f"day{i % 3}/{i:03d}.jpg" for i in range(count))
    content = np.array([f"{i:064x}".encode() for i in range(count)], "S64")
    hashes = np.arange(count, dtype=np.uint64)
    return Features(names, content, hashes, hashes, {}, **more)


@settings(max_examples=50, deadline=None)
@given(st.lists(LEVELS, min_size=1, max_size=30), st.lists(LEVELS, min_size=1, max_size=10))
def test_p_counts_good_images_at_least_as_strange(good, images):
    """Ties count, the image itself counts, and p is never 0."""
    p = conformal.p_values(np.array(good), np.array(images))
    assert p.tolist() == [(1 + sum(g >= v for g in good)) / (1 + len(good)) for v in images]


@settings(max_examples=80, deadline=None)
@given(st.lists(LEVELS, min_size=1, max_size=25), st.sampled_from([0.01, 0.05, 0.2, 0.5]))
def test_discoveries_are_those_of_benjamini_and_hochberg(p, rate):
    """The twin tries every count, the largest first."""
    expected: list[bool] = [False] * len(p)
    for k in range(len(p), 0, -1):
        line = sorted(p)[k - 1]
        if line <= rate * k / len(p):
            expected = [value <= line for value in p]
            break
    assert conformal.discoveries(np.array(p), rate).tolist() == expected


def test_the_false_share_is_kept():
    """90 good images among 100: at a rate of 0.2, on average at most a fifth of those called strange are good."""
    shares = []
    for trial in range(300):
        rng = np.random.default_rng([1, trial])
        images = np.concatenate([rng.normal(size=90), rng.normal(4, 1, 10)])
        called = conformal.discoveries(conformal.p_values(rng.normal(size=400), images), 0.2)
        shares.append(called[:90].sum() / max(called.sum(), 1))
    assert np.mean(shares) <= 0.2 + 3 * np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) > 0.05


def test_the_sum_over_families_needs_no_correction():
    """Four families that agree with each other: the first image of a good batch has p <= 0.05 in 5 % of batches."""
    hits = 0
    for trial in range(2000):
        rng = np.random.default_rng([2, trial])
        common = rng.exponential(size=105)
        scored = [_scored(common + rng.exponential(size=105), 100, f"f{i}") for i in range(4)]
        ranked = culprits.rank(scored, batch(5), [()] * 5, 0.05)
        hits += next(i.p_value for i in ranked if i.path.endswith("000.jpg")) <= 0.05
    assert hits <= binomial_bound(2000, 0.05)
    assert hits > 60


WHY = (Outside("sharpness", "below", 0.99, 0.02),)


def _scored(nats: np.ndarray, n: int, family: str = "style") -> culprits.AnomalyScores:
    return culprits.AnomalyScores(family, nats[:n], nats[n:])


def test_the_ranking_falls_and_names_the_family_that_finds_the_image_rarest():
    """By the sum; score and p tell the same place among good images."""
    rng = np.random.default_rng(0)
    style, light = rng.exponential(size=230), rng.exponential(size=230)
    style[205], light[210] = 30, 25
    scored = [_scored(style, 200), _scored(light, 200, "properties")]
    ranked = culprits.rank(scored, batch(30), [WHY] * 30, 0.05)
    assert [(i.path, i.family) for i in ranked[:2]] == [
        ("day2/005.jpg", "style"),
        ("day1/010.jpg", "properties"),
    ]
    assert [image.rank for image in ranked] == list(range(1, 31))
    ps, shares = [i.p_value for i in ranked], [i.score for i in ranked]
    assert ps == sorted(ps)
    assert shares == pytest.approx([1 - (201 * p - 1) / 200 for p in ps])
    assert [i.path for i in ranked if i.significant] == []
    assert ranked[0].p_value == pytest.approx(1 / 201)
    assert ranked[0].content == f"{5:064x}"
    assert (ranked[0].outside, ranked[0].reasons) == (WHY, ("sharpness 0.02, below 99 % of the baseline",))


def test_images_are_significant_only_where_their_p_can_be_small_enough():
    """One in ten images of a batch is far out: 200 good images show it at 0.05, 20 cannot."""
    for n, expected in ((200, 3), (20, 0)):
        nats = np.concatenate([np.random.default_rng(1).exponential(size=n + 27), [50.0, 51, 52]])
        ranked = culprits.rank([_scored(nats, n)], batch(30), [()] * 30, 0.05)
        assert sum(image.significant for image in ranked) == expected


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.none() | LEVELS, max_size=12))
def test_groups_are_adjusted_as_holm_did(p):
    """The twin walks up the sorted list and never goes down; groups that were not tested stay out."""
    expected: dict[str, float | None] = dict.fromkeys(p)
    left = {name: value for name, value in p.items() if value is not None}
    last = 0.0
    while left:
        name = min(left, key=lambda key: (left[key], key))
        last = max(last, min(1.0, len(left) * left[name]))
        expected[name] = last
        del left[name]
    assert groups.adjusted(p) == pytest.approx(expected)


def test_rows_are_slices_else_groups_else_a_few_folders():
    """One folder is no breakdown, and nobody asked for fifty-one."""
    assert {k: len(v) for k, v in groups.members(batch(10)).items()} == {"day0": 4, "day1": 3, "day2": 3}
    assert set(groups.members(batch(2, group=("a", "b"), slice=("x", "x")))) == {"x"}
    assert set(groups.members(batch(2, group=("a", "b")))) == {"a", "b"}
    assert groups.members(batch(1)) == {}
    many = batch(51, slice=tuple(f"{i}" for i in range(51)))
    assert len(groups.members(many)) == 51


def test_scores_are_shares_on_common_edges_and_alarm_begins_at_alpha():
    """40 bins; the threshold is the baseline's conformal quantile: at most alpha of good images lie above."""
    rng = np.random.default_rng(6)
    (histogram,) = scores.of([_scored(rng.exponential(size=300), 250)], 0.05)
    assert len(histogram.edges) == 41
    assert sum(histogram.batch) == pytest.approx(1) == sum(histogram.baseline)
    assert histogram.edges[0] < histogram.threshold <= histogram.edges[-1]
    assert scores.of([_scored(rng.exponential(size=30), 25)], 0.01)[0].threshold is None
    assert scores.of([_scored(np.ones(30), 25)], 0.05) == ()
    above = 0
    for trial in range(1500):
        draw = np.random.default_rng([3, trial]).exponential(size=101)
        above += draw[100] > conformal.threshold(draw[:100], 0.05)
    assert above <= binomial_bound(1500, 0.05)
