"""Type, limits, frames, orientation, crop, mask, and what the file says of itself."""

from __future__ import annotations

import importlib.util
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.files import Refused
from driftcli.sources.decoding import decode as module
from driftcli.sources.decoding import pixels
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.settings import Decode

CORNERS = {(0, 0): (255, 0, 0), (1, 0): (0, 255, 0), (0, 1): (0, 0, 255)}  # the fourth is white
PLACES = {
    1: [(0, 0), (1, 0), (0, 1)], 2: [(1, 0), (0, 0), (1, 1)], 3: [(1, 1), (0, 1), (1, 0)],
    4: [(0, 1), (1, 1), (0, 0)], 5: [(0, 0), (0, 1), (1, 0)], 6: [(1, 0), (1, 1), (0, 0)],
    7: [(1, 1), (1, 0), (0, 1)], 8: [(0, 1), (0, 0), (1, 1)],
}  # fmt: skip
"""Where the stored top left, top right and bottom left corners belong, by EXIF orientation."""


def refused(data: bytes, settings: Decode | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        decode(data, settings or Decode(), 32)
    return caught.value.state, caught.value.reason


def quarters() -> Image.Image:
    image = Image.new("RGB", (40, 20), "white")
    for (x, y), colour in CORNERS.items():
        image.paste(colour, (20 * x, 10 * y, 20 * x + 20, 10 * y + 10))
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(kind, orientation, encoded):
    """All eight EXIF orientations end upright, in every format, with the upright size in the facts."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    save = (
        {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    )
    canonical = decode(encoded(quarters(), kind, exif=exif, **save), Decode())
    size = (40, 20) if orientation < 5 else (20, 40)
    assert canonical.image.size == size == (canonical.facts.width, canonical.facts.height)
    assert canonical.facts.exif.get("orientation", 1) == orientation
    for (x, y), colour in zip(PLACES[orientation], CORNERS.values(), strict=True):
        pixel = canonical.image.getpixel((size[0] * (2 * x + 1) // 4, size[1] * (2 * y + 1) // 4))
        assert np.abs(np.subtract(pixel, colour)).max() <= 8


@pytest.mark.parametrize(
    ("width", "height", "side", "expected"),
    [
        (640, 480, 224, (640, 480)),  # half would leave 240 < 448
        (1000, 900, 224, (500, 450)),
        (1000, 890, 224, (1000, 890)),
        (480, 640, 60, (120, 160)),
        (960, 1280, 32, (120, 160)),
        (700, 37, 16, (700, 37)),
        (640, 480, 0, (640, 480)),
    ],
)
def test_draft_leaves_twice_the_side(width, height, side, expected, encoded, photo):
    """A large JPEG is scaled while decoding, never below twice what the extractors want."""
    data = encoded(photo(1, width, height), "JPEG")
    canonical = decode(data, Decode(), side)
    assert canonical.image.size == expected
    assert (canonical.facts.width, canonical.facts.height) == (width, height)


def test_draft_counts_the_cropped_side(encoded, photo):
    """A crop of a tenth needs ten times the pixels."""
    data = encoded(photo(1, 960, 960), "JPEG")
    assert decode(data, Decode(crop="0.5,0.5,0.1,0.1"), 48).image.size == (96, 96)
    assert decode(data, Decode(crop="480,480,480,480"), 48).image.size == (120, 120)


def test_limits(encoded):
    """Refused by what the header announces, before a pixel is decoded."""
    data = encoded(Image.new("1", (400, 300)), "PNG")
    assert refused(data, Decode(max_megapixels=0.1)) == ("unreadable", "too_many_pixels")
    assert refused(data, Decode(max_side=399)) == ("unreadable", "too_large")
    assert refused(data, Decode(max_megabytes=1e-5)) == ("unreadable", "too_large")


def test_type_comes_from_the_bytes(encoded):
    """Not from any name; only six formats reach a decoder."""
    image = Image.new("RGB", (8, 8))
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"):
        assert decode(encoded(image, kind), Decode()).facts.format == kind
    for kind in ("JPEG2000", "ICO", "DDS"):
        assert refused(encoded(image, kind)) == ("unreadable", "unsupported_format")
    assert refused(b"<!DOCTYPE html>") == ("unreadable", "not_an_image")
    assert refused(b"") == ("unreadable", "empty")


def test_heic_and_avif_are_passed_over():
    """Named for what they need, when the extra is not installed."""
    if importlib.util.find_spec("pillow_heif"):
        pytest.skip("the extra is installed")
    for brand in (b"heic", b"avif"):
        assert refused(b"\0\0\0\x18ftyp" + brand + bytes(16)) == ("skipped", "heic_needs_extra")


def test_lossless_jpeg_never_reaches_the_decoder():
    """SOF3 crashed a released decoder in draft mode; also behind junk between segments."""
    frame = struct.pack(">BBHBHHB", 0xFF, 0xC3, 11, 8, 64, 64, 1) + b"\x01\x11\x00"
    for junk in (b"", b"\xff\xff", b"\x00\x12", b"\xff\xfe\x00\x04ab"):
        data = b"\xff\xd8\xff\xfe\x00\x02" + junk + frame
        assert refused(data) == ("unreadable", "unsupported_format")


def test_mpo_is_its_first_frame(encoded):
    """A stereo camera's file is a JPEG to us."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((200, 0, 0), (0, 0, 200))]
    canonical = decode(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]), Decode())
    assert canonical.image.getpixel((8, 8))[0] > 190


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_first_frame(kind, encoded):
    """Of an animation or a document the first picture counts, and the fact is noted."""
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    save = {"loop": 0} if kind == "GIF" else {"lossless": True} if kind == "WEBP" else {}
    moving = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **save), Decode())
    still = decode(encoded(frames[0], kind, **({} if kind == "GIF" else save)), Decode())
    assert moving.pixels == still.pixels
    assert (moving.facts.animated, still.facts.animated) == (True, False)


@pytest.mark.parametrize("quality", [50, 55, 60, 65, 70, 75, 80, 85, 90, 95])
def test_jpeg_quality(quality, encoded, photo):
    """Estimated within 3 from the tables; coarser tables have larger steps."""
    facts = decode(encoded(photo(), "JPEG", quality=quality), Decode()).facts
    assert facts.jpeg_quality == pytest.approx(quality, abs=3)
    coarser = decode(encoded(photo(), "JPEG", quality=quality - 5), Decode()).facts
    assert coarser.jpeg_block > facts.jpeg_block
    assert decode(encoded(photo(), "PNG"), Decode()).facts.jpeg_quality is None


def test_camera_facts(encoded):
    """Time is read as UTC; numbers are numbers; what is broken is absent."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Maker\0", "Model 1"
    exif.get_ifd(0x8769).update({0x9003: "2024:05:01 12:00:00", 0x8827: 400, 0x829D: 2.8, 0x829A: (1, 0)})
    facts = decode(encoded(Image.new("RGB", (8, 8)), "JPEG", exif=exif), Decode()).facts
    assert facts.time == 1714564800.0
    assert facts.exif["make"] == "Maker"
    assert facts.exif["iso"] == 400
    assert facts.exif["f_number"] == pytest.approx(2.8)
    broken = encoded(Image.new("RGB", (8, 8)), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert decode(broken, Decode()).facts.exif == {}


def test_grey_and_profile(encoded):
    """Colour is judged by the pixels; a profile is noted and not applied."""
    grey = Image.new("RGB", (40, 40), (9, 9, 9))
    assert decode(encoded(grey, "PNG"), Decode()).facts.grey
    grey.putpixel((1, 1), (9, 9, 10))
    canonical = decode(encoded(grey, "PNG"), Decode())
    profiled = decode(encoded(grey, "PNG", icc_profile=b"x" * 200), Decode())
    assert not canonical.facts.grey
    assert (canonical.facts.icc, profiled.facts.icc) == (False, True)
    assert canonical.pixels == profiled.pixels


def test_crop_and_mask(tmp_path, encoded):
    """The crop is of the upright image; the mask is stretched over it, and its black is grey."""
    mask = Image.new("L", (2, 1), 255)
    mask.putpixel((0, 0), 0)
    mask.save(tmp_path / "mask.png")
    cut = Decode(crop="0.5,0,0.5,0.5", mask=str(tmp_path / "mask.png"))
    image = decode(encoded(quarters(), "PNG"), cut).image
    assert image.size == (20, 10)
    assert (image.getpixel((0, 0)), image.getpixel((19, 9))) == ((128, 128, 128), (0, 255, 0))
    assert decode(encoded(quarters(), "PNG"), Decode(crop="20,10,10,10")).image.getpixel((0, 0)) == (255,) * 3
    assert refused(encoded(quarters(), "PNG"), Decode(crop="50,0,10,10")) == ("unreadable", "outside_crop")
    for bad in ("", "1,2,3", "a,b,c,d", "0,0,0,1", "nan,0,1,1", "-1,0,1,1"):
        with pytest.raises(UsageError):
            decode(encoded(quarters(), "PNG"), Decode(crop=bad))
    with pytest.raises(UsageError, match="mask"):
        decode(encoded(quarters(), "PNG"), Decode(mask=str(tmp_path / "none.png")))


def test_hashes(encoded, photo):
    """Pixels: the same whatever the container. Near: a recompressed copy differs in few bits."""
    image = photo(3, 200, 150)
    png, bmp = (decode(encoded(image, kind), Decode()) for kind in ("PNG", "BMP"))
    jpeg = decode(encoded(image, "JPEG", quality=60), Decode())
    other = decode(encoded(photo(4, 200, 150), "PNG"), Decode())
    assert png.pixels == bmp.pixels != jpeg.pixels
    assert (png.near ^ jpeg.near).bit_count() <= 4
    assert (png.near ^ other.near).bit_count() >= 12
    assert 0 <= png.near < 2**64


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_a_reason(kind, encoded, photo, data):
    """Cut off or with bytes changed, a file is decoded or refused, and nothing else is raised."""
    whole = bytearray(encoded(photo(), kind))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        decode(bytes(whole[:cut]), Decode(), 8)
    except Refused as refused_:
        assert refused_.reason.isidentifier()


def test_large_images_are_handled_in_bands(encoded, photo, monkeypatch):
    """The size of the bands, which bounds memory, changes no pixel, hash or fact."""
    deep = Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20)
    files = [encoded(photo(), "PNG"), encoded(deep, "PNG"), encoded(Image.new("F", (64, 48), 0.3), "TIFF")]
    whole = [decode(data, Decode()) for data in files]
    monkeypatch.setattr(pixels, "_STRIP", 64 * 7)
    banded = [decode(data, Decode()) for data in files]
    assert [(a.pixels, a.near, a.facts) for a in whole] == [(b.pixels, b.near, b.facts) for b in banded]
    assert [a.image.tobytes() for a in whole] == [b.image.tobytes() for b in banded]


def test_half_a_jpeg_is_truncated(encoded, photo):
    """The commonest damage has its own name."""
    data = encoded(photo(0, 300, 200), "JPEG")
    assert refused(data[: len(data) // 2]) == ("unreadable", "truncated")


@pytest.mark.parametrize(
    ("header", "top", "reason"),
    [
        (b"P5\n30 20\n255\n", 255, "truncated"),
        (b"P5 # a camera's\n30 20\n65535\n", 65535, "truncated"),
        (b"P5 30 20 4095\n", 4095, "corrupt"),  # Pillow's decoder of odd ranges says no more
    ],
)
def test_pgm_of_8_12_and_16_bits(header, top, reason):
    """Machines' cameras write it: values are told by the largest one that the header announces."""
    values = np.random.default_rng(0).integers(0, top + 1, (20, 30))
    found = decode(header + values.astype(">u2" if top > 255 else "u1").tobytes(), Decode())
    assert (found.facts.format, found.facts.grey, found.image.size) == ("PPM", True, (30, 20))
    assert np.abs(np.asarray(found.image)[..., 0] - values * 255 / top).max() <= 1
    assert refused(header + bytes(100)) == ("unreadable", reason)


def test_ppm_pbm_and_plain_ones():
    """All six of the family; a text that begins like one is none, and a size beyond the limits is refused unread."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    plain = b" ".join(b"%d" % value for value in pixels.ravel())
    for data in (b"P6 30 20 255\n" + pixels.tobytes(), b"P3\n30 20\n255\n" + plain + b"\n"):
        np.testing.assert_array_equal(np.asarray(decode(data, Decode()).image), pixels)
    for data in (
        b"P4\n30 20\n" + bytes(80),
        b"P1\n30 20\n" + b"1 0 " * 300,
        b"P2 30 20 255\n" + plain[:6000],
    ):
        assert decode(data, Decode()).facts.format == "PPM"
    for text in (b"P5 is a fine format", b"P1 2024 results", b"P7\nWIDTH 3\n", b"P5", b"P5 30 20"):
        assert refused(text) == ("unreadable", "not_an_image")
    assert refused(b"P5 99999 99999 255\n") == ("unreadable", "too_many_pixels")
    assert refused(b"P5 30 20 0\n" + bytes(600)) == ("unreadable", "corrupt")


def test_a_header_without_a_frame_is_not_searched(monkeypatch):
    """Megabytes of nothing after it cost Pillow ten seconds and more: it does not get to see them."""
    monkeypatch.setitem(module._READERS, "JPEG", lambda _: pytest.fail("Pillow was asked"))
    header = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    for rest in (b"", bytes(5 << 20), b"\xff\xd9", b"\xff\xda\0\x08\1\1\0\0?\0" + bytes(1_000)):
        assert refused(header + rest) == ("unreadable", "corrupt")
