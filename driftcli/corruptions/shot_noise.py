"""Shot noise: too few photons, as with short exposures in the dark."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.corruptions import _grain
from driftcli.corruptions._arrays import is_grey, picture, pixels
from driftcli.corruptions.base import Class, Corruption

_MANY = 4
"""Expected photons from which counts are as good as continuous."""


@final
class ShotNoise(Corruption):
    """Draws Poisson counts in place of light: the brighter, the noisier; black stays black."""

    belongs: ClassVar[Class] = "noise"
    unit: ClassVar[str] = "photons that make white"
    symbol: ClassVar[str] = "photons"
    amounts: ClassVar[tuple[float, float, float, float, float]] = (2000, 500, 160, 55, 20)
    bounds: ClassVar[tuple[float, float]] = (0.1, 1_000_000)

    def apply(self, image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
        """The image as counts of photons, of which white has `amount` on average.

        Values stand for counts as they are, without going back to linear light.
        """
        rows, columns = _grain.cells(image)
        coarse = image if _grain.side(image) == 1 else image.resize((columns, rows), Image.Resampling.BOX)
        expected = pixels(coarse)[..., : 1 if is_grey(image) else 3] * np.float32(amount / 255)
        noise = (_counted(expected, rng) - expected) * np.float32(255 / amount)
        return picture(pixels(image) + _grain.spread(noise, image))


def _counted(expected: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Poisson counts; from _MANY on by Cornish and Fisher's expansion, twice as fast and as skewed."""
    drawn = rng.standard_normal(expected.shape, np.float32)
    counts: NDArray[np.float32] = expected + np.sqrt(expected) * drawn + (drawn * drawn - 1) / np.float32(6)
    few = expected < _MANY
    counts[few] = rng.poisson(expected[few])
    return counts.astype(np.float32, copy=False)
