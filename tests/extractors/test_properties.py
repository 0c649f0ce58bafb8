"""Properties under real operations, and at the edges of what an image can be."""

from __future__ import annotations

import io
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from driftcli.core.images import EMPTY, FileFacts, Frame
from driftcli.extractors import _pixels
from driftcli.extractors.base import Runtime
from driftcli.extractors.properties import Properties

PIXELS = [column.name for column in Properties().columns("properties")]
FILE = [column.name for column in Properties().columns("file")]
FACTS = FileFacts(400, 300, 60_000, "JPEG", "RGB", grey=False, jpeg_quality=90.0, jpeg_block=4.0)


def scene(seed: int = 0, size: tuple[int, int] = (120, 96)) -> Image.Image:
    """A picture with smooth shading, coloured shapes with sharp edges, and a little grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[1], : size[0]]
    canvas = np.stack([60 + 0.6 * x, 70 + 0.5 * y, 90 + 0.2 * (x + y)], axis=2).astype(float)
    for _ in range(6):
        left, top, radius = rng.integers(0, size[0]), rng.integers(0, size[1]), rng.integers(6, 22)
        canvas[(x - left) ** 2 + (y - top) ** 2 < radius**2] = rng.uniform(20, 235, 3)
    canvas += rng.normal(0, 1.0, canvas.shape)
    return Image.fromarray(np.clip(np.rint(canvas), 0, 255).astype(np.uint8))


def measured(image: Image.Image, side: int = 256) -> dict[str, float]:
    return dict(zip(PIXELS, _pixels.measure(Frame(image, FACTS), side), strict=True))


def noisy(image: Image.Image, sigma: float, seed: int = 1) -> Image.Image:
    values = np.asarray(image) + np.random.default_rng(seed).normal(0, sigma, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


# ---------------------------------------------------------------- real operations

OPERATIONS = [
    ("sharpness", -1, lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    ("edge_density", -1, lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    ("noise", 1, lambda image: noisy(image, 5)),
    ("brightness", 1, lambda image: ImageEnhance.Brightness(image).enhance(1.12)),
    ("brightness", -1, lambda image: ImageEnhance.Brightness(image).enhance(0.9)),
    ("highlights", 1, lambda image: ImageEnhance.Brightness(image).enhance(2)),
    ("shadows", 1, lambda image: Image.eval(image, lambda level: max(0, level - 80))),
    ("contrast", -1, lambda image: ImageEnhance.Contrast(image).enhance(0.8)),
    ("entropy", -1, lambda image: ImageOps.posterize(image, 3)),
    ("saturation", 1, lambda image: ImageEnhance.Color(image).enhance(1.3)),
    ("colourfulness", 1, lambda image: ImageEnhance.Color(image).enhance(1.3)),
    ("saturation", -1, lambda image: ImageEnhance.Color(image).enhance(0.7)),
    ("blockiness", 1, lambda image: jpeg(image, 30)),
    ("red_green", 1, lambda image: image.convert("RGB", (1.2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0))),
    ("yellow_blue", -1, lambda image: image.convert("RGB", (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1.2, 0))),
]


@pytest.mark.parametrize(("name", "sign", "operation"), OPERATIONS)
def test_the_property_meant_to_see_it_moves_the_right_way(name, sign, operation):
    """Each property rises and falls with the operation that its words describe."""
    for seed in range(4):
        image = scene(seed)
        assert sign * (measured(operation(image))[name] - measured(image)[name]) > 0


def test_stronger_blur_is_blurrier_and_noise_hardly_counts_as_sharpness():
    """Sharpness falls monotonically with blur; sigma 5 moves it less than the slightest blur does."""
    image = scene(5)
    blurred = [measured(image.filter(ImageFilter.GaussianBlur(r)))["sharpness"] for r in (0.5, 0.7, 1, 2, 3)]
    assert blurred == sorted(blurred, reverse=True)
    clear = measured(image)["sharpness"]
    assert abs(measured(noisy(image, 5))["sharpness"] - clear) < clear - blurred[0]


@pytest.mark.parametrize("sigma", [2, 5, 10, 20])
def test_noise_is_the_noise_that_was_added(sigma):
    """On a ramp the estimate is the standard deviation of luma noise, in grey levels."""
    ramp = np.tile(np.linspace(90, 160, 256), (256, 1))
    luma = np.rint(ramp + np.random.default_rng(sigma).normal(0, sigma, ramp.shape)).astype(np.int16)
    assert _pixels.detail(luma)["noise"] == pytest.approx(sigma, rel=0.1)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.5, 0.6, 0.75]))
def test_exposure_moves_brightness_and_leaves_hue_sharpness_saturation_and_cast(seed, factor):
    """What is relative stays where it is when the light goes down."""
    image = scene(seed)
    before, after = measured(image), measured(Image.eval(image, lambda level: round(level * factor)))
    assert after["brightness"] == pytest.approx(before["brightness"] * factor, rel=0.02)
    for name in ("saturation", "red_green", "yellow_blue", "sharpness"):
        assert after[name] == pytest.approx(before[name], rel=0.05, abs=0.01)
    if math.hypot(before["red_green"], before["yellow_blue"]) > 0.05:
        assert abs((after["hue"] - before["hue"] + 0.5) % 1 - 0.5) < 0.02


def test_mirroring_changes_nothing_but_the_grid():
    """No property but blockiness knows left from right."""
    image = scene(7, (122, 98))  # 120 × 96 inside: whole blocks of 8, so that they mirror too
    before, after = measured(image), measured(ImageOps.mirror(image))
    assert {k: v for k, v in after.items() if k != "blockiness"} == {
        k: v for k, v in before.items() if k != "blockiness"
    }


@pytest.mark.parametrize(
    ("colour", "turns"), [((200, 40, 40), 0), ((40, 200, 40), 1 / 3), ((40, 40, 200), 2 / 3)]
)
def test_hue_names_the_colour(colour, turns):
    """Red is 0, green a third, blue two thirds of a turn."""
    assert measured(Image.new("RGB", (9, 9), colour))["hue"] == pytest.approx(turns, abs=1e-6)


def test_hue_averages_across_the_red_wrap():
    """Half slightly magenta and half slightly yellow reds are red, not cyan; and hue stays below 1."""
    image = Image.new("RGB", (40, 40), (220, 60, 40))
    image.paste((220, 40, 60), (0, 0, 20, 40))
    hue = measured(image)["hue"]
    assert min(hue, 1 - hue) < 1e-6
    assert measured(Image.new("RGB", (8, 8), (255, 40, 41)))["hue"] < 1.0
    assert np.float32(_pixels._turns(-1e-12, 1.0)) < 1


# ---------------------------------------------------------------- edges


def test_a_grey_image_has_no_colour_and_no_hue():
    """Grey is a fact (0), a grey image's hue is missing."""
    grey = measured(scene(2).convert("L").convert("RGB"))
    assert [grey[name] for name in ("saturation", "colourfulness", "red_green", "yellow_blue")] == [
        0,
        0,
        0,
        0,
    ]
    assert math.isnan(grey["hue"])
    assert math.isfinite(grey["sharpness"])


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 2), (3, 3), (7, 9), (28, 28)])
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (10, 200, 30)])
def test_tiny_and_constant_images_raise_and_warn_nothing(size, colour):
    """Finite or missing, whatever the size, and light is always known."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = Properties().prepare(Frame(Image.new("RGB", size, colour), replace(FACTS, width=size[0])))
    assert not np.isinf(row).any()
    assert np.isfinite(row[:9]).all()
    assert np.isnan(row[PIXELS.index("sharpness")])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_pixels_give_values_within_their_ranges(width, height, seed):
    """Random pixels of any size: shares stay in [0, 1], hue in [0, 1), nothing is infinite."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = measured(Image.fromarray(pixels), side=16)
    assert not any(map(math.isinf, found.values()))
    for name in ("brightness", "contrast", "saturation", "highlights", "shadows", "edge_density", "hue"):
        assert math.isnan(found[name]) or 0 <= found[name] <= 1


def test_shrinking_never_enlarges_and_keeps_brightness():
    """Short side at most `side`; small images as they are."""
    assert _pixels.shrink(Image.new("RGB", (900, 600)), 256).size == (384, 256)
    assert _pixels.shrink(Image.new("RGB", (5000, 300)), 256).height == 256
    small = scene(1, (100, 80))
    assert _pixels.shrink(small, 256) is small
    big = scene(3, (900, 600))
    assert measured(big)["brightness"] == pytest.approx(measured(big, 600)["brightness"], abs=2e-3)


def test_the_same_image_gives_the_same_bits_in_any_company():
    """Rows do not know their neighbours; extract splits and rounds to float32, nothing else."""
    extractor = Properties(side=64)
    rows = np.stack([extractor.prepare(Frame(scene(seed), FACTS)) for seed in range(3)])
    assert rows.dtype == np.float64
    together = extractor.extract(EMPTY, rows, Runtime())
    for at in range(3):
        again = extractor.prepare(Frame(scene(at), FACTS))[None]
        alone = extractor.extract(extractor.fit(rows[:0], 0, Runtime()), again, Runtime())
        assert all(
            alone[view][0].tobytes() == together[view][at].tobytes() for view in extractor.view_names()
        )
    assert together["properties"].shape == (3, len(PIXELS))
    assert together["file"].dtype == np.float32
    assert extractor.extract(EMPTY, rows[:0], Runtime())["file"].shape == (0, len(FILE))


def test_side_is_bounded():
    """A side that would measure nothing is refused."""
    with pytest.raises(ValueError, match="side must be"):
        Properties(side=2)
