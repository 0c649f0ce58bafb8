"""A folder that nobody may list, beside good ones: no command answers as if it were not there."""

from __future__ import annotations

import errno
import json
import os
import shutil

import pytest

from driftcli.core import files


@pytest.fixture
def cameras(world, tmp_path):
    """Two cameras' folders; whoever lists that of the second is refused, root too."""
    for camera in ("day", "night"):
        shutil.copytree(world.fresh if camera == "day" else world.bright, tmp_path / "cameras" / camera)
    return tmp_path / "cameras"


@pytest.fixture(autouse=True)
def closed(monkeypatch):
    """Opening a folder called `night` fails as it does for who may not read it."""
    whole = files.os.open

    def refusing(path, flags, *args, **options):
        if os.fsdecode(path).endswith("night") and flags & os.O_DIRECTORY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return whole(path, flags, *args, **options)

    monkeypatch.setattr(files.os, "open", refusing)


@pytest.mark.parametrize("pattern", ["", "*", "*/*.jpg", "**/*.jpg"])
def test_the_dark_camera_is_not_audited(check, world, cameras, pattern):
    """Exit 3 and no p-value, whether the folder is named or a pattern; the folder stands in ledger, files and reasons."""
    ran = check(world.ref, cameras / pattern if pattern else cameras)
    found = ran.result
    assert (ran.code, found["verdict"], found["gate"]["p_value"]) == (3, "inconclusive", None)
    assert found["ledger"]["unreadable"] == {"folder_permission": 1}
    assert [file["path"].rpartition("/")[2] for file in found["files"]] == ["night"]
    assert "nobody knows how many images are lost" in found["reasons"][0]
    assert "--max-unreadable-folders 1" in ran.err


def test_who_allows_it_is_told_so(check, drift, world, cameras):
    ran = check(world.ref, cameras, "--max-unreadable-folders", 1, "--max-unreadable", 0)
    assert (ran.code, ran.result["ledger"]["used"]) == (0, 24)
    assert any("a folder could not be listed" in caution for caution in ran.result["cautions"])
    assert "a folder could not be listed" in drift("check", world.ref, cameras, "--workers", 1).err
    assert check(world.ref, cameras, "--exclude", "night").code == 0


@pytest.mark.usefixtures("quick")
def test_every_reading_command_refuses(drift, world, copied, cameras, tmp_path):
    """And leaves nothing behind."""
    before = (copied / "manifest.json").read_bytes()
    out = tmp_path / "out"
    for words in (
        ("baseline", copied, world.good, cameras),
        ("fit", world.train, cameras, "-o", out, "--method", "properties"),
        ("profile", cameras, "--artifact", copied, "-o", f"{out}.safetensors"),
        ("simulate", cameras, "-o", out, "--corruption", "jpeg", "--severity", 1),
        ("power", copied, world.good, cameras, "--batch", 10),
    ):
        ran = drift(*words, "--workers", 1)
        assert (ran.code, "could not be listed" in ran.err, ran.err.count("hint: ")) == (3, True, 1), ran.err
    assert (copied / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cameras", "copied"]


def test_a_profile_made_on_purpose_still_says_so(drift, check, world, copied, cameras, tmp_path):
    """What was lost when it was measured is lost where it is checked."""
    made = tmp_path / "day.safetensors"
    words = ("profile", cameras, "--artifact", copied, "-o", made, "--max-unreadable-folders", 1)
    assert drift(*words, "--workers", 1).code == 0
    assert check(world.ref, made).code == 3
    assert check(world.ref, made, "--max-unreadable-folders", 1).code == 0


def test_doctor_finds_it_wherever_it_lies(drift, cameras):
    """It decodes the first fifty entries, and lists all."""
    for number in range(60):
        shutil.copy(cameras / "day" / "0000.jpg", cameras / "day" / f"more-{number}.jpg")
    ran = drift("doctor", cameras, "--format", "json")
    (found,) = [each for each in json.loads(ran.out) if each["name"] == "source"]
    assert (ran.code, found["state"]) == (3, "error")
    assert "could not be listed" in found["text"]
    assert drift("doctor", cameras, "--max-unreadable-folders", 1).code == 0
