"""Downscaling: a source of lower resolution, enlarged to the old size."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import SIDE, Class, Corruption


@final
class Downscale(Corruption):
    """Shrinks and enlarges again, both bilinearly: soft, without the squares of `pixelate`."""

    belongs: ClassVar[Class] = "compression"
    unit: ClassVar[str] = "px that the short side keeps of 224"
    symbol: ClassVar[str] = "px"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (160, 112, 80, 52, 32)
    bounds: ClassVar[tuple[float, float]] = (1, 224)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image by way of a copy whose short side has `amount` pixels; below 224 px the same share of it."""
        share = amount / max(SIDE, min(image.size))
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        return image.resize(size, Image.Resampling.BILINEAR).resize(image.size, Image.Resampling.BILINEAR)
