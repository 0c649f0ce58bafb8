"""The nearest good image, and good images of whose kind a batch has too few, against slow twins."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.explain.missing import missing
from driftcli.explain.neighbours import nearest


@pytest.fixture(scope="module")
def classes() -> np.ndarray:
    """C: 60 of one class, 60 of another."""
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(0, 1, (60, 10)), rng.normal(4, 1, (60, 10))]).astype(np.float32)


def test_neighbours_against_a_slow_twin(classes):
    """In units of C's spread, among the candidates alone, the first of equally near ones."""
    rng = np.random.default_rng(2)
    batch = rng.normal(2, 3, (9, 10)).astype(np.float32) * np.arange(1, 11, dtype=np.float32)
    good = classes * np.arange(1, 11, dtype=np.float32)
    candidates = sorted(rng.permutation(120)[:50].tolist())
    rows = nearest({"content": good}, candidates, {"content": batch})
    sd = good.astype(np.float64).std(axis=0)
    for row, image in zip(rows, batch, strict=True):
        apart = [np.linalg.norm((image - good[i]) / sd) for i in candidates]
        assert row == candidates[int(np.argmin(apart))]


def test_without_pictures_or_known_views_there_is_no_neighbour(classes):
    assert nearest({"content": classes}, [], {"content": classes}) is None
    assert nearest({}, [1], {"error": classes}) is None


@pytest.mark.parametrize("lacks", [0, 1])
def test_what_is_missing_is_of_the_class_that_was_left_out(classes, lacks):
    """All of it, whichever class; scores fall; the images shown are apart from each other."""
    rng = np.random.default_rng(3)
    batch = rng.normal(4 * (1 - lacks), 1, (40, 10)).astype(np.float32)
    missed = missing({"content": classes}, range(120), {"content": batch})
    assert 3 <= len(missed) <= 8
    assert all(image.row // 60 == lacks for image in missed)
    scores = [image.score for image in missed]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 119 / 120
    assert len({image.row for image in missed}) == len(missed)


def test_the_first_missing_image_against_a_slow_twin(classes):
    """Mean kernel to the others of C less mean kernel to the batch, image by image."""
    batch = classes[::3] + np.float32(0.5)
    z = ((classes - classes.mean(axis=0)) / classes.std(axis=0)).astype(np.float64)
    y = ((batch - classes.mean(axis=0)) / classes.std(axis=0)).astype(np.float64)
    squared = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    width = 2 * np.median(squared[~np.eye(120, dtype=bool)])
    witness = [
        np.mean([np.exp(-squared[i, j] / width) for j in range(120) if j != i])
        - np.mean([np.exp(-((z[i] - other) ** 2).sum() / width) for other in y])
        for i in range(120)
    ]
    missed = missing({"content": classes}, range(120), {"content": batch})
    assert missed[0].row == int(np.argmax(witness))
    assert all(witness[image.row] > 0 for image in missed)


def test_copies_are_shown_once(classes):
    """Ten copies of the most missed image would fill the page."""
    batch = classes[60:]
    first = missing({"content": classes}, range(120), {"content": batch})[0].row
    copied = np.concatenate([classes, np.repeat(classes[[first]], 5, axis=0)])
    missed = missing({"content": copied}, range(125), {"content": batch})
    shown = copied[[image.row for image in missed]]
    assert len(np.unique(shown, axis=0)) == len(shown)
