"""The gate sees more with more images and worse drift, and what the report calls detectable it detects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.calibration import false_alarms
from tests.calibration import _world as world
from tests.statistical import binomial_bound

BRIGHTNESS = 0
PROPERTIES = {"properties": "on"}


def alarms(seed: int, m: int, shift: world.Shift, trials: int) -> int:
    rng = np.random.default_rng([71, seed])
    found = 0
    for trial in range(trials):
        if trial % 10 == 0:
            families = world.fit(world.images(rng, 80), PROPERTIES)
            baseline = world.calibrate(families, world.images(rng, 150), trial)
        batch = world.images(rng, m, change=shift)
        found += world.audit(baseline, batch, permutations=199, alpha=0.05).verdict.p_value <= 0.05
    return found


def test_power_grows_with_images_and_severity():
    """40 audits a cell, alpha 0.05; sd of brightness about 1.15."""
    power = np.array(
        [[alarms(0, m, world.Shift(BRIGHTNESS, s), 40) for s in (0.3, 0.7, 1.4)] for m in (10, 25, 60)]
    )
    assert (np.diff(power, axis=0) >= -3).all()
    assert (np.diff(power, axis=1) >= -3).all()
    assert power[0, 0] < 16
    assert power[2, 2] == 40
    assert alarms(1, 60, world.Shift(BRIGHTNESS, 1.4, share=0.3), 40) < power[2, 2]


def test_a_heavier_family_leaves_properties_a_smaller_share_of_alpha(monkeypatch):
    """And so only larger shifts of them are promised to be seen."""
    monkeypatch.setattr(false_alarms, "SIZES", (20,))
    rng = np.random.default_rng(83)
    families = world.fit(world.images(rng, 80), {"content": "on", "properties": "on"})
    baseline = world.calibrate(families, world.images(rng, 150), 0, measure=True)
    assert [family.weight for family in families] == [2.0, 1.0]
    shifts = []
    for weight in (1.0, 2.0, 10.0):
        weighed = tuple(replace(f, weight=weight) if f.name == "content" else f for f in families)
        found = false_alarms.detectable_in(replace(baseline, families=weighed), 0.05, 20)
        shifts.append(np.mean([change.shift_sd for change in found if change.statistic == "brightness"]))
    assert shifts[0] < shifts[1] < shifts[2]


ARTIFACTS, BATCHES = 12, 5
ALIKE = 0.12
"""Correlation of trials with one artifact and property, whose shift is an estimate: from 576 trials of other seeds."""
STEPS = {"highlights", "entropy"}
"""Clipped or rounded in this world: of few values, so that power leaps with the shift and is seldom near 0.8."""


@pytest.mark.slow
@pytest.mark.parametrize("m", [20, 34])
def test_detectable_shifts_are_detected_with_power_0_8(m, monkeypatch):
    """The real gate on shifted batches: 12 artifacts x 3 properties x 5 batches = 180 trials, worth 122 independent ones.

    Of 122 trials of power 0.8 between 86 and 108 succeed with 99 %; the rate must lie between those of these. 34 lies
    between the measured sizes.
    """
    monkeypatch.setattr(false_alarms, "SIZES", (20, 50))
    hits, trials = 0, 0
    for artifact in range(ARTIFACTS):
        rng = np.random.default_rng([82, m, artifact])
        families = world.fit(
            world.images(rng, 80), {"content": "on", "reconstruction": "on", "properties": "on"}
        )
        baseline = world.calibrate(families, world.images(rng, 150), artifact, measure=True)
        columns = baseline.families[-1].columns
        detectable = false_alarms.detectable_in(baseline, 0.05, m)
        names = [column.name for column in columns]
        smooth = [change for change in detectable if change.statistic not in STEPS]
        assert len(smooth) >= 5
        for reported in (smooth[0], smooth[len(smooth) // 2], smooth[-1]):
            shift = world.Shift(names.index(reported.statistic), reported.shift)
            for _ in range(BATCHES):
                batch = world.images(rng, m, change=shift)
                hits += world.audit(baseline, batch, permutations=199, alpha=0.05).verdict.p_value <= 0.05
                trials += 1
    worth = round(trials / (1 + (BATCHES - 1) * ALIKE))
    low, high = worth - binomial_bound(worth, 0.2, 0.995), binomial_bound(worth, 0.8, 0.995)
    assert trials == 180
    assert (worth, low, high) == (122, 86, 108)
    assert low / worth <= hits / trials <= high / worth
