"""What every registered detector promises, found by the registry."""

import numpy as np
import pytest

from driftcli.core import registry
from driftcli.core.evidence import Evidence, Join
from driftcli.core.features import Column
from driftcli.core.schema import check
from driftcli.detectors.base import Detector
from driftcli.stats import relabelling
from driftcli.stats.minp import joint_p
from driftcli.stats.relabelling import draw

COLUMNS = tuple(Column(f"c{i}") for i in range(5))
SECTIONS = ("What it sees:", "What it misses:", "Statistic:", "Cost:", "Reference:")


def sample(seed, n, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(n, 5)) + shift).astype("f")


@pytest.fixture(params=registry.kinds("detectors"))
def detector(request) -> Detector:
    return registry.load("detectors", request.param)()


def judged(detector, values):
    """What a family of this detector says."""
    return [Evidence("family", values, (), Join(detector.joined(values.shape[1])))]


def calibrated(detector, c):
    state = detector.fit(sample(0, 120), COLUMNS, 0)
    return {**state, **detector.calibrate(state, c)}


def test_its_documentation_has_every_section(detector):
    missing = [s for s in SECTIONS if s not in (type(detector).__doc__ or "")]
    assert not missing


def test_all_that_it_learns_is_declared(detector):
    """What it does not declare is not handed on when an artifact is read."""
    c = sample(1, 90)
    fitted = detector.fit(sample(0, 120), COLUMNS, 0)
    more = detector.calibrate(fitted, c)
    sizes = {"columns": 5, "held out": 90}
    assert set(check(fitted, detector.arrays(), sizes)) == set(fitted)
    assert set(check(more, detector.calibrated(), sizes)) == set(more)


def test_state_survives_disk(detector, tmp_path):
    c, y = sample(1, 90), sample(2, 20)
    state = calibrated(detector, c)
    np.savez(tmp_path / "state.npz", **state)
    with np.load(tmp_path / "state.npz", allow_pickle=False) as kept:
        again = dict(kept)
    drawn = draw(90, 20, 19, np.random.default_rng(0))
    pooled = np.concatenate([c, y])
    assert np.array_equal(
        detector.values(state, pooled, drawn, COLUMNS), detector.values(again, pooled, drawn, COLUMNS)
    )


def test_scoring_twice_agrees_and_mutates_nothing(detector):
    c, y = sample(1, 90), sample(2, 20)
    state = calibrated(detector, c)
    before = {k: np.array(v) for k, v in state.items()}
    drawn = draw(90, 20, 19, np.random.default_rng(0))
    (values, statistics), again = (detector.test(state, c, y, drawn, COLUMNS) for _ in range(2))
    assert np.array_equal(values, again[0])
    assert statistics == again[1]
    assert all(np.array_equal(before[k], state[k]) for k in before)


def test_values_and_description_name_the_same_statistics(detector):
    c, y = sample(1, 90), sample(2, 20)
    values, statistics = detector.test(
        calibrated(detector, c), c, y, draw(90, 20, 9, np.random.default_rng(0)), COLUMNS
    )
    assert values.shape == (10, len(statistics))
    counts = detector.joined(len(statistics))
    assert len(counts) in {0, len(statistics)}, "all count or the largest speaks"
    assert all(count > 0 for count in counts)
    assert len({s.name for s in statistics}) == len(statistics)
    for s in statistics:
        assert s.effect is None or 0 <= s.effect <= 1
        assert s.effect_lower is None or 0 <= s.effect_lower <= s.effect + 1e-12


@pytest.mark.parametrize("m", [20, 260])
def test_drift_is_found_and_p_lies_in_range(detector, m):
    c, y = sample(1, 300), sample(2, m, shift=1.5)
    values = detector.values(
        calibrated(detector, c), np.concatenate([c, y]), draw(300, m, 199, np.random.default_rng(0)), COLUMNS
    )
    assert joint_p(judged(detector, values)) == pytest.approx(1 / 200)


def test_identical_images_on_both_sides_are_no_drift(detector):
    c = np.repeat(sample(1, 1), 60, axis=0)
    values = detector.values(
        calibrated(detector, c),
        np.repeat(c[:1], 80, axis=0),
        draw(60, 20, 99, np.random.default_rng(0)),
        COLUMNS,
    )
    assert joint_p(judged(detector, values)) == 1.0


def test_the_order_of_images_within_a_side_does_not_matter(detector):
    c, y = sample(1, 90), sample(2, 20)
    state = detector.fit(sample(0, 120), COLUMNS, 0)
    drawn = draw(90, 20, 5, np.random.default_rng(0))
    one = detector.values(state, np.concatenate([c, y]), drawn, COLUMNS)[0]
    two = detector.values(state, np.concatenate([c[::-1], y[::-1]]), drawn, COLUMNS)[0]
    assert one == pytest.approx(two, abs=1e-6)


def test_scores_cover_both_sides_and_rank_a_strange_image_first(detector):
    c, y = sample(1, 90), sample(2, 20)
    y[4] += 12
    own, theirs = detector.scores(calibrated(detector, c), c, y, COLUMNS)
    assert own.shape == (90,)
    assert theirs.shape == (20,)
    assert int(np.argmax(theirs)) == 4


def test_power_grows_with_the_shift(detector):
    c = sample(1, 200)
    state = calibrated(detector, c)
    rates = []
    for shift in (0.0, 0.35, 0.8):
        p = []
        for trial in range(40):
            y = sample(100 + trial, 20, shift)
            drawn = draw(200, 20, 99, np.random.default_rng(trial))
            values = detector.values(state, np.concatenate([c, y]), drawn, COLUMNS)
            p.append(joint_p(judged(detector, values)))
        rates.append(np.mean(np.array(p) <= 0.05))
    assert rates[0] <= 6 / 40  # 99 % binomial bound at 5 %
    assert rates[0] < rates[1] < rates[2] or rates[1] == rates[2] == 1
    assert rates[2] > 0.9


def test_a_rows_statistics_know_no_other_row(detector, monkeypatch):
    """So that many rows can be worked through in parts: their values are those of all at once."""
    c, y = sample(1, 90), sample(2, 20, 0.3)
    drawn, state = draw(90, 20, 99, np.random.default_rng(0)), calibrated(detector, c)
    whole = detector.test(state, c, y, drawn, COLUMNS)[0]
    monkeypatch.setattr(relabelling, "AT_ONCE", (40, 30))
    assert [part.rows for part in drawn.parts()] == [25] * 4
    np.testing.assert_allclose(detector.test(state, c, y, drawn, COLUMNS)[0], whole, rtol=1e-6, atol=1e-9)
