"""The grain of noise: as large as it takes to survive the shrinking to what a network sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.corruptions.base import scale


def side(image: Image.Image) -> int:
    """How many pixels a grain is wide: 1 below twice the size a network sees, then growing with the image."""
    factor = scale(image)
    return round(factor) if factor >= 2 else 1  # noqa: PLR2004 - "twice"


def cells(image: Image.Image) -> tuple[int, int]:
    """How many rows and columns of grains cover the image."""
    grain = side(image)
    return math.ceil(image.height / grain), math.ceil(image.width / grain)


def spread(values: NDArray[Any], image: Image.Image) -> NDArray[Any]:
    """Values of pixels [h, w, ...] from those of grains [rows, columns, ...]: each grain is a square of one value."""
    grain = side(image)
    if grain > 1:
        values = np.repeat(np.repeat(values, grain, axis=0), grain, axis=1)
    return values[: image.height, : image.width]
