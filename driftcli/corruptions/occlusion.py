"""Occlusion: dirt, drops or fingers on the front glass."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _field
from driftcli.corruptions._arrays import picture, pixels
from driftcli.corruptions.base import Class, Corruption

_DIRT, _COVER = 38.0, 0.9
"""Grey level of the dirt, and how much of what lies behind it hides."""
_EDGE = 0.12
"""Width of its soft edge, in standard deviations of the field whose peaks it is."""


@final
class Occlusion(Corruption):
    """Covers random places with dark blobs with soft edges: the peaks of a smooth random field."""

    belongs: ClassVar[Class] = "occlusion"
    unit: ClassVar[str] = "% of the area"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1, 2, 5, 10, 20)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` percent of its area covered, measured at the middle of the soft edge."""
        hills = _field.field(image, 5, rng)
        bound = np.quantile(hills, 1 - amount / 100)
        cover = np.clip(0.5 + (hills - bound) / (_EDGE * max(float(hills.std()), 1e-6)), 0, 1)
        cover = _field.fitted(cover.astype(np.float32), image)[..., None] * np.float32(_COVER)
        values = pixels(image)
        return picture(values + cover * (_DIRT - values))
