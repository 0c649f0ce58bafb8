"""Where an image is strange, drawn over it: one scale for all images of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from driftcli.pictures.picture import Scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOURS = "inferno"
"""Perceptually uniform, readable without colour vision and in print (Smith & van der Walt 2015)."""
OPAQUE = 0.85
"""Alpha at the upper end."""
SPAN = 2.0
"""The scale is at least so many times its beginning long, so that a harmless report shows no alarm."""
BRIGHTEST = 0.998
"""Quantile of all places of all images at which the scale ends: a few glaring pixels do not pale the rest."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Maps:
    """How strange the places of n images are to one family."""

    values: Sequence[NDArray[np.float32]]
    """n arrays [h, w]."""
    low: float
    """From here on it is worth a colour."""
    unit: str
    """What is counted, in words."""

    def scale(self) -> Scale:
        """One for all of them."""
        places = np.concatenate([each.reshape(-1) for each in self.values])
        high = max(float(np.quantile(places, BRIGHTEST)), self.low * SPAN, self.low + 1e-6)
        return Scale(self.low, round(high, 2 - int(np.floor(np.log10(high)))), self.unit)


def drawn(image: Image.Image, values: NDArray[np.float32], box: Box, scale: Scale) -> Image.Image:
    """The image in grey with the map in colour over the box that it belongs to.

    The stronger, the more opaque; what lies outside of the box was not looked at and is pale.
    """
    grey = np.asarray(image.convert("L"), np.float32)[..., None] / 255
    width, height = image.size
    left, top, right, bottom = (round(edge) for edge in box)
    left, top = min(left, width - 1), min(top, height - 1)
    size = (max(right - left, 1), max(bottom - top, 1))
    strength = np.clip((values - scale.low) / (scale.high - scale.low), 0, 1).astype(np.float32)
    placed = np.zeros((height, width), np.float32)
    larger = np.asarray(Image.fromarray(strength).resize(size, Image.Resampling.BILINEAR))
    part = placed[top:bottom, left:right]
    part[:] = larger[: part.shape[0], : part.shape[1]]
    colours = _colours()[np.rint(255 * placed).astype(np.int64)]
    alpha = (OPAQUE * np.sqrt(placed))[..., None]
    mixed = np.repeat((1 - alpha) * grey, 3, axis=2) + alpha * colours
    outside = np.ones((height, width, 1), bool)
    outside[top:bottom, left:right] = False
    mixed = np.where(outside, 0.6 + 0.4 * mixed, mixed)
    return Image.fromarray(np.rint(255 * mixed).astype(np.uint8))


def blended(steps: int) -> list[tuple[int, int, int]]:
    """The colours of the scale from its low to its high end as they look over middle grey: RGB of 255."""
    strength = np.linspace(0, 1, steps)
    alpha = (OPAQUE * np.sqrt(strength))[:, None]
    mixed = (1 - alpha) * 0.5 + alpha * _colours()[np.rint(255 * strength).astype(np.int64)]
    return [(int(red), int(green), int(blue)) for red, green, blue in np.rint(255 * mixed)]


@cache
def _colours() -> NDArray[np.float32]:
    """[256, 3] of 1."""
    import matplotlib as mpl

    found: NDArray[np.float32] = mpl.colormaps[COLOURS](np.arange(256))[:, :3].astype(np.float32)
    return found
