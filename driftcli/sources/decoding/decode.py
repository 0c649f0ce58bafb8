"""One file's bytes become canonical pixels, facts and hashes, or a short stable reason why not."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from driftcli.core.errors import DriftcliError, UsageError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import SHARED, FileFacts, Frame
from driftcli.sources.decoding import jpeg
from driftcli.sources.decoding.exif import read_exif
from driftcli.sources.decoding.header import jpeg_frame, jpeg_steps, sniff
from driftcli.sources.decoding.modes import GREY_MODES, to_rgb
from driftcli.sources.decoding.pixels import Box, Pixels, crop_box, digest_and_grey, identify, is_grey, near
from driftcli.sources.decoding.settings import Decode

_READERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,  # of an MPO the first frame, without looking for others
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,  # PGM and PBM, too, plain ones as well
}
_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Canonical:
    """One image as every command sees it, with its file's facts and its hashes."""

    frame: Frame
    """Its image is upright, cropped, masked; a large one is scaled by 1/2, 1/4 or 1/8."""
    pixels: bytes
    """The hash of the image's pixels: what the same decoding of the same image gives."""
    near: int
    """64-bit difference hash of the image."""
    scale: int
    """How many times larger the whole image is."""
    hashing: float
    """Seconds that the two hashes took."""

    @property
    def image(self) -> Image.Image:
        """The frame's."""
        return self.frame.image

    @property
    def facts(self) -> FileFacts:
        """The frame's."""
        return self.frame.facts


def decode(data: bytes, settings: Decode, draft_side: int = 0) -> Canonical:
    """The canonical image of a file's bytes: first frame, upright, cropped, RGB, masked; raises Refused with a reason.

    The type is told by the first bytes, and the limits of `settings` are held against the header before any pixel is
    decoded. `draft_side`: what the extractors want of the short side at most; a larger image's (cropped) short side
    is scaled down, a JPEG's while decoding, but never below twice that. 0: never scaled. (Version 1 scales JPEG only.)
    """
    opened = _open_within_limits(data, settings)
    source, kind = opened.source, opened.kind
    if kind == "PNG":  # its EXIF may follow the pixels
        _guarded(source.load)
    shot, icc = read_exif(source), "icc_profile" in source.info
    turn = 1 if kind == "TIFF" else shot.orientation  # Pillow turns TIFF on loading, its size on opening
    upright = source.size[::-1] if turn >= 5 else source.size
    box = crop_box(settings.crop, upright)

    scale = _scale(draft_side, box, upright) if kind == "JPEG" or settings.version > 1 else 1

    def pixels() -> tuple[Image.Image, Pixels | None]:
        loaded, array = _loaded(opened, data, scale)
        if array is not None and turn not in _TURN and settings.crop is None and settings.mask is None:
            return loaded, array
        image = _canonical(loaded, turn, box, settings, opened.bits)
        return image if kind == "JPEG" else shrunk(image, scale), None

    image, array = _guarded(pixels)
    quality, block = jpeg_steps(source.quantization) if kind == "JPEG" else (None, None)
    facts = FileFacts(
        width=upright[0],
        height=upright[1],
        bytes=len(data),
        format=kind,
        mode=opened.mode,
        grey=opened.mode in GREY_MODES,
        jpeg_quality=quality,
        jpeg_block=block,
        time=shot.time,
        exif=shot.facts,
        icc=icc,
        animated=opened.animated,
    )
    began = time.perf_counter()
    frame = Frame(image, facts, settings.version)
    if settings.version == 1:
        small = frame.image
        pixel_hash, grey = digest_and_grey(small)
    else:
        small = frame.reduced(SHARED)
        pixel_hash, grey = identify(image, array), is_grey(frame.pixels(SHARED))
    if grey:
        frame = frame.of(replace(facts, grey=True))
    return Canonical(frame, pixel_hash, near(small), scale, time.perf_counter() - began)


def shrunk(image: Image.Image, scale: int) -> Image.Image:
    """The image at 1/`scale`: what a JPEG decoder's own scaling comes close to."""
    return image.reduce(scale) if scale > 1 else image


def read_and_decode(path: str, settings: Decode, draft_side: int = 0, *, follow: bool = False) -> Canonical:
    """The canonical image of a file on disk (`decode`); `follow`: its links, too. Raises Refused."""
    data = read_file(path, int(settings.max_megabytes * 2**20), follow=follow)
    return decode(data, settings, draft_side)


def check_settings(settings: Decode) -> None:
    """Raise UsageError for a crop that is not x,y,width,height and for a mask that cannot be read."""
    crop_box(settings.crop, (1, 1))
    if settings.mask is not None:
        _mask(settings.mask)


def _guarded(step: Callable[[], T]) -> T:
    """The step's result; whatever Pillow raises becomes a reason."""
    try:
        return step()
    except (Refused, DriftcliError):
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


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the header says; the pixels are still in the file."""

    source: Any
    kind: str
    mode: str
    bits: int
    """12 for a 12-bit TIFF, which Pillow opens as I;16 with values up to 4095."""
    animated: bool
    """Whether more frames follow; frames are never counted (that parses them)."""


def _open_within_limits(data: bytes, settings: Decode) -> _Opened:
    """The header, and what it announces held against the limits before anything is decoded."""
    if len(data) > settings.max_megabytes * 2**20:
        raise Refused("too_large")
    kind = sniff(data)
    if kind == "JPEG" and not jpeg_frame(data):
        raise Refused(
            "corrupt"
        )  # Pillow looks for a frame byte by byte: a second for every megabyte that follows a header
    opened = _guarded(lambda: _described(_reader(kind)(io.BytesIO(data)), kind, data))
    width, height = opened.source.size
    if width * height > settings.max_megapixels * 1e6:
        raise Refused("too_many_pixels")
    if max(width, height) > settings.max_side:
        raise Refused("too_large")
    return opened


def _described(source: Any, kind: str, data: bytes) -> _Opened:
    raw = [word for tile in source.tile for word in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    key = source.info.get("transparency")
    if "RGB;16B" in raw and isinstance(key, tuple):  # the pixels come as upper bytes, the colour key does not
        source.info["transparency"] = tuple(value >> 8 for value in key)
    if kind == "GIF":  # asking Pillow would parse the next frame
        animated = b"NETSCAPE2.0" in data[:2048]
    else:
        animated = bool(source.tag_v2.next if kind == "TIFF" else getattr(source, "is_animated", False))
    return _Opened(source, kind, source.mode, 12 if "I;12" in raw else 16, animated)


def _scale(draft_side: int, box: Box, upright: tuple[int, int]) -> int:
    """The largest of 2, 4, 8 by which the (cropped) short side can be divided, and 1 where it is small."""
    if draft_side <= 0:
        return 1
    short = min(upright[0] * (box[2] - box[0]), upright[1] * (box[3] - box[1]))
    return max((s for s in (8, 4, 2) if short / s >= 2 * draft_side), default=1)


def _loaded(opened: _Opened, data: bytes, scale: int) -> tuple[Image.Image, Pixels | None]:
    """The decoded image, a JPEG at 1/`scale`, and its pixels (RGBX) as an array where that is what it came from."""
    source: Image.Image = opened.source
    if opened.kind == "JPEG":
        array = jpeg.scaled(data, source.mode, source.size, scale)
        if array is not None:
            height, width = array.shape[:2]
            as_it_lies = ("raw", "RGBX", 0, 1)  # nothing is copied
            plain = array.ndim == 2  # rows and columns of grey
            image = (
                Image.fromarray(array)
                if plain
                else Image.frombuffer("RGBX", (width, height), array, *as_it_lies)
            )
            return image, None if plain else array
        if scale > 1:
            source.draft(None, (max(1, source.width // scale), max(1, source.height // scale)))
    source.load()
    return source, None


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
