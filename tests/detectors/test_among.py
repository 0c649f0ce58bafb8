"""Images that are tested again and again: whatever was computed once says what the detector says when it is asked anew."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.features import Column
from driftcli.detectors import _counts, _pairs
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.outliers import Outliers
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.stats.relabelling import Blocks, draw

N, KEPT = 150, 70
LINEAR = tuple(Column(f"c{i}") for i in range(4))
MIXED = (Column("light"), Column("hue", "circular"), Column("rare"), Column("flat"), Column("ties"))
CATEGORY = (*MIXED[:2], Column("format", "category"))


def mixed(seed: int, n: int) -> np.ndarray:
    """A number, an angle, a number that is often missing, a constant, one of five values."""
    rng = np.random.default_rng(seed)
    x = np.stack(
        [rng.normal(size=n), rng.random(n), rng.normal(size=n), np.full(n, 3.0), rng.integers(5, size=n)],
        axis=1,
    )
    x[rng.random(n) < 0.2, 2] = np.nan
    return x.astype("f")


def normal(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 4)).astype("f")


def with_levels(seed: int, n: int) -> np.ndarray:
    return np.concatenate([mixed(seed, n)[:, :2], mixed(seed, n)[:, 4:]], axis=1)


CASES = {
    "kernels": (Mmd(), (), normal, _pairs.Pairs),
    "bandwidths that do not halve": (Mmd(bandwidths=(3.0, 1.0, 0.5)), (), normal, _pairs.Pairs),
    "kernels of blocks": (Mmd.suited((1, 3)), (), normal, _pairs.Pairs),
    "scalars": (Univariate(), MIXED, mixed, _counts.Counted),
    "categories": (Univariate(), CATEGORY, with_levels, None),
    "errors": (Reconstruction(), LINEAR, normal, _counts.WithMeans),
    "tails": (Outliers(), LINEAR, normal, None),
}


@pytest.fixture(params=CASES, scope="module")
def case(request):
    """(detector, state fitted on others, images, columns, what stands for them)."""
    detector, columns, images, kind = CASES[request.param]
    return detector, detector.fit(images(0, 90), columns, 0), images(1, N), columns, kind


def anew(detector, state, images, kept, batch):
    """State and pooled images as a check would have them."""
    calibrated = {**state, **detector.calibrate(state, images[kept])}
    return calibrated, np.concatenate([images[kept], batch])


def chosen(m: int):
    order = np.random.default_rng(5).permutation(N)
    return order[:KEPT], order[KEPT : KEPT + m]


@pytest.mark.parametrize("m", [1, 8, 50])
def test_values_and_names_are_the_detectors(case, m):
    """To ten digits of each statistic's spread over relabellings; so p, which rounds to six, is the same."""
    detector, state, images, columns, kind = case
    among = detector.among(state, images, columns)
    assert kind is None or type(among) is kind
    kept, batch = chosen(m)
    drawn = draw(KEPT, m, 60, np.random.default_rng(0))
    calibrated, pooled = anew(detector, state, images, kept, images[batch])
    against = among.against(kept)
    expected = detector.values(calibrated, pooled, drawn, columns)
    spread = np.maximum(expected.std(axis=0), 1e-12)
    assert against.names(batch) == detector.names(calibrated, pooled, columns)
    assert np.abs((against.values(batch, drawn) - expected) / spread).max() < 1e-9


@pytest.mark.parametrize("m", [1, 8, 50])
def test_a_batch_from_elsewhere_is_judged_as_the_detector_does(case, m):
    """With a missing value, a constant that is none any more, and a level that nobody has seen."""
    detector, state, images, columns, _ = case
    kept, batch = chosen(m)
    strange = images[batch] + np.float32(0.5)
    if columns in (MIXED, CATEGORY):
        strange[0, 0] = np.nan
    drawn = draw(KEPT, m, 60, np.random.default_rng(0))
    calibrated, pooled = anew(detector, state, images, kept, strange)
    names, found = detector.among(state, images, columns).against(kept).observed(strange, drawn)
    assert names == detector.names(calibrated, pooled, columns)
    values = detector.values(calibrated, pooled, drawn, columns)
    assert np.abs((found - values[0]) / np.maximum(values.std(axis=0), 1e-12)).max() < 1e-9


@pytest.mark.parametrize("groups", [False, True])
def test_units_of_several_images_are_left_to_the_detector(case, groups):
    """Bins of a batch above 200, and groups."""
    detector, state, _, columns, kind = case
    images = next(images for _, c, images, k in CASES.values() if (c, k) == (columns, kind))(1, 460)
    kept, batch = np.arange(250), np.arange(250, 460)
    names = [f"{'cy'[i >= 250]}{i // 5}" for i in range(460)] if groups else None
    drawn = draw(250, 210, 30, np.random.default_rng(0), Blocks(groups=names))
    calibrated, pooled = anew(detector, state, images, kept, images[batch])
    against = detector.among(state, images, columns).against(kept)
    expected = detector.values(calibrated, pooled, drawn, columns)
    spread = np.maximum(expected.std(axis=0), 1e-12)
    assert np.array_equal(against.values(batch, drawn), expected)
    names, found = against.observed(images[batch], drawn)
    assert names == detector.names(calibrated, pooled, columns)
    assert np.abs((found - expected[0]) / spread).max() < 1e-9


def test_a_shift_of_each_column_is_the_detectors(case):
    """To the last digits of sums."""
    detector, state, images, columns, _ = case
    kept, batch = chosen(20)
    shifts = np.outer(np.arange(1, len(columns) + 1), [0.0, 0.25, 2.0])
    found = detector.among(state, images, columns).against(kept).if_shifted(batch, shifts)
    for j, column in enumerate(columns):
        expected = detector.if_shifted(state, images[kept], images[batch], j, shifts[j])
        if column.kind == "linear" and expected is not None:
            assert np.allclose(found[j], expected, rtol=1e-12, atol=0)
        else:
            assert np.isnan(found[j]).all()


def test_very_many_images_are_left_to_the_detector(monkeypatch):
    """No matrix of all their pairs is made."""
    detector, columns, images, _ = CASES["kernels"]
    monkeypatch.setattr(_pairs, "MOST", 100)
    state = detector.fit(images(0, 90), columns, 0)
    assert not isinstance(detector.among(state, images(1, 101), columns), _pairs.Pairs)
    assert isinstance(detector.among(state, images(1, 100), columns), _pairs.Pairs)


def test_an_artifact_without_mean_shifts_has_none_here():
    """Those fitted before there were ridges."""
    detector, columns, images, _ = CASES["kernels"]
    state = {k: x for k, x in detector.fit(images(0, 90), columns, 0).items() if not k.startswith("white_")}
    kept, batch = chosen(8)
    against = detector.among(state, images(1, N), columns).against(kept)
    drawn = draw(KEPT, 8, 9, np.random.default_rng(0))
    assert against.values(batch, drawn).shape == (10, len(detector.bandwidths))
    names, found = against.observed(images(2, 8), drawn)
    assert len(names) == len(found) == len(detector.bandwidths)
