"""White balance: set for another light, so that images are too warm."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, toned
from driftcli.corruptions.base import Class, Corruption


@final
class WhiteBalance(Corruption):
    """Makes red stronger and blue weaker: daylight settings under a bulb."""

    belongs: ClassVar[Class] = "colour"
    unit: ClassVar[str] = "% more red against blue"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (6, 12, 22, 40, 70)
    bounds: ClassVar[tuple[float, float]] = (0, 1000)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with red made stronger by `amount` percent against blue: half of it more red, half less blue; green stays."""
        ratio = np.sqrt(1 + amount / 100)
        return toned(image, np.stack([LEVELS * ratio, LEVELS, LEVELS / ratio]))
