"""Grey-scale: colour lost, in part or for good; `saturation` is too much of it."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions.base import Class, Corruption


@final
class GreyScale(Corruption):
    """Moves every pixel towards its luminance; at severity 5 nothing else is left."""

    belongs: ClassVar[Class] = "colour"
    unit: ClassVar[str] = "% of colour removed"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (15, 30, 50, 75, 100)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` percent of its colour gone: blended with its luminance as ITU-R BT.601 weighs it."""
        return Image.blend(image, image.convert("L").convert("RGB"), amount / 100)
