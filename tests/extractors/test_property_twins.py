"""Every pixel property against a slow obvious twin, written from its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from driftcli.core.images import FileFacts, Frame
from driftcli.extractors import _pixels

FACTS = FileFacts(93, 75, 0, "PNG", "RGB", grey=False)
DETAIL = {"sharpness", "noise", "edge_density", "blockiness"}


def picture(seed: int) -> Image.Image:
    """Coloured blobs with grain that grows with the seed."""
    rng = np.random.default_rng(seed)
    blobs = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(
        (93, 75), Image.Resampling.BICUBIC
    )
    values = np.asarray(blobs) + rng.normal(0, 3 * seed, (75, 93, 3))
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def twin(image: Image.Image) -> dict[str, float]:
    """Every pixel property by its definition, pixel by pixel where that is the definition."""
    rgb = np.asarray(image).astype(float)
    luma = np.asarray(image.convert("L")).astype(float)
    high, wide = luma.shape
    share = np.array([np.mean(luma == level) for level in range(256)])
    chroma = rgb.max(axis=2) - rgb.min(axis=2)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    rg, yb = red - green, (red + green) / 2 - blue
    vector = sum(
        (r - (g + b) / 2) + 1j * math.sqrt(3) / 2 * (g - b)
        for r, g, b in zip(red.ravel(), green.ravel(), blue.ravel(), strict=True)
    )
    steps, bends, grain = [], [], np.zeros((high - 2, wide - 2))
    mask = np.outer([1, -2, 1], [1, -2, 1])
    for y in range(1, high - 1):
        for x in range(1, wide - 1):
            near = luma[y - 1 : y + 2, x - 1 : x + 2]
            steps.append((near[2, 1] - near[0, 1]) ** 2 + (near[1, 2] - near[1, 0]) ** 2)
            bends.append(near[0, 1] + near[2, 1] + near[1, 0] + near[1, 2] - 4 * near[1, 1])
            grain[y - 1, x - 1] = abs(np.sum(mask * near))
    steps, bends = np.array(steps), np.array(bends)
    steep = steps >= np.sort(steps)[-(len(steps) // 10)]
    blocks = [
        grain[y : y + 8, x : x + 8].mean()
        for y in range(0, high - 2 - 7, 8)
        for x in range(0, wide - 2 - 7, 8)
        if luma[y + 1 : y + 9, x + 1 : x + 9].min() > 5 and luma[y + 1 : y + 9, x + 1 : x + 9].max() < 250
    ]
    return {
        "brightness": luma.mean() / 255,
        "contrast": luma.std() / 255,
        "entropy": -sum(p * math.log2(p) for p in share if p > 0),
        "highlights": np.mean(luma >= 250),
        "shadows": np.mean(luma <= 5),
        "saturation": chroma.sum() / rgb.max(axis=2).sum(),
        "colourfulness": math.hypot(rg.std(), yb.std()) + 0.3 * math.hypot(rg.mean(), yb.mean()),
        "red_green": rg.mean() / rgb.mean(),
        "yellow_blue": yb.mean() / rgb.mean(),
        "hue": (math.atan2(vector.imag, vector.real) / math.tau) % 1,
        "sharpness": math.sqrt(np.sum(bends[steep] ** 2) / np.sum(steps[steep])),
        "noise": sorted(blocks)[(len(blocks) - 1) // 10] * math.sqrt(math.pi / 2) / 6 / 0.81,
        "edge_density": np.mean(steps > 51**2),
        "blockiness": (grid(luma) + grid(luma.T)) / 2,
    }


def grid(luma: np.ndarray) -> float:
    step = [np.abs(luma[:, x + 1] - luma[:, x]).mean() for x in range(luma.shape[1] - 1)]
    return np.mean(step[7::8]) / np.mean([value for x, value in enumerate(step) if x % 8 != 7])


@pytest.mark.parametrize("seed", range(3))
def test_every_property_equals_its_slow_twin(seed):
    """The fast exact sums compute what the definitions say."""
    image = picture(seed)
    expected = twin(image)
    measured = _pixels.measure(Frame(image, FileFacts(93, 75, 0, "PNG", "RGB", grey=False)), 256)
    found = dict(zip([column.name for column in _pixels.COLUMNS], measured, strict=True))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_light_and_colour_of_a_tall_image_are_those_of_every_third_row():
    """And nothing else is: detail, and an image with fewer rows, are measured whole."""
    image = picture(1).resize((131, 130), Image.Resampling.BICUBIC)
    thinned = Image.fromarray(np.asarray(image)[1::3])
    names = [column.name for column in _pixels.COLUMNS]
    of_image, of_rows = (
        dict(zip(names, _pixels.measure(Frame(each, FACTS), 256), strict=True)) for each in (image, thinned)
    )
    expected = {**twin(thinned), **{name: value for name, value in twin(image).items() if name in DETAIL}}
    assert of_image == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert {name: of_image[name] for name in names if name not in DETAIL} == {
        name: of_rows[name] for name in names if name not in DETAIL
    }


@pytest.mark.parametrize("step", [2, 4])
def test_striped_images_are_seen_as_they_are(step):
    """Every second or fourth row black: as many shadows, whichever rows are looked at."""
    pixels = np.full((240, 100, 3), 128, np.uint8)
    pixels[::step] = 0
    found = _pixels.measure(Frame(Image.fromarray(pixels), FACTS), 256)
    assert found[4] == pytest.approx(1 / step, abs=0.01)


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (9, 1), (2, 3), (3, 2), (3, 3), (8, 9), (17, 30), (300, 270)]
)
def test_detail_of_any_shape_equals_differences_taken_row_by_row(shape):
    """Rows laid end to end: what crosses their ends counts nowhere."""
    luma = np.random.default_rng(sum(shape)).integers(0, 256, shape).astype(np.int16)
    found = _pixels.detail(luma)
    steps = [np.abs(np.diff(luma, axis=axis)).swapaxes(0, axis).astype(int) for axis in (0, 1)]
    ratios = []
    for each in steps:
        on = np.arange(len(each)) % 8 == 7
        if on.sum() > 1 and each[~on].sum():
            ratios.append(each[on].sum() / each[~on].sum() * ((~on).sum() / on.sum()))
    assert found["blockiness"] == pytest.approx(np.mean(ratios) if ratios else np.nan, nan_ok=True)
    if min(shape) < 3:
        assert np.isnan([found["sharpness"], found["noise"], found["edge_density"]]).all()
        return
    down, right = luma[2:, 1:-1] - luma[:-2, 1:-1], luma[1:-1, 2:] - luma[1:-1, :-2]
    gradient = down.astype(int) ** 2 + right.astype(int) ** 2
    bent = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    steep = gradient >= max(np.sort(gradient, axis=None)[-max(1, gradient.size // 10)], 1)
    ratio = np.sum(bent[steep].astype(int) ** 2) / np.sum(gradient[steep])
    assert found["sharpness"] == pytest.approx(math.sqrt(ratio))
    assert found["edge_density"] == pytest.approx(np.mean(gradient > 51**2))
    assert found["noise"] >= 0
