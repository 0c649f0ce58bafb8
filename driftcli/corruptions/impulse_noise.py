"""Impulse noise: bits lost on the way, pixels that come out black or white."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _grain
from driftcli.corruptions.base import Class, Corruption


@final
class ImpulseNoise(Corruption):
    """Turns single pixels black or white, one as often as the other, elsewhere in every image."""

    belongs: ClassVar[Class] = "noise"
    unit: ClassVar[str] = "% of pixels"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (0.3, 1, 2, 5, 12)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` percent of its pixels (grains of large images) black or white, never single channels."""
        drawn = _grain.spread(rng.random(_grain.cells(image), np.float32), image)
        values = np.array(image)
        values[drawn < amount / 200] = 0
        values[drawn >= 1 - amount / 200] = 255
        return Image.fromarray(values, "RGB")
