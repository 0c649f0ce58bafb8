"""Digits and letters of 28 x 28 pixels, white on black, after the manner of MNIST and notMNIST."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from driftcli.simulation.sample.days import Folder, Photo

if TYPE_CHECKING:
    from collections.abc import Callable

SIDE, FINE = 28, 4
"""Pixels of an image; how many times finer it is drawn."""
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJ"


def photo(folder: Folder, index: int, seed: int) -> Photo:
    """Image `index` of a folder, letters where its name says so: a function of (seed, folder, index) alone."""
    rng = np.random.default_rng([seed, crc32(folder.name.encode()), index])
    draw, known = (_letter, LETTERS) if folder.name.startswith("letters") else (_digit, DIGITS)
    label = known[int(rng.integers(len(known)))]
    stored = io.BytesIO()
    draw(label, rng).save(stored, "PNG")
    taken = datetime.fromisoformat(folder.first_day) + timedelta(minutes=index)
    return Photo(stored.getvalue(), label, taken)


def _digit(text: str, rng: np.random.Generator) -> Image.Image:
    """As if written: a thin or thick pen, leaning and turned a little, a wide margin all round."""
    size, pen = rng.uniform(68, 82), int(rng.integers(1, 6))
    return _set(text, size, pen, (rng.normal(0, 7), rng.normal(0.1, 0.15), rng.uniform(0.85, 1.15)))


def _letter(text: str, rng: np.random.Generator) -> Image.Image:
    """As if printed: heavy, nearly upright, up to the border."""
    size, weight = rng.uniform(120, 150), int(rng.integers(1, 12))
    return _set(text, size, weight, (rng.normal(0, 3), rng.choice((0.0, 0.25)), rng.uniform(0.75, 1.25)))


def _set(text: str, size: float, stroke: int, shape: tuple[float, float, float]) -> Image.Image:
    """One character in the middle of an image; `shape`: degrees turned, slant, width to height."""
    side = SIDE * FINE
    large = Image.new("L", (side, side))
    place: Callable[..., None] = ImageDraw.Draw(large).text
    place((side / 2, side / 2), text, 255, ImageFont.load_default(size), anchor="mm", stroke_width=stroke)
    turned, slant, width = shape
    middle = side / 2
    matrix = (1 / width, slant, middle * (1 - 1 / width - slant), 0, 1, 0)
    leaning = large.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    upright = leaning.rotate(turned, Image.Resampling.BILINEAR)
    return upright.resize((SIDE, SIDE), Image.Resampling.BOX)
