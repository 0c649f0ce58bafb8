"""A scratch, on the part or on the glass."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from PIL import Image, ImageDraw

from driftcli.corruptions.base import SIDE, Class, Corruption, scale

_WIDTH = 1.6
"""Pixels at short side 224."""
_FINE = 3
"""Times finer than a small image the line is drawn, so that its edges are smooth."""


@final
class Scratch(Corruption):
    """Draws a thin, slightly bent line, brighter or darker than what it crosses, elsewhere in every image."""

    belongs: ClassVar[Class] = "occlusion"
    unit: ClassVar[str] = "% of the short side (length)"
    short_unit: ClassVar[str] = "% of the short side"
    symbol: ClassVar[str] = "%"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (10, 20, 40, 75, 130)
    bounds: ClassVar[tuple[float, float]] = (0, 400)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image with a line as long as `amount` percent of its short side.

        The same generator state gives the same place: a higher severity makes that line longer.
        """
        centre = rng.uniform(0.3, 0.7, 2) * image.size
        angle, bend = rng.uniform(0, math.pi), rng.uniform(-1.0, 1.0)
        colour, strength = (235, 0.75) if rng.random() < 0.5 else (20, 0.75)  # noqa: PLR2004 - a fair coin
        fine = _FINE if scale(image) < _FINE else 1
        along = np.linspace(-0.5, 0.5, 33) * amount / 100
        turned = angle + bend * along  # absolute, so that a longer scratch contains the shorter one
        side = scale(image) * SIDE
        points = np.stack(
            [centre[0] + side * along * np.cos(turned), centre[1] + side * along * np.sin(turned)], 1
        )
        mask = Image.new("L", (image.width * fine, image.height * fine))
        ImageDraw.Draw(mask).line(
            [(float(x), float(y)) for x, y in points * fine],
            fill=round(255 * strength),
            width=max(1, round(_WIDTH * scale(image) * fine)),
            joint="curve",
        )
        scratched = image.copy()
        scratched.paste((colour, colour, colour), mask=mask.reduce(fine) if fine > 1 else mask)
        return scratched
