"""A JPEG's pixels straight from libjpeg-turbo, bit for bit those that Pillow makes, and sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPACES = {"RGB": "RGB", "L": "GRAY"}
"""Pillow's mode of a JPEG and what simplejpeg calls it."""


def scaled(data: bytes, mode: str, size: tuple[int, int], scale: int) -> NDArray[np.uint8] | None:
    """uint8 [h, w, 3] or [h, w]: an image of `size` (width, height) at 1/`scale`; None where Pillow has to look.

    Pillow decides about all that is not plain (CMYK, colours without YCbCr) and all that libjpeg complains about:
    what is a broken file, and why, must not depend on which of the two is installed.
    """
    decoder = _decoder()
    if decoder is None or mode not in SPACES:
        return None
    width, height = (-(-length // scale) for length in size)
    try:
        tall, wide, space, _ = decoder.decode_jpeg_header(data)
        if (wide, tall) != size or space != {"RGB": "YCbCr", "L": "Gray"}[mode]:
            return None
        array: NDArray[np.uint8] = decoder.decode_jpeg(
            data, SPACES[mode], min_height=height, min_width=width, min_factor=1
        )
    except ValueError:
        return None
    array = array.reshape(array.shape[0], array.shape[1], -1)
    if array.shape[:2] != (height, width):
        return None
    return array if mode == "RGB" else array[..., 0]


def _decoder() -> Any:
    """simplejpeg, or None on a machine that it does not run on."""
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg
