"""Rotation: a mount that has turned, a camera held at a slant."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from PIL import Image

from driftcli.corruptions._mirror import mirrored
from driftcli.corruptions.base import Class, Corruption


@final
class Rotation(Corruption):
    """Turns about the centre, left or right by chance; corners are filled with the image's reflection."""

    belongs: ClassVar[Class] = "geometry"
    unit: ClassVar[str] = "degrees"
    symbol: ClassVar[str] = "degrees"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (1, 3, 6, 12, 25)
    bounds: ClassVar[tuple[float, float]] = (0, 180)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image turned by `amount` degrees, bilinearly."""
        angle = math.radians(amount if rng.random() < 0.5 else -amount)  # noqa: PLR2004 - a fair coin
        cos, sin = math.cos(angle), math.sin(angle)
        width, height = image.size
        columns = max(0, math.ceil((width * abs(cos) + height * abs(sin) - width) / 2)) + 1
        rows = max(0, math.ceil((height * abs(cos) + width * abs(sin) - height) / 2)) + 1
        x, y = width / 2, height / 2
        matrix = (
            cos, sin, x - cos * x - sin * y + columns,
            -sin, cos, y + sin * x - cos * y + rows,
        )  # fmt: skip
        around = mirrored(image, columns, rows)
        return around.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
