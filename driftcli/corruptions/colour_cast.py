"""Colour cast: greenish, as under fluorescent tubes or behind tinted glass."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, toned
from driftcli.corruptions.base import Class, Corruption


@final
class ColourCast(Corruption):
    """Moves all colours towards green, alike in every image: what changes is the light, not the picture."""

    belongs: ClassVar[Class] = "colour"
    unit: ClassVar[str] = "% more green against red and blue"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (5, 10, 18, 30, 50)
    bounds: ClassVar[tuple[float, float]] = (0, 1000)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with green made stronger by `amount` percent against red and blue: half of it more green, half less of both."""
        ratio = np.sqrt(1 + amount / 100)
        return toned(image, np.stack([LEVELS / ratio, LEVELS * ratio, LEVELS / ratio]))
