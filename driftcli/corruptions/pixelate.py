"""Pixelation: squares of one colour, as after enlarging without interpolation."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption, scale


@final
class Pixelate(Corruption):
    """Replaces every square by its mean."""

    belongs: ClassVar[Class] = "compression"
    unit: ClassVar[str] = "px at short side 224 (side of a square)"
    short_unit: ClassVar[str] = "px"
    symbol: ClassVar[str] = "px"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1.5, 2.0, 3.0, 5.0, 8.0)
    bounds: ClassVar[tuple[float, float]] = (0, 224)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image in squares of `amount` pixels at short side 224; squares below one pixel of its own change nothing."""
        square = max(1.0, amount * scale(image))
        size = (max(1, round(image.width / square)), max(1, round(image.height / square)))
        return image.resize(size, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST)
