"""Gaussian blur: a lens out of focus, in its simplest form."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image, ImageFilter

from driftcli.corruptions.base import Class, Corruption, scale


@final
class GaussianBlur(Corruption):
    """Spreads every point to a Gaussian spot."""

    belongs: ClassVar[Class] = "blur"
    unit: ClassVar[str] = "px at short side 224 (standard deviation)"
    short_unit: ClassVar[str] = "px"
    symbol: ClassVar[str] = "px"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (0.7, 1.0, 1.5, 2.5, 4.0)
    bounds: ClassVar[tuple[float, float]] = (0, 112)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image blurred with a standard deviation of `amount` pixels at short side 224."""
        return image.filter(ImageFilter.GaussianBlur(amount * scale(image)))
