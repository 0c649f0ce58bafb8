"""Images as numbers and back, for corruptions that need arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pixels(image: Image.Image) -> NDArray[np.float32]:
    """The image as float32 [h, w, 3], 0..255."""
    return np.asarray(image, np.float32)


def picture(values: NDArray[Any]) -> Image.Image:
    """An RGB image from [h, w, 3], rounded and clipped to 0..255."""
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8), "RGB")


def is_grey(image: Image.Image) -> bool:
    """Whether R = G = B everywhere: what is added to such an image has no colour either."""
    values = np.asarray(image)
    return bool(
        np.array_equal(values[..., 0], values[..., 1]) and np.array_equal(values[..., 1], values[..., 2])
    )


def toned(image: Image.Image, levels: NDArray[Any]) -> Image.Image:
    """The image with every channel value v replaced by levels[v] ([256], or [3, 256]), rounded and clipped."""
    table = np.clip(np.rint(levels), 0, 255).astype(int).reshape(-1)
    return image.point([int(v) for v in (table if table.size > LEVELS.size else np.tile(table, 3))])


_LINE = 0.0031308
"""Linear light up to which sRGB is a line."""
LEVELS = np.arange(256, dtype=np.float64)
"""All values of a channel."""


def light(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear light 0..1 of channel values 0..255 (sRGB, IEC 61966-2-1: a power, and a line near black)."""
    share = levels / 255
    return np.where(share <= _LINE * 12.92, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Channel values of linear light (sRGB); those above 1 exceed 255 and are clipped by `toned`."""
    return 255 * np.where(linear <= _LINE, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
