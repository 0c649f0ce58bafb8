"""Darkening: less light, a shorter exposure, a lamp that ages."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, encoded, light, toned
from driftcli.corruptions.base import Class, Corruption


@final
class Darken(Corruption):
    """Divides linear light by a power of two; black stays black."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "stops less light (1 halves it)"
    short_unit: ClassVar[str] = "stops less light"
    symbol: ClassVar[str] = "stops"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (0.2, 0.4, 0.8, 1.3, 2.0)
    bounds: ClassVar[tuple[float, float]] = (0, 20)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` stops less light: linear light (sRGB) divided by 2 to that power."""
        return toned(image, encoded(light(LEVELS) / 2**amount))
