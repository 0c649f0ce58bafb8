"""The two versions of the preprocessing: 1 as 0.1.0 had it, bit for bit; 2 shares one reduction and scales alike."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from driftcli.core.images import SHARED, Corrupted, Decoded, Entry, FileFacts, Frame, Skipped
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import kinds
from driftcli.sources.decoding import jpeg
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.pool import DecodePool
from driftcli.sources.decoding.settings import Decode

OLD = Path(__file__).parents[1] / "fixtures" / "0.1.0"
STORED = json.loads((OLD / "prepared" / "version_1.json").read_text())
"""What the commit before version 2 made of these files, decoded for a side of 64: the JPEG at half its size."""


def facts(image: Image.Image) -> FileFacts:
    return FileFacts(*image.size, 0, "PNG", "RGB", grey=False)


def prepared(frame: Frame) -> dict[str, np.ndarray]:
    return {name: kind().prepare(frame) for name, kind in kinds().items()}


def grainy(photo, seed: int, width: int, height: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(photo(seed, width, height)) + noise, 0, 255).astype(np.uint8))


# ---------------------------------------------------------------- version 1


@pytest.mark.parametrize("name", STORED)
def test_version_1_makes_the_stored_numbers(name):
    """Size, hashes and prepared pixels exactly; properties to the last digits, which logarithms may round otherwise."""
    then = STORED[name]
    found = decode((OLD / name).read_bytes(), Decode(version=1), 64)
    now = prepared(found.frame)
    row = [np.nan if value is None else value for value in then["properties"]]
    np.testing.assert_allclose(now.pop("properties"), row, rtol=1e-12)
    assert {kind: hashlib.sha256(array.tobytes()).hexdigest() for kind, array in now.items()} == then[
        "prepared"
    ]
    assert list(found.image.size) == then["size"]
    assert (found.pixels.hex(), found.near, found.facts.grey) == (then["pixels"], then["near"], then["grey"])


# ---------------------------------------------------------------- version 2: one reduction


@pytest.mark.parametrize(("width", "height"), [(500, 375), (375, 500), (640, 289), (97, 1200), (1, 3000)])
def test_a_reduced_image_is_the_mean_of_whole_squares(width, height):
    """Against the definition: means of k x k pixels, k the largest that leaves the side; edges of what is there."""
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    small = np.asarray(Frame(image, facts(image)).reduced(SHARED))
    k = max(1, min(width, height) // SHARED)
    assert small.shape[:2] == (-(-height // k), -(-width // k))
    for y in range(0, small.shape[0], 7):
        for x in range(0, small.shape[1], 7):
            square = pixels[y * k : (y + 1) * k, x * k : (x + 1) * k].reshape(-1, 3).astype(float)
            rounding = 0.5 + 0.5 / len(square) + 1e-9
            assert np.abs(small[y, x] - square.mean(axis=0)).max() <= rounding


@pytest.mark.parametrize("size", [(28, 28), (95, 95), (191, 400), (500, 375), (1200, 900)])
def test_sharing_changes_no_bit(size, photo):
    """Each kind makes of a frame that others have used what it makes of one of its own, in whatever order."""
    image = grainy(photo, 3, *size)
    alone = {name: kind().prepare(Frame(image, facts(image))) for name, kind in kinds().items()}
    for names in (list(kinds()), list(reversed(kinds()))):
        frame = Frame(image, facts(image))
        for name in names:
            np.testing.assert_array_equal(kinds()[name]().prepare(frame), alone[name])


def test_small_images_are_never_enlarged(photo):
    """What is smaller than a side is measured as it is."""
    image = photo(1, 90, 70)
    frame = Frame(image, facts(image))
    assert frame.reduced(SHARED) is frame.reduced(256) is image


def test_an_image_is_reduced_once(photo, monkeypatch):
    """However many ask for it."""
    image = photo(1, 500, 400)
    counted = []
    reduce = Image.Image.reduce
    monkeypatch.setattr(Image.Image, "reduce", lambda *given: counted.append(given[1]) or reduce(*given))
    prepared(Frame(image, facts(image)))
    assert counted == [4], "by 4 for properties and autoencoder; 224 px are nearer than half of it"


# ---------------------------------------------------------------- version 2: copies in other formats


def test_a_png_copy_of_a_jpeg_is_the_same_image(encoded, photo):
    """Equal pixels, hashes and numbers where nothing is scaled."""
    data = encoded(grainy(photo, 2, 500, 375), "JPEG", quality=85)
    first = decode(data, Decode(), 256)
    second = decode(encoded(first.image, "PNG"), Decode(), 256)
    assert (first.pixels, first.near, first.scale) == (second.pixels, second.near, 1)
    ours, theirs = prepared(first.frame), prepared(second.frame)
    for name in ours.keys() - {"properties"}:
        np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(ours["properties"][:14], theirs["properties"][:14])


@pytest.mark.parametrize("side", [32, 64, 128])
def test_a_scaled_jpeg_is_near_to_its_png_copy(side, encoded, photo):
    """Both are scaled alike, one by the decoder and one by means: the autoencoder's input differs by less than a level."""
    data = encoded(grainy(photo, 2, 1000, 760), "JPEG", quality=85)
    first = decode(data, Decode(), side)
    second = decode(encoded(decode(data, Decode()).image, "PNG"), Decode(), side)
    assert first.scale == second.scale > 1
    assert first.image.size == second.image.size
    ours, theirs = (Autoencoder(side=side // 2).prepare(each.frame).astype(float) for each in (first, second))
    assert np.abs(ours - theirs).mean() < 1


def test_what_is_corrupted_is_the_scaled_image(encoded, photo):
    """A simulated corruption changes what decoding gives, as in version 1; the image keeps its own hashes."""
    data = encoded(grainy(photo, 2, 1000, 760), "JPEG", quality=85)
    wanted = Corrupted("gaussian_blur", 3.0)
    with DecodePool(Decode(), {"autoencoder": Autoencoder(side=64)}, 1) as pool:
        clean, blurred = pool.map([Entry("a", data=data), Entry("a", data=data, corruption=wanted)])
        assert isinstance(clean, Decoded)
        assert isinstance(blurred, Decoded)
        from driftcli.core.registry import load

        kind = load("corruptions", "gaussian_blur")()
        scaled = decode(data, Decode(), 64)
        copy = kind.apply(scaled.image, kind.amount(3.0), np.random.default_rng(0))
        expected = Autoencoder(side=64).prepare(Frame(copy, scaled.facts, 2))
    assert scaled.scale > 1
    assert (clean.pixels, clean.near) == (blurred.pixels, blurred.near)
    np.testing.assert_array_equal(blurred.arrays["autoencoder"], expected)
    assert not np.array_equal(blurred.arrays["autoencoder"], clean.arrays["autoencoder"])


def test_crop_and_mask_come_before_the_reduction(tmp_path, encoded, photo):
    """A cropped and masked image is prepared as a file that holds just that."""
    mask = Image.new("L", (10, 10), 255)
    mask.paste(0, (0, 0, 5, 10))
    mask.save(tmp_path / "mask.png")
    data = encoded(grainy(photo, 4, 700, 500), "PNG")
    cut = decode(data, Decode(crop="0.2,0.2,0.6,0.6", mask=str(tmp_path / "mask.png")), 64)
    whole = decode(data, Decode(crop="0.2,0.2,0.6,0.6", mask=str(tmp_path / "mask.png"))).image
    again = decode(encoded(whole, "PNG"), Decode(), 64)
    assert cut.scale == again.scale == 2
    assert cut.pixels == again.pixels
    np.testing.assert_array_equal(np.asarray(cut.image), np.asarray(again.image))


def test_an_image_differs_in_its_hash_from_one_with_another_pixel(encoded, photo):
    """One level in one pixel, which no mean of squares can show."""
    image = photo(1, 800, 600)
    other = image.copy()
    red, green, blue = other.getpixel((700, 11))
    other.putpixel((700, 11), (red ^ 1, green, blue))
    one, two = (decode(encoded(each, "PNG"), Decode(), 256) for each in (image, other))
    assert np.array_equal(np.asarray(one.frame.reduced(SHARED)), np.asarray(two.frame.reduced(SHARED)))
    assert one.pixels != two.pixels


@pytest.mark.parametrize("size", [(2048, 96), (500, 375), (30, 20)])
def test_an_image_turned_or_cut_elsewhere_has_another_hash(size, encoded):
    """Rows in another order have the same sums: some pixels are told one by one."""
    pixels = np.random.default_rng(3).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    found = [
        decode(encoded(Image.fromarray(np.ascontiguousarray(each)), "PNG"), Decode(), 256).pixels
        for each in (pixels, pixels[::-1], pixels[:, ::-1], np.roll(pixels, 4, axis=0), pixels[..., ::-1])
    ]
    assert len(set(found)) == len(found)


# ---------------------------------------------------------------- two decoders, one image


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "save", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True, "quality": 30}]
)
@pytest.mark.parametrize("side", [0, 16, 60, 200])
def test_with_and_without_simplejpeg(mode, save, side, encoded, photo, monkeypatch):
    """The same bits: who has no wheel of it shares artifacts with who has."""
    pytest.importorskip("simplejpeg")
    data = encoded(grainy(photo, 5, 501, 403).convert(mode), "JPEG", **save)
    assert jpeg.scaled(data, mode, (501, 403), 1) is not None
    fast = decode(data, Decode(), side)
    monkeypatch.setattr(jpeg, "_decoder", lambda: None)
    slow = decode(data, Decode(), side)
    assert (fast.pixels, fast.near, fast.facts, fast.scale) == (
        slow.pixels,
        slow.near,
        slow.facts,
        slow.scale,
    )
    np.testing.assert_array_equal(np.asarray(fast.image), np.asarray(slow.image))


def test_pillow_decides_about_what_is_not_plain(encoded, photo):
    """CMYK, another size than the header's, and every cut of a file: no array, so that reasons stay Pillow's."""
    pytest.importorskip("simplejpeg")
    image = photo(1, 64, 48)
    data = encoded(image, "JPEG")
    assert jpeg.scaled(encoded(image.convert("CMYK"), "JPEG"), "CMYK", (64, 48), 1) is None
    assert jpeg.scaled(data, "RGB", (64, 49), 1) is None
    assert jpeg.scaled(data, "L", (64, 48), 1) is None
    assert all(jpeg.scaled(data[:cut], "RGB", (64, 48), 1) is None for cut in range(0, len(data) - 2, 5))


# ---------------------------------------------------------------- several files asked together


def test_what_is_lost_in_a_group_costs_itself_only(pool, tmp_path, photo):
    """One worker, groups at their full size, and in one of them a hang, an abort and an exit beside each other."""
    for width in (20, 33, 34, 35):
        photo(width, width, 24).save(tmp_path / f"{width}.png")
    good = [Entry(f"{number}", str(tmp_path / "20.png")) for number in range(100)]
    bad = [Entry(f"bad{width}", str(tmp_path / f"{width}.png")) for width in (33, 34, 35)]
    with pool("odd", decode=Decode(timeout=1.0)) as working:
        answers = list(working.map([*good[:80], *bad, *good[80:]]))
    assert [item.name for item in answers] == [entry.name for entry in (*good[:80], *bad, *good[80:])]
    lost = {item.name: item.reason for item in answers if isinstance(item, Skipped)}
    assert lost == {"bad33": "timeout", "bad34": "crashed", "bad35": "crashed"}
