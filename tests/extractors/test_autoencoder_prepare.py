"""From settings and files to the autoencoder's arrays: what auto decides, and what a square shows."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.autoencoder import Autoencoder


def facts(width, height, *, grey=False):
    return FileFacts(width, height, 1, "PNG", "L" if grey else "RGB", grey)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([(28, 28)] * 3, 28), ([(500, 375), (300, 900)], 64), ([(33, 40)], 36), ([(5, 9)], 16)],
)
def test_auto_side_follows_the_images(sizes, side):
    """`side: auto` is the median short side rounded up to a multiple of 4, between 16 and 64."""
    assert Autoencoder().resolve([facts(*size) for size in sizes]).side == side


def test_auto_channels_is_grey_only_when_every_image_is():
    """One colour image among grey ones makes three channels; settings that are given stay."""
    grey = [facts(28, 28, grey=True)] * 3
    assert Autoencoder().resolve(grey).channels == 1
    assert Autoencoder().resolve([*grey, facts(28, 28)]).channels == 3
    assert Autoencoder(side=48, channels=3).resolve(grey) == Autoencoder(side=48, channels=3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("width", "height"), [(28, 28), (640, 480), (11, 300)])
def test_prepare_makes_one_shape_of_any_image(width, height, channels):
    """Large, small, wide and tall images become uint8 [side, side, channels]."""
    settings = Autoencoder(side=28, channels=channels)
    array = settings.prepare(Frame(Image.new("RGB", (width, height), (10, 20, 30)), facts(width, height)))
    assert array.shape == (28, 28, channels)
    assert array.dtype == np.uint8


def test_prepare_does_not_touch_images_of_the_right_size():
    """28 x 28 grey digits reach the network pixel by pixel."""
    digit = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    frame = Frame(Image.fromarray(digit).convert("RGB"), facts(28, 28, grey=True))
    assert np.array_equal(Autoencoder(side=28, channels=1).prepare(frame)[..., 0], digit)


def test_crop_sees_the_middle_and_squeeze_the_border():
    """A mark at the far end of a wide image is outside the crop and inside the squeezed image."""
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:, 110:] = 255
    frame = Frame(Image.fromarray(pixels), facts(120, 40))
    assert Autoencoder(side=20, channels=3).prepare(frame).max() == 0
    assert Autoencoder(side=20, channels=3, framing="squeeze").prepare(frame).max() == 255


def test_settings_are_checked_and_closed():
    """A typing mistake or an impossible value is refused where YAML is read."""
    adapter = TypeAdapter(Autoencoder)
    assert adapter.validate_python({"side": 28, "augment": ["flip"]}).augment == ("flip",)
    for wrong in (
        {"sides": 28},
        {"side": 2},
        {"noise": -1},
        {"widths": []},
        {"augment": ["blur"]},
        {"loss": "l3"},
    ):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
