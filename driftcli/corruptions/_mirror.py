"""What lies beyond an image's border: its mirror image, so that no black corner gives a movement away."""

from __future__ import annotations

import numpy as np
from PIL import Image


def mirrored(image: Image.Image, columns: int, rows: int) -> Image.Image:
    """The image with its own reflection around it: so many pixels more on the left and right, above and below."""
    margins = ((rows, rows), (columns, columns), (0, 0))
    return Image.fromarray(np.pad(np.asarray(image), margins, "symmetric"), "RGB")
