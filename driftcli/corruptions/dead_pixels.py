"""Dead pixels: a sensor's defects, at the same places in every image."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions import _grain
from driftcli.corruptions._arrays import is_grey
from driftcli.corruptions.base import Class, Corruption

_COLOURS = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
_SENSOR = 5
"""Seed of the one sensor whose defects these are."""


@final
class DeadPixels(Corruption):
    """Turns single pixels black, white or of one full colour; those of grey images black or white.

    Which ones depends on the image's size alone: one sensor took them all.
    """

    belongs: ClassVar[Class] = "occlusion"
    unit: ClassVar[str] = "of 100,000 pixels"
    symbol: ClassVar[str] = "per100k"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (10, 30, 100, 300, 1000)
    bounds: ClassVar[tuple[float, float]] = (0, 100_000)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with `amount` of 100,000 pixels dead, at least one; grains of several pixels in large images."""
        rows, columns = _grain.cells(image)
        sensor = np.random.default_rng(_SENSOR)
        order = sensor.permutation(rows * columns)
        dead = order[: max(1, round(rows * columns * amount / 100_000))]
        marks = np.zeros(rows * columns, np.uint8)
        marks[dead] = 1 + np.arange(len(dead)) % (2 if is_grey(image) else len(_COLOURS))
        marks = _grain.spread(marks.reshape(rows, columns), image)
        values = np.array(image)
        is_dead = marks > 0
        values[is_dead] = _COLOURS[marks[is_dead] - 1]
        return Image.fromarray(values, "RGB")
