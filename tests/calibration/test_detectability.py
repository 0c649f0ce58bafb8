"""From measured p-values to "such a batch would have shown": between sizes, never beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.calibration import detectability
from driftcli.calibration.detectability import detectable, measure, power_at
from driftcli.calibration.paired import Change, Simulated
from driftcli.config.settings import Settings
from driftcli.core.features import Features
from tests.calibration import _world as world

KNOWN = [
    {"corruption": "gaussian_blur", "severity": 1, "share": 1.0},
    {"corruption": "gaussian_blur", "severity": 2, "share": 1.0},
    {"corruption": "jpeg", "severity": 1, "share": 1.0},
    {"corruption": "foreign", "severity": 0.0, "share": 0.05},
    {"corruption": "foreign", "severity": 0.0, "share": 0.3},
]


def state(**rates: list[float]) -> dict[str, np.ndarray]:
    """`power_m` whose rows have these shares of p <= 0.01, in 20 trials."""
    return {
        name: np.array([[0.001] * round(20 * rate) + [0.5] * (20 - round(20 * rate)) for rate in rows])
        for name, rows in rates.items()
    }


def test_between_sizes_along_log_m():
    measured = state(power_10=[0.2] * 5, power_100=[0.8] * 5)
    assert power_at(measured, 0, 10, 0.01) == pytest.approx(0.2)
    assert power_at(measured, 0, 100, 0.01) == pytest.approx(0.8)
    between = power_at(measured, 0, 32, 0.01)
    assert between == pytest.approx(0.2 + 0.6 * np.log10(3.2))


def test_never_beyond_the_sizes_measured():
    """Smaller: not known. Larger: as at the largest, which a larger batch would not fall below."""
    measured = state(power_10=[0.2] * 5, power_50=[0.8] * 5)
    assert power_at(measured, 0, 9, 0.01) is None
    assert power_at(measured, 0, 5000, 0.01) == pytest.approx(0.8)
    assert power_at({}, 0, 50, 0.01) is None


def test_power_does_not_fall_with_the_batch():
    """A dip of chance between sizes is levelled."""
    measured = state(power_10=[0.5] * 5, power_20=[0.4] * 5, power_50=[0.9] * 5)
    rates = [power_at(measured, 0, m, 0.01) for m in range(10, 60)]
    assert rates == sorted(rates)


def test_alpha_is_the_checks():
    measured = {"power_10": np.full((5, 20), 0.03)}
    assert power_at(measured, 0, 10, 0.05) == 1.0
    assert power_at(measured, 0, 10, 0.01) == 0.0


def test_the_mildest_severity_and_what_is_missed():
    """Severity 1 is found in 70 %, 2 in 90 %; JPEG never; foreign images from 30 % on."""
    measured = state(power_50=[0.7, 0.9, 0.1, 0.0, 1.0])
    found, missed = detectable(measured, KNOWN, 0.01, 50)
    assert [(entry.corruption, entry.severity, entry.share) for entry in found] == [
        ("gaussian_blur", 2, 1.0),
        ("foreign", None, 0.3),
    ]
    assert found[0].shift == 1.0
    assert found[0].unit == "px at short side 224 (standard deviation)"
    assert found[0].short_unit == "px"
    assert found[0].power == 0.9
    assert missed == {"jpeg": "up to severity 1"}


def test_a_foreign_share_that_is_not_found_is_told_with_its_limit():
    found, missed = detectable(state(power_50=[1, 1, 1, 0, 0.5]), KNOWN, 0.01, 50)
    assert "foreign" not in {entry.corruption for entry in found}
    assert missed == {"foreign": "up to 30%"}


def test_below_the_smallest_size_nothing_is_said():
    assert detectable(state(power_50=[1.0] * 5), KNOWN, 0.01, 20) == ((), {})


# ---------------------------------------------------------------- measure


@pytest.fixture(scope="module")
def measured():
    """A drawn world in which brightness moves by 0.2, 1 and 3 of its units, and strangers by 6."""
    rng = np.random.default_rng(9)
    families = world.fit(world.images(rng, 80), {"properties": "on"})
    held_out = world.images(rng, 120)
    clean = world.images(rng, 12)
    changed = {}
    for severity, amount in enumerate((0.2, 1.0, 3.0), 1):
        views = {name: x.copy() for name, x in clean.views.items()}
        views["properties"][:, 0] += amount
        changed[Change("darken", severity)] = views
    strangers = world.images(rng, 8)
    strangers.views["properties"][:, :2] += 6
    study = detectability.Study("full", Simulated(clean, changed), strangers)
    return measure(families, held_out, study, 0, detectability.Progress()), study


def test_rates_rise_with_severity_share_and_size(measured):
    """100 trials a cell: a difference against the order of at most 10 of them is chance."""
    found, study = measured
    assert sorted(found) == ["power_10", "power_20", "power_50"]
    rows = detectability.rows(study)
    assert [row["share"] for row in rows[3:]] == list(detectability.FOREIGN)
    power = np.array([(found[f"power_{m}"] <= 0.05).mean(axis=1) for m in (10, 20, 50)])
    assert power.shape == (3, len(rows))
    assert (np.diff(power, axis=0) >= -0.101).all()
    assert (np.diff(power[:, :3], axis=1) >= -0.101).all()
    assert (np.diff(power[:, 3:], axis=1) >= -0.101).all()
    assert power[0, 0] < 0.4
    assert power[2, 2] == 1.0
    assert power[2, -1] == 1.0


def test_what_nothing_escaped_is_not_tried_again(measured):
    """Rows behind a sure one hold the smallest p throughout."""
    found, _ = measured
    for m in (10, 20):
        sure = (found[f"power_{m}"] <= detectability.SURE).all(axis=1)
        larger = (found[f"power_{50 if m == 20 else 20}"] <= detectability.SURE).all(axis=1)
        assert (larger | ~sure).all()


def test_no_batch_holds_an_image_that_it_is_compared_with():
    """The two sides are halves of C."""
    views = {"v": np.arange(41, dtype=np.float32)[:, None]}
    kept, fresh = detectability._halves(views, np.random.default_rng(0))
    assert len(kept["v"]) == len(fresh["v"]) == 20
    assert not set(kept["v"][:, 0]) & set(fresh["v"][:, 0])


def test_few_images_are_not_studied():
    """C of 19: no batch of 10 has a half to be compared with."""
    empty = np.zeros(19, np.uint64)
    features = Features(("x",) * 19, np.zeros(19, "S64"), empty, empty, {})
    settings = Settings()
    assert detectability.study(None, ["x"], features, settings) is None  # type: ignore[arg-type]
