"""Vignetting: less light towards the corners, from another lens or a hood in the way."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import picture, pixels
from driftcli.corruptions.base import Class, Corruption


@final
class Vignette(Corruption):
    """Takes light away with the square of the distance from the centre, which stays as it is."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "% darker in the corners"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (10, 20, 35, 55, 80)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with corners darker by `amount` percent.

        Distances are relative to half of each side: an ellipse in the image's shape.
        """
        rows, columns = (
            ((np.arange(length, dtype=np.float32) + 0.5) / length * 2 - 1) ** 2
            for length in (image.height, image.width)
        )
        light = 1 - np.float32(amount / 100) * (rows[:, None] + columns[None, :]) / 2
        return picture(pixels(image) * light[..., None])
