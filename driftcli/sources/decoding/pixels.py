"""Small facts of canonical pixels: where the crop lies, whether there is colour, and the two hashes."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from driftcli.core.errors import UsageError

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
_STRIP = 1 << 20
SUMMED, COLUMNS = 1 << 20, 1024
"""Part of the pixel hash: pixels of a band, at most, whose words are summed, and words of eight bytes that are summed apart."""


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
    return _bands(image, _STRIP)


def _bands(image: Image.Image, pixels: int) -> Iterator[Image.Image]:
    width, height = image.size
    rows = _rows(width, pixels)
    if rows >= height:
        yield image
        return
    for top in range(0, height, rows):
        yield image.crop((0, top, width, min(height, top + rows)))


def _rows(width: int, pixels: int) -> int:
    """Of a band of at most so many pixels, but one row."""
    return max(1, pixels // max(1, width))


def digest_and_grey(image: Image.Image) -> tuple[bytes, bool]:
    """The hash of the pixels, and whether R = G = B everywhere.

    SHA-256 of width and height (little-endian uint32) and the RGB bytes row by row.
    """
    sha = hashlib.sha256(struct.pack("<II", *image.size))
    grey = True
    for strip in strips(image):
        rgb = np.ascontiguousarray(strip)
        sha.update(rgb.data)
        grey = grey and is_grey(rgb)
    return sha.digest(), grey


def identify(image: Image.Image, array: Pixels | None = None) -> bytes:
    """The hash of the pixels, for much less work than hashing them all.

    `array`: the pixels of `image` as RGBX [h, w, 4], where they are at hand.

    SHA-256 of width and height (little-endian uint32) and, band by band, of `_digested` pixels. Every pixel counts; two
    images that differ share it only where they are alike at every 128th pixel *and* what differs adds up to nothing in each of a
    thousand columns.
    """
    sha = hashlib.sha256(struct.pack("<II", *image.size))
    if array is None:
        bands = (np.asarray(band.convert("RGBX")) for band in _bands(image, SUMMED))
    else:
        rows = _rows(image.width, SUMMED)
        bands = (array[top : top + rows] for top in range(0, image.height, rows))
    for band in bands:
        for part in _digested(band):
            sha.update(part)
    return sha.digest()


def _digested(band: Pixels) -> tuple[bytes, ...]:
    """Sums modulo 2^64 over words of eight bytes that are COLUMNS words apart, some of the words, the bytes left over."""
    flat = band.reshape(-1)
    cut = flat.size - flat.size % (8 * COLUMNS)
    words = flat[:cut].view("<u8").reshape(-1, COLUMNS)
    return words.sum(axis=0, dtype="<u8").tobytes(), words[:, ::64].tobytes(), flat[cut:].tobytes()


def is_grey(rgb: NDArray[np.uint8]) -> bool:
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
