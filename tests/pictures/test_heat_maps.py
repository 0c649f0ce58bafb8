"""Maps drawn over images: colour where it is strange, grey where not, pale where nobody looked; one scale for all."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from driftcli.extractors._errors import relative
from driftcli.pictures.heat_maps import Maps, drawn
from driftcli.pictures.picture import SIDE, Scale, decoded, encoded

GREY = Image.new("RGB", (120, 80), (90, 140, 60))
SCALE = Scale(1, 5, "")


def colour(image: Image.Image) -> np.ndarray:
    """[h, w]: 0 for grey."""
    pixels = np.asarray(image, np.int64)
    return pixels.max(axis=2) - pixels.min(axis=2)


def test_colour_is_where_the_map_is_high_and_inside_its_box():
    values = np.zeros((8, 8), np.float32)
    values[1, 6] = 9
    coloured = colour(drawn(GREY, values, (20, 0, 100, 80), SCALE))
    row, column = np.unravel_index(coloured.argmax(), coloured.shape)
    assert abs(row - 15) <= 8
    assert abs(column - 85) <= 8
    assert coloured[40:].max() == 0
    assert coloured[:, :20].max() == coloured[:, 100:].max() == 0


def test_below_the_scale_nothing_is_drawn_and_what_was_not_seen_is_pale():
    pixels = np.asarray(drawn(GREY, np.ones((4, 4), np.float32), (20, 0, 100, 80), SCALE))
    assert colour(Image.fromarray(pixels)).max() == 0
    inside = np.asarray(GREY.convert("L"))[0, 0]
    assert np.unique(pixels[:, 20:100]).tolist() == [inside]
    assert pixels[:, :20].min() > inside + 40


@pytest.mark.parametrize("box", [(0, 0, 0.2, 0.3), (119.8, 79.9, 120, 80), (-1, 0, 121, 80.4)])
def test_boxes_of_hardly_a_pixel_are_drawn(box):
    assert drawn(GREY, np.full((3, 3), 7, np.float32), box, SCALE).size == GREY.size


def test_one_scale_for_all_images():
    """A few glaring places do not pale the rest; without anything strange the scale is no shorter."""
    rng = np.random.default_rng(0)
    calm = rng.uniform(0, 1.2, (64, 64)).astype(np.float32)
    wild = calm.copy()
    wild[:4] = 8
    wild[0, 0] = 1_000
    assert Maps([calm], 1, "x").scale() == Scale(1, 2, "x")
    assert 7.9 <= Maps([calm, wild], 1, "x").scale().high <= 8.1


def test_errors_are_measured_against_what_is_usual_there():
    """At least one grey level: a border that never changes is not infinitely strict."""
    usual = np.array([[0.1, 0.0]], np.float32)
    assert relative(np.array([[[0.3, 2 / 255]]], np.float32), usual) == pytest.approx(np.array([[[3, 2]]]))


def test_tiny_pictures_are_enlarged_and_large_ones_reduced():
    for size, expected in (((28, 28), (140, 140)), ((400, 200), (160, 80)), ((100, 90), (100, 90))):
        data = encoded(Image.new("RGB", size, (200, 10, 10)))
        assert decoded(data).size == expected
        assert encoded(decoded(data))[:4] == b"RIFF"
    assert decoded(encoded(Image.new("L", (1, 1)))).size == (SIDE, SIDE)


@pytest.mark.parametrize("data", [b"", b"RIFF\x10\0\0\0WEBPVP8 ", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_of_ours_is_refused(data):
    with pytest.raises(ValueError, match="no WebP"):
        decoded(data)
