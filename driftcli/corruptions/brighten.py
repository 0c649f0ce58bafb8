"""Brightening: stray light, a wrong black level."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, toned
from driftcli.corruptions.base import Class, Corruption


@final
class Brighten(Corruption):
    """Adds the same to every channel value, so that shadows turn grey; `over_exposure` is more light."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "grey levels added"
    symbol: ClassVar[str] = "gl"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (6, 12, 24, 44, 72)
    bounds: ClassVar[tuple[float, float]] = (0, 255)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` grey levels added to every channel value; white stays white."""
        return toned(image, LEVELS + amount)
