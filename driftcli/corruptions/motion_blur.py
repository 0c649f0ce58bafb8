"""Motion blur: the camera or the thing moved while the shutter was open."""

from __future__ import annotations

import math
from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.corruptions._arrays import picture, pixels
from driftcli.corruptions.base import Class, Corruption, scale


@final
class MotionBlur(Corruption):
    """Spreads every point along a line whose direction differs from image to image."""

    belongs: ClassVar[Class] = "blur"
    unit: ClassVar[str] = "px at short side 224 (length)"
    short_unit: ClassVar[str] = "px"
    symbol: ClassVar[str] = "px"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (2.5, 4.0, 6.0, 10.0, 16.0)
    bounds: ClassVar[tuple[float, float]] = (0, 224)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image blurred by even motion along a straight line of `amount` pixels at short side 224."""
        angle = rng.uniform(0, math.pi)
        values = pixels(image)
        turned = math.cos(angle) < 0  # so that both steps are forward
        moved = _line(values[:, ::-1] if turned else values, amount * scale(image), angle)
        return picture(moved[:, ::-1] if turned else moved)


def _line(values: NDArray[np.float32], length: float, angle: float) -> NDArray[np.float32]:
    """[h, w, 3] averaged along a line: the mean of 2, then 4, 8, ... copies at most a pixel apart."""
    height, width = values.shape[:2]
    doublings = max(1, math.ceil(math.log2(max(length, 1))))
    step = length / 2**doublings
    across, down = abs(math.cos(angle)) * step, math.sin(angle) * step
    span = 2**doublings - 1
    left, top = round(across * span / 2), round(down * span / 2)
    right, bottom = (math.ceil(direction * span) + 2 * doublings for direction in (across, down))
    moved = np.pad(values, ((top, bottom), (left, right), (0, 0)), "symmetric")
    for doubling in range(doublings):
        moved = _with_next(moved, down * 2**doubling, across * 2**doubling)
    return moved[:height, :width]


def _with_next(values: NDArray[np.float32], down: float, across: float) -> NDArray[np.float32]:
    """The mean of each pixel and the point so far below and to the right of it, linear between pixels."""
    row, column = math.floor(down), math.floor(across)
    height, width = values.shape[0] - row - 1, values.shape[1] - column - 1
    total = values[:height, :width].copy()
    for y, part_y in ((row, 1 - (down - row)), (row + 1, down - row)):
        for x, part_x in ((column, 1 - (across - column)), (column + 1, across - column)):
            if weight := part_y * part_x:
                total += np.float32(weight) * values[y : y + height, x : x + width]
    return total * np.float32(0.5)
