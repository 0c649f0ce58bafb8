"""On good data the gate fires as often as alpha says: fresh F, C and batch in every audit."""

from __future__ import annotations

import numpy as np
import pytest

from tests.calibration import _world as world
from tests.statistical import binomial_bound, kolmogorov_p

AUDITS = {20: 300, 50: 160, 100: 80}
"""Trials by batch size; six families, 599 permutations."""
C = 120


def p_value(seed: tuple[int, ...], m: int, n: int = C, **gate) -> float:
    rng = np.random.default_rng(seed)
    families = world.fit(world.images(rng, 80))
    baseline = world.calibrate(families, world.images(rng, n), seed[-1])
    return world.audit(baseline, world.images(rng, m), **gate).verdict.p_value


@pytest.fixture(scope="module")
def p():
    return {m: np.array([p_value((m, i), m) for i in range(count)]) for m, count in AUDITS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_alarms_stay_within_alpha(p, alpha):
    """99 % binomial bounds: 24 of 300, 15 of 160 and 9 of 80 at alpha 0.05; 8, 5 and 3 at 0.01."""
    for m, found in p.items():
        assert (found <= alpha).sum() <= binomial_bound(len(found), alpha), m
    every = np.concatenate(list(p.values()))
    assert (every <= alpha).sum() <= binomial_bound(len(every), alpha)


@pytest.mark.slow
def test_p_is_uniform(p):
    """540 audits. Kolmogorov at level 0.001 for each size and for all (the seeds are fixed)."""
    for found in (*p.values(), np.concatenate(list(p.values()))):
        assert kolmogorov_p(found, 600) > 0.001


def test_bins_of_a_large_batch():
    """Above 200 images bins are permuted: 40 batches of 260, alarms at alpha 0.05 within the bound, 6."""
    p = np.array([p_value((260, i), 260, 200, permutations=199, alpha=0.05) for i in range(40)])
    assert (p <= 0.05).sum() <= binomial_bound(40, 0.05)
    assert kolmogorov_p(p, 200) > 0.001


def grouped(rng: np.random.Generator, count: int, name: str) -> world.Features:
    """`count` groups of 2 to 14 images that share half of the variance of what drives the views."""
    sizes = rng.integers(2, 15, count)
    names = [f"{name}{g}" for g, size in enumerate(sizes) for _ in range(size)]
    return world.images(rng, len(names), group=names, within=0.5)


def test_unequal_groups_hold_where_single_images_fail():
    """100 audits of 4 groups against 20, within-group correlation 0.5, alpha 0.05: bound 11.

    Permuting images instead of groups fires in more than half of the first 30.
    """
    p, naive = [], []
    for i in range(100):
        rng = np.random.default_rng([31, i])
        families = world.fit(
            grouped(rng, 10, "f"), {"content": "on", "reconstruction": "on", "properties": "on"}
        )
        held_out, batch = grouped(rng, 20, "c"), grouped(rng, 4, "y")
        baseline = world.calibrate(families, held_out, i)
        p.append(world.audit(baseline, batch, permutations=199, alpha=0.05).verdict.p_value)
        if i < 30:
            alone = world.replace(batch, group=None)
            naive.append(
                world.audit(baseline, alone, permutations=199, alpha=0.05, dependence="off").verdict.p_value
            )
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(100, 0.05)
    assert kolmogorov_p(np.array(p), 200) > 0.001
    assert (np.array(naive) <= 0.05).sum() > 15


def tracks(rng: np.random.Generator, sizes: list[int], name: str) -> world.Features:
    """Groups of these sizes, within-group correlation 0.5."""
    names = [f"{name}{g}" for g, size in enumerate(sizes) for _ in range(size)]
    return world.images(rng, len(names), group=names, within=0.5)


@pytest.mark.parametrize("sizes", [(10, 1), (1, 10)])
def test_good_tracks_of_another_length_raise_no_alarm(sizes):
    """40 batches of 20 tracks against 30 good ones, ten frames against one and the reverse, alpha 0.05: bound 6.

    Relabelling whole tracks fires in more than a third of the former: what has 20 images is ranked among what has up to 200.
    """
    p = []
    for i in range(40):
        rng = np.random.default_rng([37, i, *sizes])
        families = world.fit(tracks(rng, [5] * 16, "f"), {"content": "on", "properties": "on"})
        held_out, batch = tracks(rng, [sizes[0]] * 30, "c"), tracks(rng, [sizes[1]] * 20, "y")
        found = world.audit(world.calibrate(families, held_out, i), batch, permutations=199, alpha=0.05)
        assert int(found.relabellings.batch_sizes[0]) == 20
        p.append(found.verdict.p_value)
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(40, 0.05)


def test_strata_hold_where_the_class_mix_differs():
    """80 audits, 85 % cats in batches of 40 and 50 % in C, alpha 0.05: bound 9 within strata.

    The same audits without strata fire in more than half of the first 20.
    """
    p, naive = [], []
    for i in range(80):
        rng = np.random.default_rng([41, i])
        families = world.fit(
            world.images(rng, 80, cats=0.5), {"content": "on", "style": "on", "properties": "on"}
        )
        baseline = world.calibrate(families, world.images(rng, 120, cats=0.5), i)
        batch = world.images(rng, 40, cats=0.85)
        p.append(world.audit(baseline, batch, permutations=199, alpha=0.05).verdict.p_value)
        if i < 20:
            alone = world.replace(batch, stratum=None)
            naive.append(world.audit(baseline, alone, permutations=199, alpha=0.05).verdict.p_value)
    assert (np.array(p) <= 0.05).sum() <= binomial_bound(80, 0.05)
    assert kolmogorov_p(np.array(p), 200) > 0.001
    assert (np.array(naive) <= 0.05).sum() > 10


def coarse(views: dict[str, np.ndarray]) -> None:
    """Properties of two or three values, one nearly always missing, one constant, one rarely there."""
    x = views["properties"]
    x[:, :9] = np.sign(np.round(x[:, :9] / 1.5))
    x[:, 10] = 1.0
    x[np.arange(len(x)) % 10 < 9, 11] = np.nan
    x[:, 12] = np.where(x[:, 12] > 2.5, 1.0, 0.0)
    x[np.abs(x[:, 13]) > 0.7, 13] = np.nan


def test_ties_and_missing_values():
    """250 audits of batches of 20, only properties and file facts, alpha 0.05: bound 21.

    Never above alpha at any level, also where p cannot be uniform.
    """
    p = []
    for i in range(250):
        rng = np.random.default_rng([51, i])
        families = world.fit(world.images(rng, 60, change=coarse), {"properties": "on", "file": "on"})
        baseline = world.calibrate(families, world.images(rng, 80, change=coarse), i)
        batch = world.images(rng, 20, change=coarse)
        p.append(world.audit(baseline, batch, permutations=199, alpha=0.05).verdict.p_value)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (np.array(p) <= level).sum() <= binomial_bound(250, level), level
