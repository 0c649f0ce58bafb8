"""Gaussian noise: an amplifier turned up, a sensor grown warm."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _grain
from driftcli.corruptions._arrays import is_grey, picture, pixels
from driftcli.corruptions.base import Class, Corruption


@final
class GaussianNoise(Corruption):
    """Adds an independent error to every channel of every grain; to a grey image one without colour."""

    belongs: ClassVar[Class] = "noise"
    unit: ClassVar[str] = "grey levels (standard deviation)"
    short_unit: ClassVar[str] = "grey levels"
    symbol: ClassVar[str] = "gl"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (4, 8, 14, 24, 40)
    bounds: ClassVar[tuple[float, float]] = (0, 1000)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image plus normal errors with a standard deviation of `amount` grey levels, independent of the light."""
        shape = (*_grain.cells(image), 1 if is_grey(image) else 3)
        noise = rng.standard_normal(shape, np.float32) * np.float32(amount)
        return picture(pixels(image) + _grain.spread(noise, image))
