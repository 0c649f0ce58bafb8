"""Gamma: tones encoded once too often, so that mid-tones are too light."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, toned
from driftcli.corruptions.base import Class, Corruption


@final
class Gamma(Corruption):
    """Bends the tones between black and white, which stay; 0.45 is what a second encoding does."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "exponent"
    symbol: ClassVar[str] = "exponent"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (0.92, 0.84, 0.73, 0.6, 0.45)
    bounds: ClassVar[tuple[float, float]] = (0.05, 20)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with every value v replaced by 255·(v / 255)^amount."""
        return toned(image, 255 * (LEVELS / 255) ** amount)
