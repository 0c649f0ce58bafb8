"""One file's bytes become canonical pixels, facts and hashes, or a short stable reason why not."""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from driftcli.errors import UsageError
from driftcli.records import FileFacts
from driftcli.sources._exif import read_exif
from driftcli.sources._header import jpeg_frame, jpeg_steps, sniff
from driftcli.sources._modes import GREY_MODES, to_rgb
from driftcli.sources._read import Refused, read_file
from driftcli.sources._settings import Decode

_READERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # of an MPO the first frame, without looking for others
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
}
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
T = TypeVar("T")
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Canonical:
    """One image as every command sees it."""

    image: Image.Image
    """RGB, upright, cropped, masked; a large JPEG scaled by 1/2, 1/4 or 1/8 while decoding."""
    facts: FileFacts
    pixels: bytes
    """SHA-256 of the size and the RGB bytes of `image`."""
    near: int
    """64-bit difference hash of `image`."""


def decode(data: bytes, settings: Decode, draft_side: int = 0) -> Canonical:
    """Type by magic, limits before pixels, first frame, upright, crop, RGB, mask, facts.

    `draft_side`: what the extractors want of the short side at most; a JPEG's (cropped) short side is
    scaled down while decoding, but never below twice that. 0: never scaled. Raises Refused.
    """
    if len(data) > settings.max_megabytes * 2**20:
        raise Refused("too_large")
    kind = sniff(data)
    if kind == "JPEG":
        jpeg_frame(data)
    source = _guarded(lambda: _reader(kind)(io.BytesIO(data)))
    _check_limits(source.size, settings)
    stored, bits, animated = source.mode, _bits(source), _animated(source, kind, data)
    if kind == "PNG":  # its EXIF may follow the pixels
        _guarded(source.load)
    shot, icc = read_exif(source), "icc_profile" in source.info
    turn = 1 if kind == "TIFF" else shot.orientation  # Pillow turns TIFF on loading, its size on opening
    upright = source.size[::-1] if turn >= 5 else source.size
    box = _box(settings.crop, upright)

    def pixels() -> Image.Image:
        _load(source, kind, draft_side, box, upright)
        return _canonical(source, turn, box, settings, bits)

    image = _guarded(pixels)
    rgb = np.asarray(image)
    quality, block = jpeg_steps(source.quantization) if kind == "JPEG" else (None, None)
    facts = FileFacts(
        width=upright[0],
        height=upright[1],
        bytes=len(data),
        format=kind,
        mode=stored,
        grey=stored in GREY_MODES or _is_grey(rgb),
        jpeg_quality=quality,
        jpeg_block=block,
        time=shot.time,
        exif=shot.facts,
        icc=icc,
        animated=animated,
    )
    return Canonical(image, facts, _digest(rgb), _near(image))


def read_and_decode(path: str, settings: Decode, draft_side: int = 0, *, follow: bool = False) -> Canonical:
    """`decode` of a file on disk. Raises Refused."""
    data = read_file(path, int(settings.max_megabytes * 2**20), follow=follow)
    return decode(data, settings, draft_side)


def check_settings(settings: Decode) -> None:
    """Raises UsageError for a crop that is none and for a mask that cannot be read."""
    _box(settings.crop, (1, 1))
    if settings.mask is not None:
        _mask(settings.mask)


def _guarded(step: Callable[[], T]) -> T:
    """The step's result; whatever Pillow raises becomes a reason."""
    try:
        return step()
    except Refused:
        raise
    except MemoryError as error:
        raise Refused("memory") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Refused("too_many_pixels") from error
    except (EOFError, struct.error) as error:
        raise Refused("truncated") from error
    except Exception as error:  # IndexError, TypeError, KeyError, SyntaxError, ... measured
        words = str(error).lower()
        reason = "truncated" if "truncated" in words else "corrupt"
        raise Refused("unsupported_format" if "unsupported" in words else reason) from error


def _reader(kind: str) -> Callable[[io.BytesIO], Any]:
    """Pillow's class for a type; HEIC and AVIF only where the extra `heif` is installed."""
    if kind not in ("HEIF", "AVIF"):
        return _READERS[kind]
    try:
        import pillow_heif
    except ImportError as error:
        raise Refused("heic_needs_extra", "skipped") from error
    if kind == "AVIF":
        from PIL import AvifImagePlugin

        return AvifImagePlugin.AvifImageFile
    reader: Callable[[io.BytesIO], Any] = pillow_heif.HeifImageFile
    return reader


def _check_limits(size: tuple[int, int], settings: Decode) -> None:
    if size[0] * size[1] > settings.max_megapixels * 1e6:
        raise Refused("too_many_pixels")
    if max(size) > settings.max_side:
        raise Refused("too_large")


def _bits(source: Any) -> int:
    """12 for a 12-bit TIFF, which Pillow opens as I;16 with values up to 4095."""
    return (
        12 if any("I;12" in (tile[3] if isinstance(tile[3], tuple) else ()) for tile in source.tile) else 16
    )


def _animated(source: Any, kind: str, data: bytes) -> bool:
    """Whether more frames follow, as the header says; frames are never counted (that parses them)."""
    if kind == "GIF":
        return b"NETSCAPE2.0" in data[:2048]
    if kind == "TIFF":
        return bool(source.tag_v2.next)
    return kind in ("PNG", "WEBP") and bool(source.is_animated)


def _load(source: Any, kind: str, draft_side: int, box: Box, upright: tuple[int, int]) -> None:
    if kind == "JPEG" and draft_side > 0:
        short = min(upright[0] * (box[2] - box[0]), upright[1] * (box[3] - box[1]))
        scale = max((s for s in (8, 4, 2) if short / s >= 2 * draft_side), default=1)
        if scale > 1:
            source.draft(None, (max(1, source.width // scale), max(1, source.height // scale)))
    source.load()


def _canonical(source: Image.Image, turn: int, box: Box, settings: Decode, bits: int) -> Image.Image:
    """Upright, cropped, RGB, masked, without metadata."""
    image = source.transpose(_TURN[turn]) if turn in _TURN else source
    if settings.crop is not None:
        width, height = image.size
        edges = (round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height))
        if edges[2] <= edges[0] or edges[3] <= edges[1]:
            raise Refused("outside_crop")
        image = image.crop(edges)
    image = to_rgb(image, settings.background, bits=bits)
    image.info = {}
    if settings.mask is not None:
        image.paste((128, 128, 128), mask=_mask(settings.mask).resize(image.size, Image.Resampling.NEAREST))
    return image


def _box(crop: str | None, upright: tuple[int, int]) -> Box:
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


@cache
def _mask(path: str) -> Image.Image:
    """255 where the mask image is dark, so that `paste` covers it."""
    try:
        drawn = read_and_decode(path, Decode(), follow=True).image
    except Refused as refused:
        raise UsageError(
            f"the mask {path!r} cannot be read: {refused.reason}",
            "Name an image: black is covered, white is kept.",
        ) from refused
    return drawn.convert("L").point([255] * 128 + [0] * 128)


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    """R = G = B everywhere; a sparse look first, since most images have colour there already."""
    for look in (rgb[::16, ::16], rgb):
        if (look[..., 0] != look[..., 1]).any() or (look[..., 1] != look[..., 2]).any():
            return False
    return True


def _digest(rgb: NDArray[np.uint8]) -> bytes:
    digest = hashlib.sha256(struct.pack("<II", rgb.shape[1], rgb.shape[0]))
    digest.update(np.ascontiguousarray(rgb).data)
    return digest.digest()


def _near(image: Image.Image) -> int:
    """Bit 63 - (8 row + column): brighter to the right, on a 9 x 8 grid of box means."""
    small = np.asarray(image.resize((9, 8), Image.Resampling.BOX, reducing_gap=2.0).convert("L"))
    return int.from_bytes(np.packbits(small[:, 1:] > small[:, :-1]).tobytes(), "big")
