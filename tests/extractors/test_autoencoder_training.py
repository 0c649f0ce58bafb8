"""Training of the autoencoder: it learns, stops early, fails aloud, and augments only what it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from driftcli.core.errors import InternalError
from driftcli.core.progress import Progress
from driftcli.extractors.base import Runtime
from tests.extractors._autoencoder_cases import QUICK, RUNTIME, photos


class Listening(Progress):
    def __init__(self):
        self.notes = []

    def advance(self, steps=1, note=""):  # noqa: ARG002
        self.notes.append(note)


def test_training_lowers_the_loss_and_says_so():
    """The held-out loss falls, and each epoch is reported."""
    heard = Listening()
    settings = replace(QUICK, architecture="conv", epochs=8)
    state = settings.fit(photos(150), 0, Runtime(progress=heard))
    curve = state["loss_curve"]
    assert curve.shape == (8, 2)
    assert curve[-1, 1] < 0.8 * curve[0, 1]
    assert len(heard.notes) == 8
    assert heard.notes[0] == f"loss {curve[0, 1]:.4f}"


def test_training_stops_early_and_keeps_the_best_weights():
    """Without progress on the held-out part training ends after `patience` epochs, with the best weights."""
    settings = replace(
        QUICK, architecture="conv", epochs=200, patience=2, learning_rate=0.05, schedule="constant"
    )
    images = photos(60)
    state = settings.fit(images, 0, RUNTIME)
    validated = state["loss_curve"][:, 1]
    assert len(validated) < 200
    assert len(validated) - 1 - validated.argmin() == 2
    assert state["held_out_errors"][:, 0].mean() == pytest.approx(validated.min(), rel=1e-4)


def test_diverged_training_is_an_internal_error():
    """A loss that is no number ends in exit code 4 with a hint, not in NaN weights."""
    settings = replace(QUICK, architecture="conv", learning_rate=1e30, schedule="constant")
    with pytest.raises(InternalError, match="diverged") as failure:
        settings.fit(photos(60), 0, RUNTIME)
    assert "learning_rate" in failure.value.hint
    assert failure.value.exit_code == 4


def test_no_validation_trains_on_everything():
    """`validation: 0` runs all epochs and keeps the last weights (the notebook's recipe)."""
    state = replace(QUICK, architecture="maxpool", validation=0.0, epochs=3, patience=1).fit(
        photos(40), 0, RUNTIME
    )
    assert state["loss_curve"].shape == (3, 2)
    assert np.isnan(state["loss_curve"][:, 1]).all()
    assert state["held_out_errors"].shape == (40, 9)


def test_augmentation_makes_turned_images_familiar():
    """Trained with rotation, turned images stand out less than without."""
    rng = np.random.default_rng(0)
    bars = np.zeros((200, 28, 28, 1), np.uint8)
    for image in bars:
        start = rng.integers(4, 20)
        image[4:24, start : start + 4] = rng.integers(128, 256)
    turned = np.stack([np.asarray(Image.fromarray(i[..., 0]).rotate(12))[..., None] for i in bars[150:]])
    rise = {}
    for augment in ((), ("rotate", "translate", "flip")):
        settings = replace(
            QUICK, side=28, channels=1, architecture="conv", latent=16, augment=augment, epochs=20, patience=0
        )
        state = settings.fit(bars[:150], 0, RUNTIME)
        error = [
            settings.extract(state, images, RUNTIME)["error"][:, 1].mean() for images in (bars[150:], turned)
        ]
        rise[augment] = error[1] - error[0]
    assert rise["rotate", "translate", "flip"] < rise[()] - 0.2
