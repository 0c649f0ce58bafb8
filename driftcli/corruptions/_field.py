"""Smooth random fields: the shapes of fog and dirt."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 160
"""Short side in pixels at which a field is drawn; it has no finer detail, so any image can have it enlarged."""


def field(image: Image.Image, bumps: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """A smooth random field, float32 [h, w] in the image's shape, at most SIDE pixels at the short side.

    Normal values at the corners of a grid with `bumps` cells along the short side, cubic in between.
    """
    short = min(image.size)
    width, height = (max(1, round(length * min(1.0, SIDE / short))) for length in image.size)
    rows, columns = (math.ceil(bumps * length / min(width, height)) + 1 for length in (height, width))
    grid = Image.fromarray(rng.standard_normal((rows, columns), np.float32))
    return np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def fitted(values: NDArray[np.float32], image: Image.Image) -> NDArray[np.float32]:
    """A field enlarged to the image's size: float32 [h, w]."""
    return np.asarray(Image.fromarray(values).resize(image.size, Image.Resampling.BILINEAR), np.float32)
