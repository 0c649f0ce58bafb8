"""Scalar statistics against slow twins, with every kind of column and missing values."""

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.stats.minp import joint_p
from driftcli.stats.relabelling import draw
from tests.statistical import plain

COLUMNS = (Column("level"), Column("hue", "circular"), Column("format", "category"), Column("flat"))


def sample(seed, n):
    rng = np.random.default_rng(seed)
    x = np.stack([rng.normal(size=n), rng.random(n), rng.integers(0, 3, n), np.ones(n)], axis=1)
    x[rng.random(n) < 0.15, 0] = np.nan
    return x.astype("f")


def shares(x, edges):
    return np.array([(x <= e).mean() for e in edges])


def twin(state, pooled, chosen):
    """Every statistic by its definition: Anderson-Darling on F's grid, missing share, Kuiper, total variation."""
    y, x = pooled[chosen], pooled[~chosen]
    found = []
    fill = np.float32(state["median"][0])
    edges = np.unique(state["edges"][0]).astype("f")
    filled = np.where(np.isnan(pooled[:, 0]), fill, pooled[:, 0])
    p = shares(filled, edges)
    keep = (p > 0) & (p < 1)
    d = shares(filled[chosen], edges[keep]) - shares(filled[~chosen], edges[keep])
    found.append(np.sqrt((d**2 / (p[keep] * (1 - p[keep]))).mean()))
    found.append(abs(np.isnan(y[:, 0]).mean() - np.isnan(x[:, 0]).mean()))
    d = shares(y[:, 1], np.unique(state["edges"][1]).astype("f")) - shares(
        x[:, 1], np.unique(state["edges"][1]).astype("f")
    )
    found.append(max(d.max(), 0) + max(-d.min(), 0))
    found.append(sum(abs((y[:, 2] == v).mean() - (x[:, 2] == v).mean()) for v in range(3)) / 2)
    return found


@pytest.mark.parametrize(("n", "m"), [(90, 25), (300, 260)])
def test_univariate_equals_its_twin(n, m):
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    pooled = np.concatenate([sample(1, n), sample(2, m)])
    drawn = draw(n, m, 20, np.random.default_rng(0))
    values = detector.values(state, pooled, drawn, COLUMNS)
    names = [s.name for s in detector.describe(state, pooled[:n], pooled[n:], COLUMNS)]
    assert names == ["level", "level.missing", "hue", "format"]
    if drawn.kind == "images":
        for b in (0, 5, 20):
            expected = twin(state, pooled, np.isin(drawn.unit_of, drawn.labels[b]))
            assert values[b] == pytest.approx(expected, abs=1e-6)
    else:
        assert values.shape == (21, 4)


def test_effects_lie_between_nothing_and_the_truth():
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    c, y = sample(1, 400), sample(2, 200)
    y[:100, 0] = 50.0  # half of the batch is foreign: total variation about a half
    level = detector.describe(state, c, y, COLUMNS)[0]
    assert 0.35 < level.effect < 0.65
    assert 0.1 < level.effect_lower < 0.5
    assert level.display_effect.kind == "sd_shift"
    assert level.display_effect.value > 5


def test_who_is_called_batch_does_not_decide_which_statistics_there_are():
    """A level that only the batch has is a level of the pooled images in every relabelling."""
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    c, y = sample(1, 100), sample(2, 30)
    y[:, 2] = 7
    values = detector.values(
        state, np.concatenate([c, y]), draw(100, 30, 200, np.random.default_rng(0)), COLUMNS
    )
    assert values[0, 3] == pytest.approx(1.0)
    assert (values[1:, 3] < 1).all()


def test_missing_on_one_side_only_is_found():
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    c, y = sample(1, 200), sample(2, 40)
    y[:, 0] = np.nan
    values = detector.values(
        state, np.concatenate([c, y]), draw(200, 40, 199, np.random.default_rng(0)), COLUMNS
    )
    assert joint_p(plain(values)) == 1 / 200


def test_if_shifted_equals_shifting_by_hand():
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    c, y = sample(1, 150), np.nan_to_num(sample(2, 30), nan=0.5)
    fast = detector.if_shifted(state, c, y, 0, np.array([0.0, 0.7]))
    for shift, value in zip((0.0, 0.7), fast, strict=True):
        moved = y.copy()
        moved[:, 0] += shift
        drawn = draw(150, 30, 1, np.random.default_rng(0))
        slow = detector.values(state, np.concatenate([c, moved]), drawn, COLUMNS)[0, 0]
        assert value == pytest.approx(slow, rel=0.02)


@pytest.mark.parametrize("shift", [-1.5, 1.5])
def test_reconstruction_is_two_sided(shift):
    """Errors that fall (blurred, black images) alarm as errors that rise do."""
    rng = np.random.default_rng(0)
    columns = (Column("loss"), Column("log_mse"))
    f, c, y = (rng.normal(size=(n, 2)).astype("f") for n in (200, 200, 20))
    detector = Reconstruction()
    state = detector.fit(f, columns, 0)
    values = detector.values(
        state, np.concatenate([c, y + np.float32(shift)]), draw(200, 20, 499, rng), columns
    )
    assert joint_p(plain(values)) <= 0.01
    assert values.shape[1] == len(detector.describe(state, c, y, columns)) == 4


def test_values_are_the_same_whatever_the_order_of_the_images():
    detector = Univariate()
    state = detector.fit(sample(0, 200), COLUMNS, 0)
    c, y = sample(1, 90), sample(2, 25)
    drawn = draw(90, 25, 5, np.random.default_rng(0))
    one = detector.values(state, np.concatenate([c, y]), drawn, COLUMNS)[0]
    two = detector.values(state, np.concatenate([c[::-1], y[::-1]]), drawn, COLUMNS)[0]
    assert one.tolist() == two.tolist()
