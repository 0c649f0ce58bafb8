"""Cropping: the camera came closer, or somebody cut the borders off."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption


@final
class Crop(Corruption):
    """Cuts off the borders and enlarges what is left to the old size."""

    belongs: ClassVar[Class] = "geometry"
    unit: ClassVar[str] = "% of each side kept"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (95, 90, 80, 65, 50)
    bounds: ClassVar[tuple[float, float]] = (5, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image without `amount` percent of its width and height, half of it on each side, enlarged bicubically."""
        width, height = image.size
        left, top = width * (1 - amount / 100) / 2, height * (1 - amount / 100) / 2
        box = (left, top, width - left, height - top)
        return image.resize(image.size, Image.Resampling.BICUBIC, box=box)
