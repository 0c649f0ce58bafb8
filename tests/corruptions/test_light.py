"""Light and colour change by the stated amount."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.corruptions._drawn import flat, kind, rng, same, scene, values


def amounts(name):
    return pytest.mark.parametrize("amount", kind(name).amounts)


def linear(level):
    share = np.asarray(level, float) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


@amounts("brighten")
def test_brighten_adds(amount):
    assert values(kind("brighten").apply(flat(60), amount, rng()))[0, 0, 0] == 60 + amount
    assert values(kind("brighten").apply(flat(250), amount, rng())).max() == min(255, 250 + amount)


@pytest.mark.parametrize(("name", "sign"), [("darken", -1), ("over_exposure", 1)])
@pytest.mark.parametrize("amount", kind("darken").amounts)
def test_stops_are_powers_of_two_of_light(name, sign, amount):
    """80 becomes what has 2^±stops of its light; rounding is half a grey level."""
    value = values(kind(name).apply(flat(80), amount, rng()))[0, 0, 0]
    wanted = linear(80) * 2.0 ** (sign * amount)
    assert linear(value - 0.5) <= wanted <= linear(value + 0.5)


def test_over_exposure_clips_and_darken_keeps_black():
    assert values(kind("over_exposure").apply(flat(200), 2, rng())).min() == 255
    assert values(kind("darken").apply(flat(0), 2, rng())).max() == 0


@amounts("gamma")
def test_gamma_is_a_power_that_keeps_black_and_white(amount):
    tones = [values(kind("gamma").apply(flat(v), amount, rng()))[0, 0, 0] for v in (0, 100, 255)]
    assert tones == [0, round(255 * (100 / 255) ** amount), 255]


@amounts("low_contrast")
def test_contrast_is_lost_around_the_mean(amount):
    image = scene()
    changed = kind("low_contrast").apply(image, amount, rng())
    grey = [values(picture.convert("L")) for picture in (image, changed)]
    assert grey[1].std() == pytest.approx(grey[0].std() * (1 - amount / 100), rel=0.02)
    assert grey[1].mean() == pytest.approx(grey[0].mean(), abs=0.6)


@amounts("fog")
def test_fog_has_its_share_of_the_light(amount):
    """Over black, the mean is that share of the fog's own grey; nowhere more than twice of it."""
    for seed in range(5):
        fogged = values(kind("fog").apply(flat(0), amount, rng(seed)))
        assert fogged.mean() == pytest.approx(225 * amount / 100, rel=0.06)
        assert fogged.max() <= min(225, 2 * 225 * amount / 100) + 1
        assert fogged.std() > 0.05 * fogged.mean()  # it drifts


@amounts("vignette")
def test_corners_are_darker_by_the_amount_and_the_centre_is_not(amount):
    darkened = values(kind("vignette").apply(flat(200, 401, 301), amount, rng()))[..., 0]
    assert darkened[0, 0] == pytest.approx(200 * (1 - amount / 100), abs=2)
    assert darkened[150, 200] == 200
    assert darkened[150, 0] == pytest.approx(200 * (1 - amount / 200), abs=2)


@amounts("saturation")
def test_colour_distances_grow(amount):
    image = Image.new("RGB", (9, 9), (120, 100, 90))
    before, after = (
        values(picture)[0, 0] for picture in (image, kind("saturation").apply(image, amount, rng()))
    )
    grey = image.convert("L").getpixel((0, 0))
    assert after - grey == pytest.approx((before - grey) * amount, abs=1.01)


@amounts("grey_scale")
def test_colour_distances_shrink(amount):
    image = Image.new("RGB", (9, 9), (220, 100, 40))
    before, after = (
        values(picture)[0, 0] for picture in (image, kind("grey_scale").apply(image, amount, rng()))
    )
    grey = image.convert("L").getpixel((0, 0))
    assert after - grey == pytest.approx((before - grey) * (1 - amount / 100), abs=1.01)


def test_the_highest_severity_leaves_no_colour():
    image = scene()
    assert same(kind("grey_scale")(image, 5, rng()), image.convert("L").convert("RGB"))


@amounts("white_balance")
def test_white_balance_shifts_red_against_blue(amount):
    red, green, blue = values(kind("white_balance").apply(flat(150), amount, rng()))[0, 0]
    assert red / blue == pytest.approx(1 + amount / 100, rel=0.01)
    assert green == 150


@amounts("colour_cast")
def test_colour_cast_shifts_green_against_the_others(amount):
    red, green, blue = values(kind("colour_cast").apply(flat(150), amount, rng()))[0, 0]
    assert green / red == pytest.approx(1 + amount / 100, rel=0.01)
    assert red == blue
