"""The map: principal components as the textbook has them, and new images that cannot move it."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.features import Features
from driftcli.explain import plane
from driftcli.extractors.base import portraits


def features(x: np.ndarray, view: str = "content") -> Features:
    n = len(x)
    return Features(
        tuple(f"{i}.jpg" for i in range(n)),
        np.array([b"%064d" % i for i in range(n)]),
        np.arange(n, dtype=np.uint64),
        np.arange(n, dtype=np.uint64),
        {view: x.astype(np.float32)},
    )


@pytest.fixture(scope="module")
def good() -> np.ndarray:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12)) + 5
    x[:, 4] = 3.0
    return x


def test_against_singular_values(good):
    """Coordinates, shares and signs; a constant column takes no part."""
    fitted = plane.fit({"content": good.astype(np.float32)})
    x = good.astype(np.float32).astype(np.float64)
    sd = x.std(axis=0)
    z = np.divide(x - x.mean(axis=0), sd, out=np.zeros_like(x), where=sd > 1e-6)
    _, s, vt = np.linalg.svd(z, full_matrices=False)
    vt = vt[:2] * np.sign(vt[:2][np.arange(2), np.abs(vt[:2]).argmax(axis=1)])[:, None]
    assert np.allclose(fitted.axes.T, vt, atol=1e-4)
    assert np.allclose(fitted({"content": good.astype(np.float32)}), z @ vt.T, atol=1e-3)
    assert np.allclose(fitted.explained, s[:2] ** 2 / (s**2).sum())


def test_good_images_lie_where_they_lay(good):
    """Checked as a batch, alone or in other company, and after the artifact."""
    everything = features(good)
    fitted = plane.unpack(plane.fit(everything.views).pack())
    whole = fitted.result(everything, everything)
    few = fitted.result(everything, everything.at(np.array([7, 3])))
    assert whole.batch == whole.baseline
    assert whole.baseline_names == everything.names
    assert few.batch == (whole.batch[7], whole.batch[3])
    assert plane.unpack({}) is None


def test_a_map_holds_500_points_of_each_kind(good):
    many = features(np.tile(good, (4, 1)))
    shown = plane.fit(many.views).result(many, many)
    assert len(shown.baseline) == len(shown.batch) == len(shown.batch_names) == 500


def test_the_first_view_there_is(good):
    """Content before style before the code before properties; a missing value counts as the mean."""
    x = good.astype(np.float32)
    everything = dict.fromkeys(("properties", "latent", "error", "style", "content"), x)
    assert list(portraits(everything)) == ["content", "style", "latent", "properties"]
    assert plane.fit(portraits({"properties": x, "style": x})).standard.view == "style"
    assert plane.fit(portraits({"error": x})) is None
    assert plane.fit({"content": x[:2]}) is None
    holes = x.copy()
    holes[3] = np.nan
    assert np.allclose(plane.fit({"properties": holes})({"properties": holes})[3], 0)
