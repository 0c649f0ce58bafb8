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
    """Spreads every point to an even disc; the image's edges are continued by reflection."""

    belongs: ClassVar[Class] = "blur"
    unit: ClassVar[str] = "px at short side 224 (radius)"
    short_unit: ClassVar[str] = "px"
    symbol: ClassVar[str] = "px"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1.4, 2.0, 3.0, 5.0, 8.0)
    bounds: ClassVar[tuple[float, float]] = (0, 112)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image blurred by a disc whose radius is `amount` pixels at short side 224.

        A disc of radius r has the second moment of a Gaussian with standard deviation r/2.
        """
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
    """[h, w, 3] averaged over discs: for each column of the disc, differences of sums running down."""
    width = values.shape[1]
    reach = math.ceil(radius + 0.5)
    padded = np.pad(values, ((reach + 1, reach + 1), (reach, reach), (0, 0)), "symmetric")
    sums = np.cumsum(padded, axis=0, dtype=np.float32)
    total = np.zeros_like(values)
    area = 0.0
    for column in range(reach + 1):
        half = _half_height(radius, column)
        if half <= 0:
            continue
        columns = sums[:, reach + column : reach + column + width]
        if column:
            columns = columns + sums[:, reach - column : reach - column + width]
        _add_until(total, columns, reach + 0.5 + half, 1)
        _add_until(total, columns, reach + 0.5 - half, -1)
        area += 2 * half * (2 if column else 1)
    total /= np.float32(area)
    return total


def _half_height(radius: float, column: int) -> float:
    """Mean half height of the disc over one column of pixels."""
    widths = column - 0.5 + (np.arange(32) + 0.5) / 32
    return float(np.sqrt(np.maximum(0.0, radius**2 - widths**2)).mean())


def _add_until(total: NDArray[np.float32], sums: NDArray[np.float32], end: float, sign: int) -> None:
    """Adds running sums up to y + `end`, between two pixels interpolated, to every y of `total`."""
    whole = math.floor(end)
    part = end - whole
    height = len(total)
    for row, weight in ((whole, 1 - part), (whole + 1, part)):
        total += np.float32(sign * weight) * sums[row : row + height]
