"""Small facts of canonical pixels: where the crop lies, whether there is colour, and the two hashes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.core.errors import UsageError

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
_STRIP = 1 << 20


def crop_box(crop: str | None, upright: tuple[int, int]) -> Box:
    """The crop as fractions left, top, right, bottom of the upright image (width, height), cut off at its edges.

    Raises UsageError for text that is not `x,y,width,height`.
    """
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


def strips(image: Image.Image) -> Iterator[Image.Image]:
    """The image in bands of about a megapixel, so that arrays of a large one never exist as a whole."""
    width, height = image.size
    rows = max(1, _STRIP // max(1, width))
    if rows >= height:
        yield image
        return
    for top in range(0, height, rows):
        yield image.crop((0, top, width, min(height, top + rows)))


def digest_and_grey(image: Image.Image) -> tuple[bytes, bool]:
    """The hash of the pixels, and whether R = G = B everywhere.

    SHA-256 of width and height (little-endian uint32) and the RGB bytes row by row.
    """
    sha = hashlib.sha256(struct.pack("<II", *image.size))
    grey = True
    for strip in strips(image):
        rgb = np.ascontiguousarray(strip)
        sha.update(rgb.data)
        grey = grey and _is_grey(rgb)
    return sha.digest(), grey


def identify(image: Image.Image, small: Image.Image, array: Pixels | None = None) -> tuple[bytes, bool]:
    """The hash of the pixels, and whether R = G = B everywhere in the small image.

    `array`: the RGB bytes of `image`, where they are at hand.

    SHA-256 of width and height, of the CRC-32 of the RGB bytes row by row (little-endian uint32 all three) and of
    the RGB bytes of `small`, the same image reduced: a third of the time that hashing all of them takes, and two
    images that differ share it only where they look alike *and* their CRC-32 is the same by chance (2^-32).
    """
    checksum = 0
    for part in strips(image) if array is None else (array,):
        checksum = zlib.crc32(np.ascontiguousarray(part).data, checksum)
    rgb = np.ascontiguousarray(small)
    sha = hashlib.sha256(struct.pack("<III", *image.size, checksum))
    sha.update(rgb.data)
    return sha.digest(), _is_grey(rgb)


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Whether R = G = B in [h, w, 3]; a sparse look first, since most images have colour there already."""
    for look in (rgb[::16, ::16], rgb):
        if (look[..., 0] != look[..., 1]).any() or (look[..., 1] != look[..., 2]).any():
            return False
    return True


def near(image: Image.Image) -> int:
    """The 64-bit difference hash of an image: near-duplicates differ in few bits.

    Bit 63 - (8 row + column) says whether it gets brighter to the right there, on a 9 x 8 grid of box means.
    """
    small = np.asarray(image.resize((9, 8), Image.Resampling.BOX, reducing_gap=2.0).convert("L"))
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")
