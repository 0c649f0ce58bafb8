"""What a corruption is: one physical thing that happens to images, in five severities."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from PIL import Image

Class = Literal["blur", "noise", "compression", "exposure", "colour", "geometry", "occlusion"]
"""What a person would call it, and whom it wakes: the lens, the sensor, the encoder, the lamp, the mount, dirt."""

SEVERITIES = (1, 2, 3, 4, 5)
SIDE = 224
"""Lengths are given in pixels of an image whose short side has so many: what a network is shown."""


class Corruption(ABC):
    """One physical change of an image, in five severities that differ in one amount; one kind a file, without fields.

    The same image, severity and generator state give the same pixels. Runs in decode workers: PIL and
    numpy only.
    """

    belongs: ClassVar[Class]
    unit: ClassVar[str]
    """What `amounts` count, for people: "grey levels (standard deviation)"."""
    short_unit: ClassVar[str] = ""
    """`unit` without what it is counted at: "grey levels"; empty where that is `unit` itself."""
    symbol: ClassVar[str]
    """What stands behind an amount on the command line: `gl` in `gaussian_noise:127gl`."""
    amounts: ClassVar[tuple[float, float, float, float, float]]
    """The physical amount at severities 1 to 5."""
    bounds: ClassVar[tuple[float, float]]
    """The least and the largest amount that there can be; severities lie well within them."""

    def amount(self, severity: float) -> float:
        """The amount, in `unit`, at a severity in 1..5, interpolated between two of them; else raises ValueError."""
        if not SEVERITIES[0] <= severity <= SEVERITIES[-1]:
            raise ValueError(f"severity must be between 1 and 5, not {severity}")
        return float(np.interp(severity, SEVERITIES, self.amounts))

    def severity(self, amount: float) -> float | None:
        """The severity in 1..5 whose amount this is, the inverse of `amount`; None for one beyond them."""
        first, last = sorted(self.amounts[:: len(self.amounts) - 1])
        if not first <= amount <= last:
            return None
        rising = 1 if self.amounts[-1] > self.amounts[0] else -1
        return float(np.interp(amount, self.amounts[::rising], SEVERITIES[::rising]))

    def __call__(self, image: Image.Image, severity: float, rng: np.random.Generator) -> Image.Image:
        """`image` (RGB) as it would look; a new image of the same size and mode."""
        return self.apply(image, self.amount(severity), rng)

    @abstractmethod
    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """A new RGB image, of the same size, as `image` (RGB) would look at one physical amount (in `unit`)."""


def scale(image: Image.Image) -> float:
    """How many pixels of this image are as long as one pixel of an image whose short side has SIDE."""
    return min(image.size) / SIDE
