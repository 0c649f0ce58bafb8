"""What a file's first bytes say: its type by magic, a JPEG's kind of frame and how coarsely it was stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from driftcli.core.files import Refused

_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})  # Huffman tables, reserved, arithmetic conditioning
_UNSUPPORTED = (
    b"\x00\x00\x00\x0cjP  ", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cJXL ", b"\xff\x0a", b"8BPS", b"v/1\x01",
    b"SIMPLE  =", b"DDS ", b"qoif", b"\x00\x00\x01\x00", b"%!PS", b"\xc5\xd0\xd3\xc6",
)  # fmt: skip
"""JPEG 2000, JPEG XL, Photoshop, OpenEXR, FITS, DDS, QOI, ICO, EPS: images, and never decoded here."""
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF = frozenset({b"avif", b"avis"})

LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip
"""Annex K.1 of the JPEG standard, row by row: the table that `quality` scales."""
_LOW = tuple(row * 8 + column for row in range(4) for column in range(4 - row))


def sniff(data: bytes) -> str:
    """The type of a file by its first bytes: `JPEG`, `PNG`, `WEBP`, `BMP`, `GIF`, `TIFF`, `PPM`, `HEIF` or `AVIF`.

    Raises Refused: `empty`, `not_an_image`, `unsupported_format`.
    """
    if not data:
        raise Refused("empty")
    for magic, kind in (
        (b"\xff\xd8\xff", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF87a", "GIF"),
        (b"GIF89a", "GIF"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (b"II+\x00", "TIFF"),
        (b"MM\x00+", "TIFF"),
    ):
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and data[14:18] in _BMP_HEADERS:
        return "BMP"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC | _AVIF:
        return "AVIF" if data[8:12] in _AVIF else "HEIF"
    if _NETPBM.match(data):
        return "PPM"
    raise Refused("unsupported_format" if data.startswith(_UNSUPPORTED) else "not_an_image")


_GAP = rb"(?:\s|#[^\n]{0,999}\n){1,99}"
_NETPBM = re.compile(
    rb"P(?:[14]" + 2 * (_GAP + rb"[0-9]{1,9}") + rb"|[2356]" + 3 * (_GAP + rb"[0-9]{1,9}") + rb")\s"
)
"""P1 to P6, width, height and, where there are grey levels, the largest one: `P5` alone may begin any text."""
_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))


def jpeg_frame(data: bytes) -> int:
    """The marker of the first frame (0xC0 baseline, 0xC2 progressive, ...), 0 when there is none.

    Walks the segments as Pillow does, junk between them included. Raises Refused for what must not
    reach the decoder: lossless frames, and samples of other than 8 bits.
    """
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 1:
        marker = data[at + 1]
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD9:
            at += 1 if marker == 0xFF else 2
        elif marker == 0xDA:
            break
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            if marker in _LOSSLESS or data[at + 4 : at + 5] != b"\x08":
                raise Refused("unsupported_format")
            return marker
        else:
            at += 2 + max(int.from_bytes(data[at + 2 : at + 4], "big"), 2)
    return 0


def jpeg_steps(tables: Mapping[int, Sequence[int]]) -> tuple[float | None, float | None]:
    """Quality (0..100) and mean low-frequency step of the luminance table, natural order.

    Quality inverts the scaling of libjpeg's `jpeg_quality_scaling`; for tables that scale no
    Annex K (Photoshop, cameras) it is the quality that would be about as coarse.
    """
    table = tables.get(0)
    if table is None or len(table) != len(LUMINANCE):
        return None, None
    block = sum(table[i] for i in _LOW) / len(_LOW)
    scale = 100.0 * sum(table) / sum(LUMINANCE)
    quality = 100.0 - scale / 2 if scale <= 100 else 5000.0 / scale
    return min(100.0, max(0.0, quality)), block
