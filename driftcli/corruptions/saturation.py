"""Saturation: colours too strong, as a vivid picture profile makes them; `grey_scale` takes colour away."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption


@final
class Saturation(Corruption):
    """Moves every colour away from its luminance; what has no colour stays grey."""

    belongs: ClassVar[Class] = "colour"
    unit: ClassVar[str] = "times the colour"
    symbol: ClassVar[str] = "times"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1.15, 1.3, 1.6, 2.2, 3.2)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with distances from the luminance multiplied by `amount`, clipped."""
        return Image.blend(image.convert("L").convert("RGB"), image, amount)
