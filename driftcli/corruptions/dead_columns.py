"""Dead columns: a sensor's read-out line gone, at the same place in every image."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _grain
from driftcli.corruptions.base import Class, Corruption

_SENSOR = 6
"""Seed of the one sensor whose defects these are."""


@final
class DeadColumns(Corruption):
    """Turns whole columns black or white; which ones depends on the image's size alone: one sensor took them all."""

    belongs: ClassVar[Class] = "occlusion"
    unit: ClassVar[str] = "% of columns"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (0.5, 1, 2, 4, 8)
    bounds: ClassVar[tuple[float, float]] = (0, 100)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` percent of its columns dead, at least one; as wide as grains in large images."""
        columns = _grain.cells(image)[1]
        order = np.random.default_rng(_SENSOR).permutation(columns)
        dead = order[: max(1, round(columns * amount / 100))]
        marks = np.zeros((1, columns), np.uint8)
        marks[0, dead] = 1 + np.arange(len(dead)) % 2
        marks = np.repeat(marks, _grain.side(image), axis=1)[0, : image.width]
        values = np.array(image)
        values[:, marks == 1] = 0
        values[:, marks == 2] = 255  # noqa: PLR2004 - the second kind
        return Image.fromarray(values, "RGB")
