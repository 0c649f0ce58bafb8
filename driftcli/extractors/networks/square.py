"""The square of an image that a network is shown: whole, or the middle of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from PIL import Image

from driftcli.core.typed_json import Within
from driftcli.extractors.networks.known import Interpolation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.core.images import Frame

CLASSIFIER = "classifier"
"""In place of an extractor's kind: among the arrays that a worker sends, what the user's classifier is to be shown."""


@dataclass(frozen=True)
class Square:
    """How a worker prepares an image for the user's own classifier."""

    side: Annotated[int, Within(1, 4096)]
    resize: Annotated[int, Within(1, 8192)]
    """Short side before the crop; without a crop nothing."""
    crop: Literal["center", "none"]
    """`none`: the whole image is stretched to the square."""
    interpolation: Interpolation
    channels: Literal[1, 3] = 3
    """1: grey, by luma."""

    @property
    def short_side(self) -> int:
        """Pixels of the image's short side that are looked at."""
        return self.resize if self.crop == "center" else self.side

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, channels], resampled from all pixels that were decoded, as a classifier's own loader does."""
        image = frame.image if self.channels > 1 else frame.image.convert("L")
        box = center(*image.size, self.resize, self.side) if self.crop == "center" else None
        found = image.resize((self.side, self.side), Image.Resampling[self.interpolation.upper()], box=box)
        return np.asarray(found, np.uint8).reshape(self.side, self.side, self.channels)


def center(width: int, height: int, resize: int, side: int) -> tuple[float, float, float, float]:
    """The box, in the image's own pixels, of the central square after a resize of the short side."""
    short = min(width, height)
    after = (int(resize * width / short), int(resize * height / short))
    left, top = (round((length - side) / 2) for length in after)
    across, down = width / after[0], height / after[1]
    return left * across, top * down, min((left + side) * across, width), min((top + side) * down, height)
