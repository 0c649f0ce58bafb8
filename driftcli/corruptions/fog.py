"""Fog: steam, haze, a fogged-up front glass."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _field
from driftcli.corruptions._arrays import picture, pixels
from driftcli.corruptions.base import Class, Corruption

_AIR = 225.0
"""Grey level of the fog itself."""
_PATCHINESS = 0.35
"""How much its density varies over the image (standard deviation, relative)."""


@final
class Fog(Corruption):
    """Lays light grey over everything, in drifts: denser here than there, and other in every image."""

    belongs: ClassVar[Class] = "exposure"
    unit: ClassVar[str] = "% of the light that is fog's"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (6, 12, 22, 38, 60)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image under fog whose mean density is `amount` percent, in the densest place at most twice that."""
        drifts = _field.field(image, 3, rng)
        drifts = drifts - drifts.mean()
        drifts *= _PATCHINESS / max(float(drifts.std()), 1e-6)
        most = max(float(np.abs(drifts).max()), 1.0)  # never below none, never above twice
        density = _field.fitted(np.minimum(1.0, amount / 100 * (1 + drifts / most)), image)[..., None]
        values = pixels(image)
        return picture(values + density * (_AIR - values))
