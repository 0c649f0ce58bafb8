"""Blurs spread a point as far as they say; compression leaves what it says."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image

from driftcli.corruptions.base import SEVERITIES
from tests.corruptions._drawn import flat, kind, point, rng, same, scene, values


def moments(name, amount, image=None, seed=0):
    """Second moments of a point's image, in px² of short side 224: [xx, yy, xy]; and its sum."""
    image = image or point()
    factor = min(image.size) / 224
    spot = values(kind(name).apply(image, amount, rng(seed)))[..., 0]
    y, x = np.mgrid[: image.height, : image.width].astype(float)
    mass = spot.sum()
    x, y = x - (x * spot).sum() / mass, y - (y * spot).sum() / mass
    second = np.array([(x * x * spot).sum(), (y * y * spot).sum(), (x * y * spot).sum()]) / mass
    return second / factor**2, mass


def broad(side=225, radius=6):
    """A square of light large enough not to be rounded away, and its own second moment."""
    image = point(side, side)
    middle = side // 2
    image.paste((255, 255, 255), (middle - radius, middle - radius, middle + radius + 1, middle + radius + 1))
    width = 2 * radius + 1
    return image, (width**2 - 1) / 12 * (224 / side) ** 2


@pytest.mark.parametrize("amount", kind("gaussian_blur").amounts)
def test_gaussian_blur_has_its_standard_deviation(amount):
    image, own = broad()
    (xx, yy, _), _ = moments("gaussian_blur", amount, image)
    assert np.sqrt([xx - own, yy - own]) == pytest.approx([amount, amount], rel=0.1)


@pytest.mark.parametrize("amount", kind("defocus_blur").amounts)
def test_defocus_is_a_disc_of_its_radius(amount):
    image, own = broad()
    (xx, yy, xy), _ = moments("defocus_blur", amount, image)
    assert np.sqrt([xx - own, yy - own]) == pytest.approx([amount / 2, amount / 2], rel=0.08)
    assert abs(xy) < 0.05 * amount**2


def test_defocus_keeps_light_and_is_even_inside():
    """A small light becomes a disc of one value: not a bell."""
    image, _ = broad(225, 1)
    spot = values(kind("defocus_blur").apply(image, 7, rng()))[..., 0]
    inside = spot[108:117, 108:117]
    assert inside.std() < 0.06 * inside.mean()
    assert spot.sum() == pytest.approx(values(image)[..., 0].sum(), rel=0.05)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("amount", kind("motion_blur").amounts)
def test_motion_is_a_line_of_its_length(amount, seed):
    """L²/12 along the line, nothing across it but what interpolation adds: at most 1/8 px² each doubling."""
    image, own = broad()
    (xx, yy, xy), _ = moments("motion_blur", amount, image, seed)
    across, along = np.linalg.eigvalsh([[xx - own, xy], [xy, yy - own]])
    assert amount**2 / 12 * 0.85 - 0.1 < along < amount**2 / 12 * 1.1 + 0.4
    assert across < 0.125 * math.ceil(math.log2(amount * 225 / 224)) + 0.02


def test_motion_has_its_own_direction_in_every_image():
    directions = [moments("motion_blur", 10, broad()[0], seed)[0] for seed in range(12)]
    angles = [0.5 * np.arctan2(2 * xy, xx - yy) for xx, yy, xy in directions]
    assert np.std(angles) > 0.3


@pytest.mark.parametrize("name", ["gaussian_blur", "defocus_blur", "motion_blur", "downscale", "pixelate"])
def test_a_flat_image_stays_as_it_is(name):
    for size in ((224, 224), (900, 700)):
        changed = values(kind(name)(flat(140, *size), 5, rng()))
        assert np.abs(changed - 140).max() <= 1


@pytest.mark.parametrize("severity", SEVERITIES)
def test_jpeg_is_libjpeg_at_the_stated_quality(severity, monkeypatch):
    """The file it makes has the very quantisation tables of that quality."""
    made = []
    save = Image.Image.save
    monkeypatch.setattr(
        Image.Image, "save", lambda image, out, *a, **k: (save(image, out, *a, **k), made.append(out))[0]
    )
    jpeg = kind("jpeg")
    changed = jpeg(scene(), severity, rng())
    monkeypatch.undo()
    expected = io.BytesIO()
    flat(9).save(expected, "JPEG", quality=jpeg.amounts[severity - 1])
    tables = [Image.open(io.BytesIO(stream.getvalue())).quantization for stream in (made[0], expected)]
    assert tables[0] == tables[1]
    assert same(changed, Image.open(io.BytesIO(made[0].getvalue())).convert("RGB"))


@pytest.mark.parametrize(("amount", "blocks"), [(2, 112), (5, 45), (8, 28)])
@pytest.mark.parametrize("side", [224, 448])
def test_pixelate_leaves_so_many_squares(amount, blocks, side):
    image = scene(side, side)
    changed = values(kind("pixelate").apply(image, amount, rng()))
    borders = (np.abs(np.diff(changed, axis=1)).max(axis=(0, 2)) > 0).sum()
    assert borders == blocks - 1


def test_squares_keep_their_mean():
    """Pillow rounds rows, then columns: within one grey level."""
    image = scene(224, 224)
    changed = values(kind("pixelate").apply(image, 8, rng()))
    means = values(image).reshape(28, 8, 28, 8, 3).mean(axis=(1, 3))
    assert np.abs(changed[::8, ::8] - means).max() <= 1


@pytest.mark.parametrize("amount", kind("downscale").amounts)
def test_downscale_leaves_no_detail_finer_than_it_says(amount):
    """Waves of the old Nyquist frequency are gone, those of a fifth of the new one are there."""
    side = 448

    def kept(waves):
        x = np.arange(side)
        row = 128 + 60 * np.sin(2 * np.pi * waves * (x + 0.5) / side)
        image = Image.fromarray(np.repeat(np.tile(row, (side, 1))[..., None], 3, 2).astype(np.uint8), "RGB")
        return values(kind("downscale").apply(image, amount, rng())).std() / values(image).std()

    assert kept(amount * 1.02) < 0.35
    assert kept(amount / 10) > 0.85
