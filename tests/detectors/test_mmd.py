"""MMD against the textbook formula on every route: blocks, one matrix, bins, groups."""

import numpy as np
import pytest

from driftcli.detectors import mmd as room
from driftcli.detectors.mmd import Mmd
from driftcli.stats.relabelling import Blocks, draw


def textbook(x, labels_of_images, used, sigma):
    """Unbiased MMD^2 from the full kernel matrix."""
    distance = ((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=2)
    kernel = np.exp(-distance / (2 * sigma**2))
    np.fill_diagonal(kernel, 0)
    j, i = labels_of_images & used, ~labels_of_images & used
    m, n = j.sum(), i.sum()
    inside = kernel[np.ix_(j, j)].sum() / (m * (m - 1)) + kernel[np.ix_(i, i)].sum() / (n * (n - 1))
    return inside - 2 * kernel[np.ix_(i, j)].mean()


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    return (
        rng.normal(size=(80, 6)).astype("f"),
        rng.normal(size=(150, 6)).astype("f"),
        rng.normal(0.2, 1, (330, 6)).astype("f"),
    )


def compare(detector, state, c, y, drawn):
    values = detector.values(state, np.concatenate([c, y]), drawn, ())
    x = ((np.concatenate([c, y]) - state["shift"]) / state["scale"]).astype(np.float64)
    for b in (0, 1, drawn.rows - 1):
        chosen, used = np.isin(drawn.unit_of, drawn.labels[b]), drawn.unit_of >= 0
        for k, sigma in enumerate(state["sigma"]):
            assert values[b, k] == pytest.approx(textbook(x, chosen, used, sigma), abs=3e-7)


@pytest.mark.parametrize("m", [7, 40])
@pytest.mark.parametrize("matrix", [True, False])
def test_images_by_either_route(sets, m, matrix, monkeypatch):
    f, c, y = sets
    detector = Mmd()
    state = detector.fit(f, (), 0)
    monkeypatch.setattr(room, "_matrix_pays", lambda _: matrix)
    compare(
        detector,
        {**state, **detector.calibrate(state, c)},
        c,
        y[:m],
        draw(150, m, 30, np.random.default_rng(1)),
    )


def test_bins_and_unequal_groups(sets):
    f, c, y = sets
    detector = Mmd(scale="blocks", blocks=(2, 4))
    state = detector.fit(f, (), 0)
    compare(detector, state, c, y, draw(150, 330, 30, np.random.default_rng(1)))
    names = [f"c{i % 11}" if i % 3 else f"d{i % 4}" for i in range(150)] + [f"y{i % 5}" for i in range(40)]
    compare(detector, state, c, y[:40], draw(150, 40, 30, np.random.default_rng(1), Blocks(groups=names)))


def test_observed_value_and_description_agree(sets):
    f, c, y = sets
    detector = Mmd()
    state = detector.fit(f, (), 0)
    drawn = draw(150, 60, 10, np.random.default_rng(1))
    values, statistics = detector.test(state, c, y[:60], drawn, ())
    for k, statistic in enumerate(statistics[: len(detector.bandwidths)]):
        assert statistic.effect == pytest.approx(np.sqrt(max(values[0, k], 0) / 2), abs=1e-4)
        assert 0 <= statistic.effect_lower <= statistic.effect


def test_the_lower_bound_of_the_effect_stays_below_the_truth():
    """A mixture with share s of far-away images has total variation s: the bound may pass it in 5 % + margin."""
    rng = np.random.default_rng(5)
    detector = Mmd()
    f = rng.normal(size=(200, 4)).astype("f")
    state = detector.fit(f, (), 0)
    above = 0
    for _ in range(200):
        c = rng.normal(size=(300, 4)).astype("f")
        y = rng.normal(size=(40, 4)).astype("f")
        y[rng.random(40) < 0.3] += 30
        above += max(s.effect_lower or 0.0 for s in detector.describe(state, c, y, ())) > 0.3
    assert above <= 19  # binomial 99 % bound for 200 trials at 5 %


def test_scores_put_the_far_image_first(sets):
    f, c, y = sets
    detector = Mmd()
    state = detector.fit(f, (), 0)
    batch = y[:20].copy()
    batch[7] += 9
    own, theirs = detector.scores(state, c, batch, ())
    assert int(np.argmax(theirs)) == 7
    assert theirs[7] > np.quantile(own, 0.99)


def test_constant_features_are_no_drift():
    flat = np.ones((50, 3), "f")
    detector = Mmd(scale="blocks", blocks=(3,))
    state = detector.fit(flat, (), 0)
    values = detector.values(state, np.ones((60, 3), "f"), draw(50, 10, 20, np.random.default_rng(0)), ())
    assert np.abs(values).max() < 1e-9


def test_a_group_of_one_image_has_no_pairs_but_a_statistic():
    """Otherwise one relabelling without pairs would silence the whole family."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(64, 3)).astype("f")
    x[60:] += 3
    groups = [f"g{i // 3}" if i < 45 else f"single{i}" for i in range(60)] + ["batch"] * 4
    detector = Mmd()
    drawn = draw(60, 4, 99, rng, Blocks(groups=groups))
    assert drawn.batch_sizes.min() == 1
    values = detector.values(detector.fit(x[:60], (), 0), x, drawn, ())
    assert np.isfinite(values).all()
    assert (values[0] >= values).all()


@pytest.mark.parametrize("m", [7, 40, 330])
def test_mean_shifts_are_hotelling_with_a_ridge(sets, m):
    """Means of both sides, F's covariance plus a ridge, inverted: the textbook quadratic form."""
    f, c, y = sets
    detector = Mmd(ridges=(1.0, 0.05))
    state = detector.fit(f, (), 0)
    drawn = draw(150, m, 30, np.random.default_rng(1))
    pooled = np.concatenate([c, y[:m]]).astype(np.float64)
    values = detector.values(state, pooled.astype("f"), drawn, ())[:, len(detector.bandwidths) :]
    covariance = np.cov(f.T.astype(np.float64))
    for b in (0, 1, drawn.rows - 1):
        chosen, used = np.isin(drawn.unit_of, drawn.labels[b]), drawn.unit_of >= 0
        delta = pooled[chosen & used].mean(axis=0) - pooled[~chosen & used].mean(axis=0)
        for k, ridge in enumerate(detector.ridges):
            full = covariance + ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
            assert values[b, k] == pytest.approx(delta @ np.linalg.inv(full) @ delta, rel=1e-3)


def test_a_small_ridge_sees_what_varies_little():
    """A shift of a tenth along an axis of spread 0.05, beside one of spread 1."""
    rng = np.random.default_rng(0)
    spread = np.array([1.0] * 5 + [0.05])
    f, c, y = (rng.normal(size=(n, 6)) * spread for n in (500, 300, 30))
    y[:, 5] += 0.1
    f, c, y = (x.astype("f") for x in (f, c, y))
    detector = Mmd(ridges=(10.0, 0.001))
    values = detector.values(
        detector.fit(f, (), 0), np.concatenate([c, y]), draw(300, 30, 199, np.random.default_rng(2)), ()
    )
    p = (values >= values[0]).mean(axis=0)[-2:]
    assert p[0] > 0.05
    assert p[1] <= 0.01


def test_wide_features_keep_the_axes_that_vary_most(monkeypatch):
    from driftcli.detectors import _whitened

    monkeypatch.setattr(_whitened, "MOST", 3)
    state = _whitened.learn((np.random.default_rng(0).normal(size=(40, 8)) * np.arange(1, 9)).astype("f"))
    assert state["axes"].shape == (8, 3)
    assert state["variance"][0] > state["variance"][2] > 10


def test_artifacts_from_before_the_mean_shifts_work_as_they_did(sets):
    """Their states hold no axes: kernels only, names and values alike."""
    f, c, y = sets
    detector = Mmd()
    state = {k: v for k, v in detector.fit(f, (), 0).items() if not k.startswith("white_")}
    drawn = draw(150, 40, 30, np.random.default_rng(1))
    values, statistics = detector.test(state, c, y[:40], drawn, ())
    assert [s.name for s in statistics] == ["mmd_4", "mmd_2", "mmd_1", "mmd_0.5"]
    assert values.shape[1] == 4
