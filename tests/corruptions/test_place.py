"""Geometry moves things as far as it says; dirt and scratches cover as much as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from tests.corruptions._drawn import distance, flat, kind, rng, same, scene, values


def amounts(name):
    return pytest.mark.parametrize("amount", kind(name).amounts)


def marked(width=320, height=260, at=(160, 130)):
    """A soft bright spot on grey: its centre can be measured to a fraction of a pixel."""
    y, x = np.mgrid[:height, :width]
    spot = 60 + 190 * np.exp(-((x + 0.5 - at[0]) ** 2 + (y + 0.5 - at[1]) ** 2) / 18)
    return Image.fromarray(np.repeat(spot[..., None], 3, 2).astype(np.uint8), "RGB")


def centre(image):
    spot = np.maximum(values(image)[..., 0] - 80, 0)
    y, x = np.mgrid[: image.height, : image.width]
    return np.array([(x + 0.5) * spot, (y + 0.5) * spot]).sum(axis=(1, 2)) / spot.sum()


@pytest.mark.parametrize("seed", range(5))
@amounts("translation")
def test_translation_moves_by_a_share_of_the_short_side(amount, seed):
    """Rounded to whole pixels: within 0.71 of them."""
    image = marked()
    moved = centre(kind("translation").apply(image, amount, rng(seed))) - centre(image)
    assert np.hypot(*moved) == pytest.approx(260 * amount / 100, abs=0.75)


def test_translation_has_its_own_direction_in_every_image():
    image = marked()
    moved = [centre(kind("translation")(image, 4, rng(seed))) - centre(image) for seed in range(40)]
    assert len({(x > 0, y > 0) for x, y in moved}) == 4


@pytest.mark.parametrize("seed", range(4))
@amounts("rotation")
def test_rotation_turns_by_its_degrees(amount, seed):
    """A spot right of the centre moves along its circle, up or down."""
    image = marked(at=(240, 130))
    x, y = centre(kind("rotation").apply(image, amount, rng(seed))) - [160, 130]
    assert abs(math.degrees(math.atan2(y, x))) == pytest.approx(amount, abs=0.15)
    assert math.hypot(x, y) == pytest.approx(80, abs=0.3)


def test_rotation_goes_both_ways_equally_often():
    image = marked(at=(240, 130))
    left = sum(centre(kind("rotation")(image, 4, rng(seed)))[1] < 130 for seed in range(60))
    assert 15 <= left <= 45  # 99.99 % of a fair coin


@amounts("crop")
def test_crop_enlarges_the_centre(amount):
    """Distances from the centre grow by the inverse of the part that is kept."""
    image = marked(at=(190, 145))
    x, y = centre(kind("crop").apply(image, amount, rng())) - [160, 130]
    assert (x, y) == pytest.approx((30 * 100 / amount, 15 * 100 / amount), abs=0.4)


@pytest.mark.parametrize("name", ["rotation", "translation"])
def test_no_black_corner_gives_the_movement_away(name):
    """What is uncovered shows the reflection: a bright image has no dark pixel, and values are its own."""
    for seed in range(4):
        moved = values(kind(name)(flat(200, 300, 200), 5, rng(seed)))
        assert (moved == 200).all()
    edge = kind("translation").apply(scene(), 22, rng(3))
    original = {tuple(p) for p in np.asarray(scene()).reshape(-1, 3)}
    assert {tuple(p) for p in np.asarray(edge).reshape(-1, 3)} <= original


@amounts("flip")
def test_flips_are_as_frequent_as_stated(amount):
    image = scene(32, 24)
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    results = [kind("flip").apply(image, amount, rng(seed)) for seed in range(600)]
    assert all(same(result, image) or same(result, mirrored) for result in results)
    share = np.mean([same(result, mirrored) for result in results])
    spread = 3.9 * math.sqrt(amount / 100 * (1 - amount / 100) / 600)
    assert share == pytest.approx(amount / 100, abs=spread + 1e-9)


@pytest.mark.parametrize("size", [(320, 240), (240, 700), (900, 800)], ids=str)
@amounts("occlusion")
def test_occlusion_covers_its_share_of_the_area(amount, size):
    for seed in range(4):
        covered = values(kind("occlusion").apply(flat(255, *size), amount, rng(seed)))[..., 0]
        half = 255 - 0.9 * (255 - 38) / 2
        assert (covered < half).mean() * 100 == pytest.approx(amount, rel=0.12, abs=0.15)


def test_dirt_lies_elsewhere_in_every_image_and_grows_where_it_is():
    small, large = (values(kind("occlusion")(flat(255), s, rng(1)))[..., 0] < 150 for s in (3, 5))
    other = values(kind("occlusion")(flat(255), 3, rng(2)))[..., 0] < 150
    assert (small <= large).all()
    assert (small & other).sum() < 0.5 * small.sum()


@pytest.mark.parametrize("side", [224, 448, 900])
@pytest.mark.parametrize("amount", [10, 20, 40])
def test_a_scratch_has_its_length_and_is_thin(amount, side):
    """Its farthest ends are its length apart (it bends a little); its mean width is what is said."""
    for seed in range(6):
        change = np.abs(values(kind("scratch").apply(flat(128, side, side), amount, rng(seed)))[..., 0] - 128)
        y, x = np.nonzero(change > 30)
        ends = np.hypot(x[:, None] - x[None], y[:, None] - y[None]).max()
        length = side * amount / 100
        assert ends == pytest.approx(length, rel=0.1, abs=2.5 * side / 224)
        width = change.sum() / change.max() / length
        assert width == pytest.approx(1.6 * side / 224, rel=0.3)


def test_a_longer_scratch_contains_the_shorter_one():
    image = flat(128)
    short, long = (np.abs(values(kind("scratch")(image, s, rng(5))) - 128) > 30 for s in (2, 4))
    assert (short & ~long).sum() <= 0.1 * short.sum()
    assert distance(image, kind("scratch")(image, 4, rng(5))) > 0


def test_scratches_are_bright_and_dark():
    means = [values(kind("scratch")(flat(128), 5, rng(seed))).mean() > 128 for seed in range(30)]
    assert 4 <= sum(means) <= 26
