"""The gate on halves of C: what is computed once for all batches is what a check would compute for each."""

from __future__ import annotations

import os

import numpy as np
import pytest

from driftcli.calibration import detectability, false_alarms
from driftcli.calibration.paired import Change, Simulated
from driftcli.core import threads
from driftcli.reference import figures
from driftcli.stats import minp
from driftcli.stats.relabelling import draw
from tests.calibration import _world as world

FAMILIES = {"content": "on", "reconstruction": "on", "properties": "on"}
SEED = 3


@pytest.fixture(scope="module")
def good():
    rng = np.random.default_rng(21)
    return world.fit(world.images(rng, 80), FAMILIES), world.images(rng, 100)


def slowly(families, views, m, half):
    """`measure` for one size with every batch tested as `check` tests it."""
    n, rng = len(next(iter(views.values()))), np.random.default_rng([SEED, m])
    found, peaks, heights = [], [], []
    shown = next(f for f in families if f.yardstick)
    spread = false_alarms._spread(views[shown.view])
    for _ in range(false_alarms.SPLITS):
        order = rng.permutation(n)
        kept, fresh = order[:half], order[half : 2 * half]
        for b in range(min(false_alarms.BATCHES, half // m)):
            batch = fresh[b * m : (b + 1) * m]
            drawn = draw(half, m, false_alarms.PERMUTATIONS, rng)
            tables = {}
            for f in families:
                x, y = views[f.view][kept], views[f.view][batch]
                state = {**f.state, **f.detector.calibrate(f.state, x)}
                tables[f.name] = f.detector.values(state, np.concatenate([x, y]), drawn, f.columns)
            found.append(minp.joint_p([f.evidence(tables[f.name]) for f in families]))
            x, y, table = views[shown.view][kept], views[shown.view][batch], tables[shown.name]
            peaks.append(minp.standardise(table)[1:].max(axis=1))
            names = shown.detector.names(shown.state, np.concatenate([x, y]), shown.columns)
            null = table[1:, names.index("brightness")]
            shifts = figures.SHIFTS * spread[0]
            moved = shown.detector.if_shifted(shown.state, x, y, 0, shifts)
            heights.append((moved - null.mean()) / null.std())
    return np.array(found), np.sort(np.concatenate(peaks)), np.quantile(heights, 0.2, axis=0)


@pytest.mark.parametrize("most", [1_500, 30])
def test_the_slow_way_gives_the_same(good, monkeypatch, most):
    """Bit for bit the p and the peaks; with a C that is used whole, and with one of which each split takes some."""
    families, held_out = good
    monkeypatch.setattr(false_alarms, "HALF", most)
    monkeypatch.setattr(false_alarms, "SPLITS", 3)
    found = false_alarms.measure(families, held_out.views, SEED)
    for m in (10, 20):
        p, peaks, reach = slowly(families, held_out.views, m, min(50, most))
        assert np.array_equal(found[f"p_{m}"].ravel(), p)
        assert np.array_equal(found[f"peak_{m}"], peaks[-4000:])
        assert found[f"count_{m}"] == len(peaks)
        assert np.allclose(found[f"reach_{m}"][0], reach, rtol=1e-9, atol=0)


def test_threads_change_no_bit(good, monkeypatch):
    """One, two and five splits at a time; so do what the gate can see and its benches."""
    families, held_out = good[0], good[1].first(45)
    rng = np.random.default_rng(8)
    clean = world.images(rng, 12)
    changed = {v: x + np.float32(0.5) for v, x in clean.views.items()}
    study = detectability.Study(
        "small", Simulated(clean, {Change("darken", 1): changed}), world.images(rng, 8)
    )
    monkeypatch.setattr(false_alarms, "SPLITS", 3)
    runs = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(threads, "cores", lambda cores=cores: cores)
        alarms = false_alarms.measure(families, held_out.views, SEED)
        seen = detectability.measure(families, held_out, study, SEED, detectability.Progress())
        runs.append({**alarms, **seen})
    for run in runs[1:]:
        assert run.keys() == runs[0].keys()
        assert all(np.array_equal(run[name], runs[0][name], equal_nan=True) for name in run)


def test_side_by_side_keeps_the_order_and_tells_what_went_wrong():
    assert list(threads.side_by_side(lambda x: x * x, range(20))) == [x * x for x in range(20)]
    with pytest.raises(ZeroDivisionError):
        list(threads.side_by_side(lambda x: 1 // x, [1, 0, 1]))


def test_cores_are_those_that_this_process_may_use():
    assert 1 <= threads.cores() <= (os.cpu_count() or 1)
