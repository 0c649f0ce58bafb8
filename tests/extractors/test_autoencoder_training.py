"""Training of the autoencoder: it learns, stops early, fails aloud, and augments only what it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from driftcli.core.errors import InternalError
from driftcli.core.progress import Progress
from driftcli.extractors import _training
from driftcli.extractors.autoencoder import Autoencoder
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


def test_bfloat16_is_float32_where_the_processor_has_none(monkeypatch):
    """Bit for bit: a preset that asks for it works on any machine, and no sooner than float32."""
    images, settings = photos(60), replace(QUICK, architecture="conv", epochs=2)
    monkeypatch.setattr(_training, "_has_bfloat16", lambda: False)
    plain, asked = (
        replace(settings, precision=precision).fit(images, 0, RUNTIME)
        for precision in ("float32", "bfloat16")
    )
    assert all(np.array_equal(plain[name], asked[name]) for name in plain)


def test_bfloat16_learns_as_well_and_the_same_each_time(monkeypatch):
    """What is learnt is float32, and as good as in float32; emulated here where the processor has none."""
    images, settings = photos(150), replace(QUICK, architecture="conv", epochs=8)
    monkeypatch.setattr(_training, "_has_bfloat16", lambda: True)
    plain = settings.fit(images, 0, RUNTIME)
    first, again = (replace(settings, precision="bfloat16").fit(images, 0, RUNTIME) for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert {x.dtype for name, x in first.items() if name.startswith("weight.")} == {np.dtype(np.float32)}
    assert not np.array_equal(first["loss_curve"], plain["loss_curve"])
    assert first["loss_curve"][-1, 1] < 0.8 * first["loss_curve"][0, 1]
    assert first["loss_curve"][-1, 1] == pytest.approx(plain["loss_curve"][-1, 1], rel=0.1)


@pytest.mark.parametrize("told", [(), ("_is_amx_tile_supported",), ("_is_avx512_bf16_supported",)])
def test_whether_a_processor_has_bfloat16_is_asked_of_torch(monkeypatch, told):
    """Either kind of arithmetic will do; a torch that cannot tell means no; graphics cards keep float32."""
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
        if told:
            monkeypatch.setattr(torch.cpu, name, lambda known=name in told: known, raising=False)
    expected = torch.bfloat16 if told else torch.float32
    assert _training.computed_in("bfloat16", "cpu") == expected
    assert _training.computed_in("bfloat16", "cuda") == torch.float32
    assert _training.computed_in("float32", "cpu") == torch.float32


@pytest.mark.parametrize("images", [1, 20, 85, 425, 850, 2_000, 17_000, 100_000])
def test_training_shows_some_thousands_of_images_unless_told(images):
    """Of any F about 5,000, at least twice each and at most 60 times; what a user says holds."""
    epochs = Autoencoder().planned_epochs(images)
    assert 2 <= epochs <= 60
    if 2 < epochs < 60:
        assert 0.7 <= epochs * images / 5_000 <= 1.3
    assert Autoencoder(epochs=35).planned_epochs(images) == 35
