"""The map by Isomap: a rolled-up sheet is laid flat, and a batch is placed among good images without moving them."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.explain import isomap, plane
from tests.explain.test_plane import features


@pytest.fixture(scope="module")
def sheet() -> tuple[np.ndarray, np.ndarray]:
    """Places on a sheet, [n, 2], and the sheet rolled up in space, [n, 3]."""
    rng = np.random.default_rng(0)
    turn, along = rng.uniform(0, 5 * np.pi / 2, 400), rng.uniform(0, 6, 400)
    radius = 3 + turn
    return np.column_stack([turn, along]), np.column_stack(
        [radius * np.cos(turn), along, radius * np.sin(turn)]
    )


def laid_out(good: np.ndarray, batch: np.ndarray):
    everything = features(good)
    standard = plane.fit(everything.views).standard
    return isomap.result(standard, everything, features(batch))


def test_a_rolled_sheet_is_laid_flat(sheet):
    """The first axis runs along the roll, where a straight line through space would cut across it."""
    place, rolled = sheet
    found = laid_out(rolled, rolled[:40])
    along = np.abs(np.corrcoef(np.array(found.baseline)[:, 0], place[:, 0])[0, 1])
    everything = features(rolled)
    flat = plane.fit(everything.views).result(everything, everything)
    assert along > 0.97
    assert np.abs(np.corrcoef(np.array(flat.baseline)[:, 0], place[:, 0])[0, 1]) < 0.6
    assert found.method == "Isomap of content, 5 neighbours"
    assert found.explained == ()
    assert (len(found.baseline), len(found.batch)) == (400, 40)


def test_new_points_lie_where_scikit_learn_puts_them(sheet):
    """As the notebook does it: `Isomap().fit(reference).transform(batch)`, of standardised features."""
    from sklearn.manifold import Isomap

    good, batch = sheet[1][:200].astype(np.float32), sheet[1][200:].astype(np.float32)
    fitted = Isomap(n_neighbors=5, n_components=2, eigen_solver="dense").fit(
        (good - good.mean(axis=0)) / good.std(axis=0)
    )
    theirs = fitted.transform((batch - good.mean(axis=0)) / good.std(axis=0))
    assert np.allclose(laid_out(good, batch).batch, theirs, atol=2e-3)


def test_the_same_every_time_and_no_image_moves_another(sheet):
    good, batch = sheet[1][:200], sheet[1][200:230]
    whole = laid_out(good, batch)
    assert laid_out(good, batch) == whole
    assert laid_out(good, batch[7:8]).batch == whole.batch[7:8]
    assert laid_out(good, batch[7:8]).baseline == whole.baseline


def test_islands_copies_and_few_images_have_a_map_too(sheet):
    """Nothing is printed, nothing is missing; without three good images there is no map."""
    far = np.concatenate([sheet[1][:40], sheet[1][:40] + 100])
    for good in (far, np.repeat(far[:4], 10, axis=0), far[:3]):
        assert np.isfinite(laid_out(good, far[:5]).batch).all()
    assert isomap.result(plane.fit(features(far).views).standard, features(far[:2]), features(far)) is None
