"""fit, baseline, check: the contract's exit codes, with nothing replaced by a stand-in."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

import driftcli
from tests.journey import FAST, pictures


def test_a_batch_like_the_baseline_passes(check, world):
    ran = check(world.ref, world.fresh)
    assert (ran.code, ran.result["verdict"], ran.err) == (0, "pass", "")
    assert ran.result["gate"]["p_value"] > 0.01
    assert ran.result["reference"]["baseline"] == "default"
    assert ran.result["reference"]["groups"] is None


def test_brighter_images_are_drift(check, world):
    """The verdict, the exit code, the reason, the words and the ranking say so."""
    result = check(world.ref, world.bright).result
    assert (result["verdict"], result["exit_code"]) == ("drift", 1)
    assert result["gate"]["p_value"] == pytest.approx(1 / 2000)
    assert any(d["word"] == "brighter" for d in result["diagnosis"])
    assert result["reasons"][0] == result["headline"]["statement"]
    assert "alpha 0.01" in result["reasons"][1]
    assert [image["rank"] for image in result["images"]] == list(range(1, 25))


def test_the_text_report_stands_alone_on_standard_output(drift, world):
    ran = drift("check", world.ref, world.bright, "--workers", 1)
    assert ran.code == 1
    assert ran.out.startswith("DRIFT")
    assert ran.err == ""


@pytest.mark.usefixtures("quick")
def test_the_held_out_part_serves_until_there_is_a_baseline(drift, check, world, tmp_path):
    assert drift("fit", world.train, "-o", tmp_path / "new", *FAST).code == 0
    ran = check(tmp_path / "new", world.fresh)
    assert (ran.code, ran.result["reference"]["baseline"]) == (0, "holdout")
    assert any("held back" in notice for notice in ran.result["notices"])
    assert not any("held back" in caution for caution in ran.result["cautions"])


# ---------------------------------------------------------------- 3: not audited


def test_an_empty_folder_is_3(check, world, tmp_path):
    result = check(world.ref, tmp_path).result
    assert (result["exit_code"], result["verdict"], result["gate"]["p_value"]) == (3, "inconclusive", None)


def test_a_missing_folder_is_3_and_still_a_result(check, world):
    ran = check(world.ref, world.root / "frseh")
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert "fresh" in ran.err.split("hint: ")[1]


def test_too_few_images_are_3(check, world, tmp_path):
    """`--min-images` lowers the limit, with a caution."""
    few = pictures(tmp_path / "few", 5, 9)
    ran = check(world.ref, few)
    assert (ran.code, ran.result["reasons"][0]) == (3, "5 usable images; at least 8 are needed")
    ran = check(world.ref, few, "--min-images", 5)
    assert ran.code == 0
    assert any("--min-images" in caution for caution in ran.result["cautions"])


def test_copies_of_one_image_are_a_frozen_camera(check, world, tmp_path):
    for i in range(30):
        shutil.copy(world.fresh / "0000.jpg", tmp_path / f"{i}.jpg")
    ran = check(world.ref, tmp_path)
    assert (ran.code, ran.result["batch"]["distinct"]) == (3, 1)
    assert "frozen camera?" in ran.err


def test_some_copies_are_counted_and_kept(check, world, tmp_path):
    shutil.copytree(world.fresh, tmp_path / "b")
    for i in range(3):
        shutil.copy(world.fresh / "0000.jpg", tmp_path / "b" / f"copy{i}.jpg")
    result = check(world.ref, tmp_path / "b").result
    assert (result["batch"]["images"], result["batch"]["distinct"]) == (27, 24)
    assert any("3 images of the batch are copies" in caution for caution in result["cautions"])


def test_the_reference_itself_is_refused(check, world):
    """Unless that is meant. F and C both count."""
    for folder in (world.train, world.good):
        assert "checking the reference itself" in check(world.ref, folder).err
    ran = check(world.ref, world.good, "--allow-overlap")
    assert (ran.code, ran.result["batch"]["in_reference"]) == (0, 110)


def test_one_unreadable_file_of_sixteen_does_not_stop_the_night(check, world, tmp_path):
    """More than 5 %, and the report names it; with 0 it is one too many."""
    folder = tmp_path / "batch"
    folder.mkdir()
    for image in sorted(world.fresh.iterdir())[:15]:
        (folder / image.name).write_bytes(image.read_bytes())
    (folder / "half.jpg").write_bytes(next(world.fresh.iterdir()).read_bytes()[:300])
    ran = check(world.ref, folder)
    assert (ran.code, ran.result["batch"]["images"]) == (0, 15)
    assert f"1 of 16 images could not be read: {folder}/half.jpg (truncated)" in ran.result["cautions"]
    ran = check(world.ref, folder, "--max-unreadable", "0")
    assert ran.code == 3
    assert ran.result["reasons"][0] == f"1 of 16 images cannot be read: {folder}/half.jpg (truncated)"


def test_too_many_unreadable_files_are_3(check, world, tmp_path):
    shutil.copytree(world.fresh, tmp_path / "b")
    for i in range(3):
        (tmp_path / "b" / f"broken{i}.jpg").write_bytes(b"\xff\xd8\xff no image")
    ran = check(world.ref, tmp_path / "b")
    assert (ran.code, sum(ran.result["ledger"]["unreadable"].values())) == (3, 3)
    assert check(world.ref, tmp_path / "b", "--max-unreadable", "20%").code == 0


def test_an_uncalibrated_artifact_is_3(check, world):
    ran = check(world.bare, world.fresh)
    assert ran.code == 3
    assert "hint: driftcli baseline" in ran.err


def test_fit_and_baseline_want_enough_images(drift, world, tmp_path):
    """Nothing is written."""
    ran = drift("fit", world.fresh, "-o", tmp_path / "new", *FAST)
    assert (ran.code, ran.out, (tmp_path / "new").exists()) == (3, "", False)
    ran = drift("baseline", world.ref, pictures(tmp_path / "few", 12, 9), "--workers", 1)
    assert (ran.code, ran.out) == (3, "")
    assert "at least 20" in ran.err


# ---------------------------------------------------------------- 2: usage


@pytest.mark.usefixtures("quick")
def test_fit_replaces_an_artifact_only_with_force(drift, world, copied):
    before = (copied / "manifest.json").read_bytes()
    ran = drift("fit", world.good, "-o", copied, *FAST)
    assert (ran.code, ran.out, (copied / "manifest.json").read_bytes()) == (2, "", before)
    assert "--force" in ran.err
    assert drift("fit", world.good, "-o", copied, "--force", *FAST).code == 0
    assert (copied / "manifest.json").read_bytes() != before


@pytest.mark.usefixtures("quick")
def test_which_baseline_is_meant(drift, check, world, copied):
    """The named one; of several none is guessed, and an unknown one is 2."""
    assert "has no baseline 'nihgt'" in check(copied, world.fresh, "--baseline", "nihgt").err
    fitted = copied.with_name("fitted")
    assert drift("fit", world.train, "-o", fitted, *FAST).code == 0
    assert drift("baseline", fitted, world.good, "--name", "day", "--workers", 1).code == 0
    assert check(fitted, world.fresh).result["reference"]["baseline"] == "day"
    assert drift("baseline", fitted, world.good, "--name", "night", "--workers", 1).code == 0
    ran = check(fitted, world.fresh)
    assert (ran.code, ran.out) == (2, "")
    assert "none is called default: day, night" in ran.err
    assert check(fitted, world.fresh, "--baseline", "night").result["reference"]["baseline"] == "night"


@pytest.mark.usefixtures("quick")
def test_a_baseline_shares_at_most_one_image_in_a_hundred_with_the_fit(drift, check, world, tmp_path):
    """Up to 1 % is left out and counted; more is refused unless `--drop-seen` asks for it."""
    fitted, mixed = tmp_path / "fitted", tmp_path / "mixed"
    shutil.copytree(world.bare, fitted)
    shutil.copytree(world.good, mixed)
    shutil.copy(world.train / "0000.jpg", mixed / "seen.jpg")
    ran = drift("baseline", fitted, mixed, "--workers", 1)
    assert ran.code == 0
    assert "left out 1 that the reference was fitted on" in ran.out
    assert check(fitted, world.fresh).result["reference"]["images"] == 110
    shutil.copy(world.train / "0001.jpg", mixed / "seen2.jpg")
    ran = drift("baseline", fitted, mixed, "--workers", 1)
    assert (ran.code, ran.out) == (2, "")
    assert "--drop-seen" in ran.err
    assert "left out 2" in drift("baseline", fitted, mixed, "--drop-seen", "--workers", 1).out


# ---------------------------------------------------------------- beside the verdict


def test_re_encoded_images_are_no_drift(check, world, tmp_path):
    """The same pixels in another file format: the advisory family says so, the verdict stays."""
    for path in sorted(world.fresh.iterdir()):
        Image.open(path).save(tmp_path / f"{path.stem}.png")
    before, after = check(world.ref, world.fresh).result, check(world.ref, tmp_path).result
    assert (before["verdict"], after["verdict"]) == ("pass", "pass")
    assert any("advisory" in c for c in after["cautions"])
    assert not any("advisory" in c for c in before["cautions"])
    assert check(world.ref, tmp_path, "--set", "families.file.gate=on").code == 1


def test_the_python_api_says_the_same(check, world):
    report = driftcli.check(world.ref, world.bright, workers=1)
    result = check(world.ref, world.bright).result
    assert (report.verdict, report.exit_code) == (result["verdict"], result["exit_code"])
    assert report.gate.p_value == result["gate"]["p_value"]
    with pytest.raises(driftcli.DriftcliError):
        driftcli.check(world.root / "none", world.fresh)
