"""Defocus: a lens out of focus as a lens does it, every point a disc."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.corruptions._arrays import picture, pixels
from driftcli.corruptions.base import Class, Corruption, scale

_LEAST = 0.5
"""Radius in pixels below which a disc does not leave its pixel."""
_MOST = 8.0
"""Largest radius in pixels that is computed; beyond it the image is shrunk first: nothing finer is left of it."""


@final
class DefocusBlur(Corruption):
    """Every point becomes an even disc; edges of the image are continued by reflection."""

    belongs: ClassVar[Class] = "blur"
    unit: ClassVar[str] = "px at short side 224 (radius)"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1.4, 2.0, 3.0, 5.0, 8.0)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """A disc of radius r has the second moment of a Gaussian with standard deviation r/2."""
        radius = amount * scale(image)
        if radius < _LEAST:
            return image.copy()
        if radius <= _MOST:
            return picture(_disc(pixels(image), radius))
        share = _MOST / radius
        small = image.resize(
            (max(1, round(image.width * share)), max(1, round(image.height * share))),
            Image.Resampling.BOX,
        )
        return picture(_disc(pixels(small), _MOST)).resize(image.size, Image.Resampling.BICUBIC)


def _disc(values: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """[h, w, 3] averaged over discs: for each row of the disc, differences of running sums."""
    height, width = values.shape[:2]
    reach = math.ceil(radius + 0.5)
    padded = np.pad(values, ((reach, reach), (reach + 1, reach + 1), (0, 0)), "symmetric")
    sums = np.cumsum(padded, axis=1, dtype=np.float32)
    total = np.zeros_like(values)
    area = 0.0
    for row in range(reach + 1):
        half = _half_width(radius, row)
        if half <= 0:
            continue
        rows = sums[reach + row : reach + row + height]
        if row:
            rows = rows + sums[reach - row : reach - row + height]
        total += _until(rows, reach + 0.5 + half, width) - _until(rows, reach + 0.5 - half, width)
        area += 2 * half * (2 if row else 1)
    return total / np.float32(area)


def _half_width(radius: float, row: int) -> float:
    """Mean half width of the disc over one row of pixels."""
    heights = row - 0.5 + (np.arange(32) + 0.5) / 32
    return float(np.sqrt(np.maximum(0.0, radius**2 - heights**2)).mean())


def _until(sums: NDArray[np.float32], end: float, width: int) -> NDArray[np.float32]:
    """Running sums up to x + `end`, between two pixels interpolated, for `width` values of x."""
    whole = math.floor(end)
    part = np.float32(end - whole)
    return (1 - part) * sums[:, whole : whole + width] + part * sums[:, whole + 1 : whole + 1 + width]
