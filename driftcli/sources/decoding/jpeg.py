"""A JPEG's pixels straight from libjpeg-turbo, bit for bit those that Pillow makes, and sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SPACES = {"RGB": ("YCbCr", "RGBX"), "L": ("Gray", "GRAY")}
"""Pillow's mode of a JPEG, and what simplejpeg calls its colours in the file and out of it. A fourth byte a pixel, 255,
is what Pillow keeps in memory, too: it takes such pixels as they lie there."""


def scaled(data: bytes, mode: str, size: tuple[int, int], scale: int) -> NDArray[np.uint8] | None:
    """uint8 [h, w, 4] (RGB and 255) or [h, w]: an image of `size` at 1/`scale`; None where Pillow has to look.

    `size`: width and height of the whole image.

    Pillow decides about all that is not plain (CMYK, colours without YCbCr) and all that libjpeg complains about:
    what is a broken file, and why, must not depend on which of the two is installed.
    """
    decoder = _decoder()
    if decoder is None or mode not in SPACES:
        return None
    width, height = (-(-length // scale) for length in size)
    try:
        tall, wide, space, _ = decoder.decode_jpeg_header(data)
        stored, wanted = SPACES[mode]
        if (wide, tall) != size or space != stored:
            return None
        array: NDArray[np.uint8] = decoder.decode_jpeg(
            data, wanted, min_height=height, min_width=width, min_factor=1
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
