"""Flips: a mirrored camera, or an augmentation that slipped into production."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption


@final
class Flip(Corruption):
    """Exchanges left and right, in some of the images."""

    belongs: ClassVar[Class] = "geometry"
    unit: ClassVar[str] = "% of images mirrored"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (20, 40, 60, 80, 100)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image mirrored with a probability of `amount` percent, else unchanged: severity is how often."""
        if rng.random() * 100 < amount:
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image.copy()
