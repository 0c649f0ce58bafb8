"""What a check says of single images and groups, from files to the report."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.journey import pictures, scene


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Two folders of good pictures, one of them with six blurred ones, a copy and a compressed copy."""
    root = tmp_path_factory.mktemp("parts")
    pictures(root / "north", 24, 61)
    pictures(root / "south", 20, 62)
    rng = np.random.default_rng(63)
    for i in range(6):
        picture = scene(rng).filter(ImageFilter.GaussianBlur(4))
        picture.save(root / "south" / f"soft{i}.jpg", quality=90)
    shutil.copy(root / "north" / "0003.jpg", root / "north" / "again.jpg")
    with Image.open(root / "north" / "0004.jpg") as one:
        one.save(root / "north" / "smaller.jpg", quality=60)
    return root


def test_the_changed_images_come_first_and_their_removal_makes_the_gate_pass(
    check, drift, world, parts, tmp_path
):
    """What removal promises is what `check` says of the folder without these files."""
    told = check(world.ref, parts).result
    soft = {str(path) for path in parts.rglob("soft*")}
    assert told["verdict"] == "drift"
    assert {image["path"] for image in told["images"][:6]} == soft
    removed = told["removal"]["images"]
    assert set(removed) <= soft
    assert removed == [image["path"] for image in told["images"][: len(removed)]]
    left = shutil.copytree(parts, tmp_path / "left")
    for path in removed:
        (left / path.removeprefix(f"{parts}/")).unlink()
    again = check(world.ref, left).result
    assert (again["verdict"], again["gate"]["p_value"]) == ("pass", told["removal"]["p_value"])
    assert "the gate passes (p = " in drift("check", world.ref, parts, "--workers", 1).out


def test_every_image_has_a_p_value_and_its_content(check, world, parts):
    """A rank among 110 good images; in so small a baseline none is called significant at 0.01."""
    images = check(world.ref, parts).result["images"]
    ranks = [image["p_value"] * 111 for image in images]
    assert ranks == pytest.approx([round(rank) for rank in ranks])
    assert ranks == sorted(ranks)
    assert len({image["content"] for image in images}) == len(images) - 1
    assert not any(image["significant"] for image in images)


def test_folders_are_told_apart(check, world, parts):
    """The folder that holds the blurred pictures differs, the other does not; and no verdict hangs on it."""
    north, south = check(world.ref, parts).result["groups"]
    assert (north["images"], south["images"]) == (26, 26)
    assert (north["significant"], south["significant"]) == (False, True)
    assert south["p_value"] <= 0.01 < north["p_value"]
    assert check(world.ref, world.fresh).result["groups"] == []


def test_small_groups_are_not_tested_and_too_many_are_said(check, world, tmp_path):
    """Every image a slice of its own: rows without p-values; above 50 of them a caution says that none is tested."""
    few = check(world.ref, world.fresh, "--slice-by", r"(\d+)\.jpg").result
    many = check(world.ref, pictures(tmp_path / "many", 51, 64), "--slice-by", r"(\d+)\.jpg").result
    for told, count in ((few, 24), (many, 51)):
        assert len(told["groups"]) == count
        assert {row["p_value"] for row in told["groups"]} == {None}
    assert not any("groups are too many" in caution for caution in few["cautions"])
    assert any(caution.startswith("51 groups are too many") for caution in many["cautions"])


def test_copies_and_scores(check, world, parts):
    told = check(world.ref, parts).result
    names = {
        (one["kind"], tuple(path.rsplit("/")[-1] for path in one["images"])) for one in told["duplicates"]
    }
    assert ("exact", ("0003.jpg", "again.jpg")) in names
    assert {one["family"] for one in told["scores"]} == {
        family["name"] for family in told["families"] if family["gate"] == "on"
    }
    for one in told["scores"]:
        assert len(one["edges"]) == 41
        assert one["threshold"] is not None


def test_a_gate_that_did_not_fire_needs_no_removal(check, world):
    assert check(world.ref, world.fresh).result["removal"] is None


def test_removal_that_takes_half_of_the_batch_is_none(check, world):
    """All 24 images are brighter: no few of them explain it."""
    removal = check(world.ref, world.bright).result["removal"]
    assert (removal["images"], removal["p_value"]) == ([], None)
    assert removal["reason"] == "without the 12 most drifted images the gate still fires"
