"""Small facts of canonical pixels: where the crop lies, whether there is colour, and the two hashes."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.errors import UsageError

Box = tuple[float, float, float, float]


def crop_box(crop: str | None, upright: tuple[int, int]) -> Box:
    """The crop as fractions left, top, right, bottom of the upright image, cut off at its edges."""
    if crop is None:
        return 0.0, 0.0, 1.0, 1.0
    try:
        x, y, width, height = (float(part) for part in crop.split(","))
    except ValueError:
        x = y = width = height = -1.0
    if not (x >= 0 and y >= 0 and width > 0 and height > 0):
        raise UsageError(
            f"the crop {crop!r} is not x,y,width,height",
            "Use fractions (0.1,0.1,0.8,0.8) or pixels (0,40,640,400).",
        )
    across, down = (1, 1) if max(x, y, width, height) <= 1 else upright
    return min(x / across, 1), min(y / down, 1), min((x + width) / across, 1), min((y + height) / down, 1)


def is_grey(rgb: NDArray[np.uint8]) -> bool:
    """R = G = B everywhere; a sparse look first, since most images have colour there already."""
    for look in (rgb[::16, ::16], rgb):
        if (look[..., 0] != look[..., 1]).any() or (look[..., 1] != look[..., 2]).any():
            return False
    return True


def digest(rgb: NDArray[np.uint8]) -> bytes:
    """SHA-256 of width and height (little-endian uint32) and the RGB bytes, row by row."""
    found = hashlib.sha256(struct.pack("<II", rgb.shape[1], rgb.shape[0]))
    found.update(np.ascontiguousarray(rgb).data)
    return found.digest()


def near(image: Image.Image) -> int:
    """Bit 63 - (8 row + column): brighter to the right, on a 9 x 8 grid of box means."""
    small = np.asarray(image.resize((9, 8), Image.Resampling.BOX, reducing_gap=2.0).convert("L"))
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")
