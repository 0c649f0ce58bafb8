"""Translation: a camera or a stop that has moved."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._mirror import mirrored
from driftcli.corruptions.base import Class, Corruption


@final
class Translation(Corruption):
    """Moves in a direction of its own for each image; the uncovered border is filled with the reflection."""

    belongs: ClassVar[Class] = "geometry"
    unit: ClassVar[str] = "% of the short side"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (2, 4, 8, 14, 22)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image moved by `amount` percent of its short side, by whole pixels: nothing is interpolated."""
        way, angle = amount / 100 * min(image.size), rng.uniform(0, 2 * math.pi)
        right, down = round(way * math.cos(angle)), round(way * math.sin(angle))
        around = mirrored(image, abs(right), abs(down))
        left, top = abs(right) - right, abs(down) - down
        return around.crop((left, top, left + image.width, top + image.height))
