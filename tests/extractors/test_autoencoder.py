"""The autoencoder's promises: the same number for the same image, a state of plain arrays, honest errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from safetensors.numpy import load, save

from driftcli.extractors import _autoencoder_graph
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.networks import session
from tests.extractors._autoencoder_cases import QUICK, RUNTIME, photos, spoilt, without_graph

NAMES = [column.name for column in QUICK.columns("error")]


def blurred(images):
    return np.stack([np.asarray(Image.fromarray(i).filter(ImageFilter.GaussianBlur(1.5))) for i in images])


@pytest.fixture(
    scope="module", params=["conv", "pca", "maxpool", "conv before", "pca before", "maxpool before"]
)
def fitted(request):
    """Each architecture, run by onnxruntime and as states of before are run: by torch or numpy."""
    architecture, _, before = request.param.partition(" ")
    settings = replace(QUICK, architecture=architecture)
    state = settings.fit(photos(120), 3, RUNTIME)
    return settings, without_graph(state) if before else state


def test_state_survives_disk(fitted, tmp_path):
    """Saved as safetensors or npz and read again, the state gives the same bits."""
    settings, state = fitted
    images = photos(10, seed=1)
    np.savez(tmp_path / "state.npz", **state)
    before = settings.extract(state, images, RUNTIME)
    for again in (load(save(dict(state))), dict(np.load(tmp_path / "state.npz"))):
        after = settings.extract(again, images, RUNTIME)
        assert all(np.array_equal(before[view], after[view]) for view in ("error", "latent"))


def test_weights_are_named_float32_arrays(fitted):
    """Nothing but arrays; every weight is float32, the architecture is legible."""
    settings, state = fitted
    assert bytes(state["architecture"]).decode() == settings.architecture
    weights = [value for name, value in state.items() if name.startswith("weight.")]
    assert weights
    assert all(value.dtype == np.float32 for value in weights)
    assert state["held_out_errors"].shape == (18, 9)
    assert state["residual_p99"].shape == (32, 32)


def test_same_image_same_bits_in_any_batch(fitted):
    """Order, batch size and neighbours change no bit of any feature or reconstruction."""
    settings, state = fitted
    images = photos(70, seed=2)
    whole = settings.extract(state, images, RUNTIME)
    order = np.random.default_rng(0).permutation(len(images))
    shuffled = settings.extract(state, images[order], RUNTIME)
    alone = [settings.extract(state, images[i : i + 1], RUNTIME) for i in range(3)]
    for view in ("error", "latent"):
        assert whole[view].dtype == np.float32
        assert np.array_equal(whole[view][order], shuffled[view])
        assert np.array_equal(whole[view][:3], np.concatenate([one[view] for one in alone]))
        assert np.array_equal(whole[view][5:38], settings.extract(state, images[5:38], RUNTIME)[view])
    assert np.array_equal(
        settings.reconstruct(state, images, RUNTIME)[order],
        settings.reconstruct(state, images[order], RUNTIME),
    )


def test_no_images_give_empty_features(fitted):
    """Zero images are zero rows of the right width."""
    settings, state = fitted
    empty = settings.extract(state, np.zeros((0, 32, 32, 3), np.uint8), RUNTIME)
    assert empty["error"].shape == (0, 9)
    assert empty["latent"].shape == (0, 8)


def test_same_seed_same_state(fitted):
    """Training is deterministic, leaves the global random state alone, and follows the seed."""
    settings, state = fitted
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = settings.fit(photos(120), 3, RUNTIME)
    assert torch.equal(before, torch.get_rng_state())
    state = {**again, **state}  # one of before lacks the graph
    assert {*state} == {*again}
    assert all(np.array_equal(state[name], again[name]) for name in state)
    other = settings.fit(photos(120), 4, RUNTIME)
    assert not np.array_equal(state["latent_mean"], other["latent_mean"])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 50, 64])
@pytest.mark.parametrize("architecture", ["conv", "pca", "maxpool"])
def test_any_side_and_channels(architecture, side, channels):
    """Sides that strides do not divide work; features are finite, reconstructions keep the shape."""
    settings = replace(
        QUICK, side=side, channels=channels, architecture=architecture, widths=(4, 8, 8), epochs=1
    )
    images = photos(24, side, channels)
    state = settings.fit(images, 0, RUNTIME)
    features = settings.extract(state, images, RUNTIME)
    assert np.isfinite(features["error"]).all()
    assert np.isfinite(features["latent"]).all()
    reconstructed = settings.reconstruct(state, images, RUNTIME)
    assert reconstructed.shape == images.shape
    assert reconstructed.min() >= 0
    assert reconstructed.max() <= 1


def test_auto_architecture_is_pca_for_small_sets():
    """Below 500 images the closed form is used, and works for 20."""
    state = Autoencoder(side=32, channels=3).fit(photos(20), 0, RUNTIME)
    assert bytes(state["architecture"]) == b"pca"
    assert state["latent_covariance"].shape == (4, 4)
    assert Autoencoder().decided(499) == "pca"
    assert Autoencoder().decided(500) == "conv"


def test_noise_raises_errors_and_blur_lowers_them(fitted):
    """Noise is reconstructed worse and blur *better* than good images: why errors are tested two-sided."""
    settings, state = fitted
    good = photos(60, seed=5)
    rows = {
        name: np.median(settings.extract(state, images, RUNTIME)["error"], axis=0)
        for name, images in {"good": good, "noise": spoilt(good), "blur": blurred(good)}.items()
    }
    for name in ("loss", "log_mse", "log_dissimilarity"):
        index = NAMES.index(name)
        assert rows["blur"][index] < rows["good"][index] < rows["noise"][index], name


def test_strange_images_are_far_away(fitted):
    """White frames are easy to reconstruct, but lie further from the reference's codes than good images."""
    settings, state = fitted
    if settings.architecture == "maxpool":
        pytest.skip("its code is maps that fit any image: the distance promises nothing")
    white = np.full((8, 32, 32, 3), 255, np.uint8)
    far = settings.extract(state, white, RUNTIME)["error"][:, -1]
    near = settings.extract(state, photos(60, seed=6), RUNTIME)["error"][:, -1]
    assert far.min() > np.median(near)


@pytest.mark.parametrize("loss", ["l1_mse", "mse", "bce"])
def test_loss_column_is_the_training_loss_of_the_image_as_given(loss):
    """`loss` equals its definition in torch, against the input as given."""
    settings = replace(QUICK, architecture="conv", loss=loss, epochs=1)
    state = settings.fit(photos(40), 0, RUNTIME)
    images = spoilt(photos(9, seed=7))
    target = torch.tensor(images / 255)
    output = torch.tensor(settings.reconstruct(state, images, RUNTIME)).double()
    functional = torch.nn.functional
    terms = {
        "l1_mse": (functional.l1_loss, functional.mse_loss),
        "mse": (functional.mse_loss,),
        "bce": (functional.binary_cross_entropy,),
    }[loss]
    expected = sum(term(output, target, reduction="none").mean((1, 2, 3)) for term in terms)
    np.testing.assert_allclose(settings.extract(state, images, RUNTIME)["error"][:, 0], expected, rtol=1e-5)


def test_unreadable_numbers_stay_visible():
    """A network that gives no finite number leaves NaN in the row, for the caller to call unreadable."""
    settings = replace(QUICK, architecture="conv", epochs=1)
    state = dict(settings.fit(photos(40), 0, RUNTIME))
    state["weight.to_code.bias"] = np.full(8, np.nan, np.float32)
    exported = {
        **state,
        **session.packed(_autoencoder_graph.export(state, "conv", (32, 32, 3), settings.loss)),
    }
    for broken in (exported, without_graph(state)):
        assert np.isnan(settings.extract(broken, photos(2), RUNTIME)["error"]).all()
