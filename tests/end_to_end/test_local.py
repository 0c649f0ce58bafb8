"""Small defects on some pictures, from fit to verdict; and how many pictures a fit keeps."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from driftcli.calibration.fit_steps import most_images
from driftcli.config.settings import Settings
from driftcli.extractors.patches import Patches
from driftcli.reference.reference import build_extractors

METHOD = ("--method", "properties,local", "--set", "extractors.patches.side=64", "--workers", 1, "-q")


def parts(folder, count, seed, *, scratched=0):
    """The same drawn part under a varying lamp; a thin bright line on the first `scratched`."""
    folder.mkdir()
    y, x = np.mgrid[0:96, 0:96]
    shape = 60 + 80 * (np.hypot(x - 48, y - 48) < 30) + 40 * ((x // 12 + y // 12) % 2)
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        pixels = shape[..., None] * rng.normal(1, 0.03) + rng.normal(0, 4, (96, 96, 3))
        if i < scratched:
            at = int(rng.integers(10, 60))
            pixels[at : at + 24, int(rng.integers(5, 90))] = 250
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / f"{i:03}.png")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("local")


@pytest.mark.usefixtures("quick")
def test_a_third_with_scratches_is_found_by_local_and_ranked_first(drift, check, place):
    ref = place / "ref"
    assert drift("fit", parts(place / "train", 160, 1), "-o", ref, *METHOD).code == 0
    found = check(ref, parts(place / "bad", 24, 2, scratched=8)).result
    assert (found["verdict"], found["exit_code"]) == ("drift", 1)
    local = next(f for f in found["families"] if f["name"] == "local")
    assert local["significant"]
    assert {s["name"] for s in local["statistics"]} == {
        "strangest_place.tail",
        "strangest_percent.tail",
        "stands_out.tail",
    }
    headline = found["headline"]
    assert (headline["kind"], headline["family"]) == ("local", "local")
    assert 5 <= headline["images"] <= 11
    assert headline["statement"].startswith(
        f"About {headline['images']} of these 24 images carry a small mark"
    )
    assert found["reasons"][0] == headline["statement"]
    spotted = [one for one in found["images"] if one["outside"] and one["outside"][0]["kind"] == "spot"]
    assert len(spotted) >= 7
    assert all(one["outside"][0]["level"] for one in spotted[:7])
    assert all(one["reasons"][0].startswith("a strange spot ") for one in spotted)
    first = [image["path"].rpartition("/")[2] for image in found["images"][:8]]
    assert sum(name < "008" for name in first) >= 7
    assert check(ref, parts(place / "good", 24, 3)).result["verdict"] == "pass"


def test_local_is_not_among_the_default_methods():
    assert "patches" not in Settings().extractors.methods
    assert Settings.model_validate({"extractors": {"methods": ["patches"]}}).families.local.gate == "on"


def test_what_a_fit_keeps():
    def kept(*methods, **fit):
        settings = Settings.model_validate({"extractors": {"methods": methods}, "fit": fit})
        return most_images(settings, build_extractors(settings))

    assert kept("autoencoder") == 40_000
    assert kept("autoencoder", holdout=0) == 20_000
    assert kept("autoencoder", "patches") == Patches.most_images == 4_000
    assert kept("patches", max_images=100) == 200


@pytest.mark.usefixtures("quick")
def test_pictures_left_out_are_said(drift, place, monkeypatch):
    monkeypatch.setattr(Patches, "most_images", 60)
    found = drift("fit", parts(place / "many", 70, 5), "-o", place / "bounded", *METHOD[:-1])
    assert found.code == 0
    assert "60 of 70 images were used" in found.out + found.err
