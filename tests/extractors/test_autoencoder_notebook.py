"""The notebook's figures of the autoencoder: as Keras computed them, the same for an image in any company."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from driftcli.extractors import _errors
from tests.extractors._autoencoder_cases import QUICK, RUNTIME, photos

SETTINGS = replace(QUICK, loss="bce", noise=0.5, noise_kind="fixed", notebook_figures=True)


@pytest.fixture(scope="module")
def state():
    return SETTINGS.fit(photos(60), 3, RUNTIME)


def keras(target, predicted):
    """Mean binary cross-entropy, pixel by pixel."""
    total = 0.0
    for t, p in zip(target.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        q = min(max(p, 1e-7), 1 - 1e-7)
        total -= t * math.log(q) + (1 - t) * math.log(1 - q)
    return total / target.size


def test_they_are_keras_evaluate(state):
    """Noise in and the clean image wanted; and the output compared with itself."""
    images = photos(3, seed=1)
    names = [column.name for column in SETTINGS.columns("error")]
    assert names[-2:] == ["validation_loss", "output_entropy"]
    found = SETTINGS.extract(state, images, RUNTIME)["error"]
    restored = SETTINGS.reconstruct(state, _errors.noisy(images, 0.5), RUNTIME)
    made = SETTINGS.reconstruct(state, images, RUNTIME)
    for row, image in enumerate(images):
        clean = image / 255
        assert found[row, 0] == pytest.approx(keras(clean, made[row]), rel=1e-5)
        assert found[row, -2] == pytest.approx(keras(clean, restored[row]), rel=1e-5)
        assert found[row, -1] == pytest.approx(keras(made[row], made[row]), rel=1e-5)


def test_without_being_asked_for_nothing_changes(state):
    """The other errors are the same bits, and there are two fewer."""
    images = photos(5, seed=2)
    plain = replace(SETTINGS, notebook_figures=False)
    asked, not_asked = (s.extract(state, images, RUNTIME)["error"] for s in (SETTINGS, plain))
    assert len(plain.columns("error")) == not_asked.shape[1] == asked.shape[1] - 2
    assert np.array_equal(asked[:, :-2], not_asked)


def test_an_image_gets_the_same_noise_in_any_company():
    """Another one another; of the strength that was asked for, clipped and in 8 bits."""
    grey = np.full((2, 64, 64, 1), 128, np.uint8)
    grey[1, 0, 0] = 127
    noisy = _errors.noisy(grey, 0.1)
    assert np.array_equal(_errors.noisy(grey[1:], 0.1)[0], noisy[1])
    assert not np.array_equal(noisy[0, 1:], noisy[1, 1:])
    assert noisy.dtype == np.uint8
    sd = 25.5
    assert abs(noisy[0].mean() - 128) < 4 * sd / 64
    assert abs(noisy[0].std() / sd - 1) < 4 / math.sqrt(2 * 64 * 64)
    clipped = _errors.noisy(np.zeros((1, 64, 64, 1), np.uint8), 0.5)
    assert abs((clipped == 0).mean() - 0.5) < 4 * 0.5 / 64
    assert _errors.noisy(grey[:0], 0.5).shape == (0, 64, 64, 1)


def test_of_a_squared_loss_the_output_misses_itself_by_nothing():
    """What is constant is no statistic of the gate."""
    images = photos(4, seed=3)
    settings = replace(SETTINGS, loss="mse")
    squared = settings.extract(settings.fit(photos(60), 3, RUNTIME), images, RUNTIME)["error"]
    assert (squared[:, -1] == 0).all()
    assert (squared[:, -2] > squared[:, 0]).all()
