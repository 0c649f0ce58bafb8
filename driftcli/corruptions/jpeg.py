"""JPEG: a stronger setting of the encoder, or one encoding more."""

from __future__ import annotations

import io
from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption


@final
class Jpeg(Corruption):
    """Encodes and decodes by libjpeg, colour at half resolution (4:2:0), at the image's own size."""

    belongs: ClassVar[Class] = "compression"
    unit: ClassVar[str] = "JPEG quality"
    symbol: ClassVar[str] = "quality"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (60, 40, 25, 15, 8)
    bounds: ClassVar[tuple[float, float]] = (1, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image after JPEG of quality `amount`, rounded to a whole number."""
        out = io.BytesIO()
        image.save(out, "JPEG", quality=round(amount), subsampling="4:2:0")
        return Image.open(out, formats=("JPEG",)).convert("RGB")
