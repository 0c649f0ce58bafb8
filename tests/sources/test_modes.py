"""One table of mode conversions, value by value: each of these decides numbers in every artifact."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from driftcli.core.files import Refused
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.modes import to_rgb
from driftcli.sources.decoding.settings import Decode

SIZE = (3, 2)
GREY = 128  # the default background


def first(data: bytes, settings: Decode | None = None) -> tuple[int, ...]:
    image = decode(data, settings or Decode()).image
    assert image.mode == "RGB"
    assert image.info == {}
    return tuple(int(value) for value in np.asarray(image)[0, 0])


@pytest.mark.parametrize(
    ("mode", "value", "kind", "expected"),
    [
        ("1", 1, "PNG", (255, 255, 255)),
        ("1", 0, "TIFF", (0, 0, 0)),
        ("L", 77, "PNG", (77, 77, 77)),
        ("LA", (200, 255), "PNG", (200, 200, 200)),
        ("LA", (200, 0), "PNG", (GREY, GREY, GREY)),
        ("LA", (200, 128), "PNG", (164, 164, 164)),  # (200 * 128 + 128 * 127) / 255
        ("RGB", (1, 2, 3), "BMP", (1, 2, 3)),
        ("RGB", (1, 2, 3), "WEBP", (1, 2, 3)),
        ("RGBA", (10, 20, 30, 255), "PNG", (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), "PNG", (GREY, GREY, GREY)),
        ("RGBA", (0, 255, 128, 51), "TIFF", (102, 153, 128)),
        ("CMYK", (255, 0, 51, 0), "TIFF", (0, 255, 204)),
        ("CMYK", (0, 0, 0, 155), "TIFF", (100, 100, 100)),
        ("I;16", 30000, "PNG", (117, 117, 117)),
        ("I;16", 30000, "TIFF", (117, 117, 117)),
        ("I;16", 65535, "PNG", (255, 255, 255)),
        ("I;16", 128, "PNG", (0, 0, 0)),
        ("I;16", 129, "PNG", (1, 1, 1)),
        ("I;16B", 30000, "TIFF", (117, 117, 117)),
        ("I", 30000, "TIFF", (117, 117, 117)),
        ("F", 0.5, "TIFF", (128, 128, 128)),
        ("F", 1.0, "TIFF", (255, 255, 255)),
    ],
)
def test_table(mode, value, kind, expected, encoded):
    """Every mode that a file can have becomes exactly these RGB values."""
    save = {"lossless": True} if kind == "WEBP" else {}
    assert first(encoded(Image.new(mode, SIZE, value), kind, **save)) == expected


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("PA", None, (0, 0, 0)),
        ("La", (100, 255), (100, 100, 100)),
        ("RGBa", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBX", (10, 20, 30, 0), (10, 20, 30)),
        ("YCbCr", (77, 128, 128), (77, 77, 77)),
        ("HSV", (0, 255, 200), (200, 0, 0)),
    ],
)
def test_modes_that_few_files_have(mode, value, expected):
    """The rest of the table, without a file around it."""
    image = Image.new("P", SIZE).convert("PA") if mode == "PA" else Image.new(mode, SIZE, value)
    assert to_rgb(image, GREY).getpixel((0, 0)) == expected


@pytest.mark.parametrize(
    ("mode", "value"), [("I", 70000), ("I", -1), ("F", 1.5), ("F", -0.1), ("F", float("nan"))]
)
def test_ranges_nobody_declared_are_refused(mode, value, encoded):
    """A guess at the range would be a made-up brightness."""
    with pytest.raises(Refused, match="bad_mode"):
        decode(encoded(Image.new(mode, SIZE, value), "TIFF"), Decode())


def test_lab(encoded):
    """By LittleCMS, whose releases may round differently."""
    for lab, rgb in (((255, 128, 128), 255), ((0, 128, 128), 0), ((137, 128, 128), 128)):
        assert np.abs(np.subtract(first(encoded(Image.new("LAB", SIZE, lab), "TIFF")), rgb)).max() <= 3


def test_palette_and_its_transparency(encoded):
    """A palette image shows its colours, its transparent entry the background."""
    image = Image.new("P", SIZE, 1)
    image.putpalette([9, 9, 9, 40, 50, 60])
    assert first(encoded(image, "PNG")) == (40, 50, 60)
    assert first(encoded(image, "PNG", transparency=1)) == (GREY, GREY, GREY)
    assert first(encoded(image, "GIF", transparency=1)) == (GREY, GREY, GREY)
    assert first(encoded(image, "PNG", transparency=1), Decode(background=7)) == (7, 7, 7)


def test_colour_key(encoded):
    """PNG's one transparent colour, of 8 and of 16 bits."""
    image = Image.new("RGB", SIZE, (1, 2, 3))
    assert first(encoded(image, "PNG", transparency=(1, 2, 3))) == (GREY, GREY, GREY)
    assert first(encoded(image, "PNG", transparency=(3, 2, 1))) == (1, 2, 3)
    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    PngImagePlugin.putchunk(out, b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    PngImagePlugin.putchunk(out, b"tRNS", struct.pack(">HHH", 0xFFFF, 0, 0x8000))
    PngImagePlugin.putchunk(out, b"IDAT", zlib.compress(b"\0" + struct.pack(">HHH", 0xFFFF, 0, 0x8000)))
    PngImagePlugin.putchunk(out, b"IEND", b"")
    assert first(out.getvalue()) == (GREY, GREY, GREY)


def test_cmyk_jpeg_is_stored_inverted(encoded):
    """As Adobe writes it and every viewer reads it."""
    data = encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 155)), "JPEG", quality=100)
    assert np.abs(np.array(first(data)) - 100).max() <= 2


def test_twelve_bit_tiff():
    """4095 is white: 12 bits are not the dark end of 16."""
    tags = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 122), (277, 1), (278, 1), (279, 3)]
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
    fields = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value) for tag, value in tags
    )
    data = head + fields + struct.pack("<I", 0)
    assert len(data) == 122
    image = decode(data + bytes([0xFF, 0xF8, 0x00]), Decode()).image  # 4095, 2048
    assert [image.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (128, 128, 128)]
