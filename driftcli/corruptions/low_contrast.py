"""Low contrast: a dirty front glass, a flat profile."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._arrays import LEVELS, toned
from driftcli.corruptions.base import Class, Corruption


@final
class LowContrast(Corruption):
    """Moves every tone towards the image's own mean luminance, which stays."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "% of contrast lost"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (8, 16, 30, 50, 70)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` percent of every value's distance from the mean luminance taken away."""
        mean = float(np.asarray(image.convert("L"), np.float32).mean())
        return toned(image, mean + (LEVELS - mean) * (1 - amount / 100))
