"""Groups, strata and slices: good days that differ, classes compared within, rows of the report."""

from __future__ import annotations

import csv
import random
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.journey import FAST, pictures, scene

pytestmark = pytest.mark.usefixtures("quick")


def days(root, count, seed, *, size=6, look=lambda _rng: 0.0):
    """Folders `day00`, `day01`, …, each with its own light."""
    rng = np.random.default_rng(seed)
    return [pictures(root / f"day{d:02}", size, seed * 100 + d, light=look(rng)) for d in range(count)]


def test_several_sources_are_groups_and_give_a_tolerance(drift, check, world, tmp_path):
    """`--tolerance auto` wants five good groups; the report says how many there are."""
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    weather = days(tmp_path / "good", 6, 11, size=8, look=lambda rng: rng.normal(0, 35))
    assert check(world.ref, world.fresh, "--tolerance", "auto").code == 2
    assert drift("baseline", ref, *weather[:4], "--name", "four", "--workers", 1).code == 0
    ran = check(ref, world.fresh, "--baseline", "four", "--tolerance", "auto")
    assert (ran.code, ran.out) == (2, "")
    assert "this one has 4" in ran.err
    told = drift("baseline", ref, *weather, "--name", "six", "--workers", 1)
    assert "6 groups: " in told.out
    assert "caution: good groups differ among themselves" in told.out
    plain = check(ref, world.fresh, "--baseline", "six").result
    assert plain["reference"]["groups"] == 6
    assert any("good groups differ" in caution for caution in plain["cautions"])
    quiet = check(ref, weather[2], "--baseline", "six", "--allow-overlap").result
    assert quiet["verdict"] == "pass"
    assert not any("good groups differ" in caution for caution in quiet["cautions"])
    assert any("good groups differ" in notice for notice in quiet["notices"]), "there is no alarm to explain"
    cloudy = pictures(tmp_path / "cloudy", 24, 77, light=30)
    assert check(ref, cloudy, "--baseline", "six").code == 1
    ran = check(ref, cloudy, "--baseline", "six", "--tolerance", "auto")
    assert (ran.code, ran.result["verdict"]) == (0, "warn")
    among = ran.result["gate"]["good_days"]
    assert (among["days"], among["images"], among["farther"], among["share_decides"]) == (6, 8, False, False)
    assert ran.result["gate"]["tolerance"] <= 0.5
    assert "of the 6 good groups one at least lies as far" in ran.result["reasons"][-1]
    assert (
        "no farther than good groups lie from one another"
        in drift("check", ref, cloudy, "--baseline", "six", "--tolerance", "auto", "--workers", 1).out
    )
    night = pictures(tmp_path / "night", 24, 78, light=-110)
    ran = check(ref, night, "--baseline", "six", "--tolerance", "auto")
    assert (ran.code, ran.result["gate"]["good_days"]["farther"]) == (1, True)
    assert any(
        line.startswith("it lies farther from each of the 6 good groups") for line in ran.result["reasons"]
    )
    assert ran.result["gate"]["false_alarm_rate"]["estimate"] is None


def test_an_empty_source_among_others_is_no_group(drift, world, tmp_path):
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    (tmp_path / "empty").mkdir()
    told = drift("baseline", ref, tmp_path / "empty", world.good, world.fresh, "--workers", 1)
    assert (told.code, "2 groups" in told.out) == (0, True)


def test_groups_are_the_unit_where_they_are_asked_for(drift, check, world, tmp_path):
    """19 good groups attain alpha 0.05 with one batch group, fewer are 3 with the number that is needed."""
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    root = tmp_path / "good"
    days(root, 19, 12, size=8)
    by_folder = ("--group-by", "folder", "--workers", 1)
    assert drift("baseline", ref, root, *by_folder).code == 0
    (today,) = days(tmp_path / "today", 1, 13, size=8)
    ran = check(ref, today, "--group-by", "folder", "--alpha", "0.05")
    assert (ran.code, ran.result["gate"]["permutations"]) == (0, 19)
    assert ran.result["reference"]["groups"] == 19
    assert ran.result["gate"]["images_independent"] == 1
    few = "the baseline counts as 19 groups and the batch as 1, for which 20 would be adequate"
    assert any(notice.startswith(few) for notice in ran.result["notices"])
    told = drift("check", ref, today, "--group-by", "folder", "--alpha", "0.05", "-v", "--workers", 1)
    assert "with 8 images, which count as 1 independent one" in told.out
    dark = pictures(tmp_path / "dark" / "day", 8, 14, light=-60)
    ran = check(ref, dark, "--group-by", "folder", "--alpha", "0.05")
    assert (ran.code, ran.result["gate"]["p_value"]) == (1, 0.05)
    ran = check(ref, today, "--group-by", "folder")
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert "need at least 99 baseline groups" in ran.err


def test_sources_named_as_groups_serve_group_by_folder(drift, check, world, tmp_path):
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    assert drift("baseline", ref, *days(tmp_path / "good", 19, 15, size=3), "--workers", 1).code == 0
    (today,) = days(tmp_path / "today", 1, 16, size=8)
    ran = check(ref, today, "--group-by", "folder", "--alpha", "0.05")
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert "only 3 of the batch's 8 images can be tested" in ran.err
    ran = check(ref, today, "--group-by", "folder", "--alpha", "0.05", "--min-images", 3)
    assert (ran.code, ran.result["gate"]["images_tested"], len(ran.result["images"])) == (0, 3, 8)
    assert any(
        "3 of the batch's 8 images and 57 of the baseline's 57 entered the test" in notice
        for notice in ran.result["notices"]
    )


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday"])
def test_a_time_that_has_no_hour_is_3(check, world, tmp_path, moment):
    """All images with such times would be one group; nobody else asks for hours, and takes the times as unknown."""
    names = sorted(path.name for path in world.fresh.iterdir())
    rows = [("path", "time"), *((str(world.fresh / name), "2026-11-28T10:00:00") for name in names)]
    rows[3] = (rows[3][0], moment)
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    ran = check(world.ref, tmp_path / "list.csv", "--group-by", "hour")
    assert (ran.code, moment in ran.err, "between" in ran.err or "years 1 to 9999" in ran.err) == (
        3,
        True,
        True,
    )
    assert check(world.ref, tmp_path / "list.csv").code == 0


def test_keys_of_another_making_are_refused(drift, check, world, tmp_path):
    """Hours are no folders; and a baseline without groups has none."""
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    root = tmp_path / "good"
    days(root, 5, 12, size=5)
    assert drift("baseline", ref, root, "--group-by", r"day(\d)", "--workers", 1).code == 0
    ran = check(ref, world.fresh, "--group-by", "folder")
    assert (ran.code, ran.out) == (2, "")
    assert r"check with --group-by day(\d)" in ran.err
    assert check(world.ref, world.fresh, "--group-by", "folder").code == 2
    assert check(world.ref, world.fresh, "--stratify-by", "folder").code == 2


@pytest.mark.parametrize("wrong", ["day(", "day"])
def test_a_bad_regular_expression_is_2(check, world, wrong):
    ran = check(world.ref, world.fresh, "--group-by", wrong)
    assert (ran.code, ran.out) == (2, "")
    assert "group" in ran.err


def test_one_group_cannot_be_divided(drift, world, tmp_path):
    """A folder is one group: nothing would be left to learn from."""
    ran = drift("fit", world.train, "-o", tmp_path / "ref", "--group-by", "folder", *FAST)
    assert (ran.code, ran.out, (tmp_path / "ref").exists()) == (3, "", False)
    assert "--group-by finds" in ran.err


def test_copies_of_one_image_cannot_be_divided(drift, world, tmp_path):
    for i in range(45):
        shutil.copy(world.fresh / "0000.jpg", tmp_path / f"{i}.jpg")
    ran = drift("fit", tmp_path, "-o", tmp_path / "ref", *FAST)
    assert (ran.code, "45 copies of one image" in ran.err) == (3, True)


# ---------------------------------------------------------------- strata and slices


@pytest.fixture
def labelled(tmp_path):
    """`labelled("name", {"day": 30, "night": 10}, seed)`: a manifest with a column `label`."""

    def make(name, classes, seed, more=0.0):
        rng = np.random.default_rng(seed)
        rows = [("path", "label")]
        (tmp_path / name).mkdir()
        for label, count in classes.items():
            for i in range(count):
                scene(rng, light=more - (60.0 if label == "night" else 0.0)).save(
                    tmp_path / name / f"{label}{i}.jpg", quality=90
                )
                rows.append((f"{name}/{label}{i}.jpg", label))
        with (tmp_path / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
        return tmp_path / f"{name}.csv"

    return make


def test_within_classes_another_share_of_them_is_no_drift(drift, check, labelled, tmp_path):
    """Without `--stratify-by` it is one; a class that the baseline lacks cannot be compared."""
    ref, by = tmp_path / "ref", ("--stratify-by", "column:label")
    assert drift("fit", labelled("train", {"day": 40, "night": 20}, 1), "-o", ref, *by, *FAST).code == 0
    good = labelled("good", {"day": 60, "night": 30}, 2)
    assert drift("baseline", ref, good, *by, "--workers", 1).code == 0
    batch = labelled("batch", {"day": 4, "night": 20}, 3)
    assert check(ref, batch).code == 1
    assert check(ref, batch, *by).code == 0
    ran = check(ref, batch, "--stratify-by", "column:lable")
    assert (ran.code, ran.out) == (2, "")


def test_another_mix_is_told_from_other_images(drift, check, labelled, tmp_path):
    """The baseline remembers the key: labels have a say and the report says whether the images changed too."""
    ref, by = tmp_path / "ref", ("--stratify-by", "column:label")
    assert drift("fit", labelled("train", {"day": 40, "night": 20}, 1), "-o", ref, *by, *FAST).code == 0
    assert (
        drift("baseline", ref, labelled("good", {"day": 60, "night": 60}, 2), *by, "--workers", 1).code == 0
    )
    usual = check(ref, labelled("usual", {"day": 12, "night": 12}, 3)).result
    assert (usual["verdict"], usual["composition"]["reading"]) == ("pass", "none")
    batch = labelled("batch", {"day": 2, "night": 22}, 4)
    told = check(ref, batch).result
    mix = told["composition"]
    assert (told["verdict"], mix["by"], mix["reading"]) == ("drift", "column:label", "composition")
    assert told["headline"]["statement"].endswith(
        "the same things in other shares: day 50 % → 8 %, night 50 % → 92 %"
    )
    assert told["reasons"][0] == told["headline"]["statement"]
    assert told["reasons"][2].startswith("composition: the mix changed (day 50 % → 8 %, night 50 % → 92 %)")
    assert told["families"][-1]["name"] == "composition"
    assert mix["effect"] == pytest.approx(22 / 24 - 1 / 2)
    assert mix["p_value"] <= 0.01 < mix["residual_p_value"]
    assert "the same things in other shares" in drift("check", ref, batch, "--workers", 1).out
    for spoken in (("--ignore-composition",), by):
        held = check(ref, batch, *spoken).result
        assert (held["verdict"], held["composition"]["ignored"]) == ("pass", True)
        assert any("the mix changed" in caution for caution in held["cautions"])
        assert held["gate"]["p_value"] == held["composition"]["residual_p_value"]
    bright = labelled("bright", {"day": 12, "night": 12}, 5, more=50)
    lit = check(ref, bright).result
    assert (lit["verdict"], lit["composition"]["reading"]) == ("drift", "images")
    assert "images changed" in lit["reasons"][2]
    assert check(ref, bright, "--ignore-composition").code == 1


def test_without_labels_clusters_stand_in(drift, check, world, labelled, tmp_path):
    """Clusters of F, with images that stand for them; other light is other images in them too."""
    found = check(world.ref, world.fresh).result["composition"]
    assert (found["by"], found["reading"]) == ("clusters", "none")
    assert all(share["examples"] for share in found["shares"] if share["baseline"])
    assert sum(share["batch"] for share in found["shares"]) == pytest.approx(1)
    bright = check(world.ref, world.bright).result
    assert bright["composition"]["reading"] in {"images", "both"}
    assert any(reason.startswith("images changed") for reason in bright["reasons"])
    assert check(world.ref, world.fresh, "--ignore-composition").code == 0
    assert check(world.ref, world.bright, "--ignore-composition").code == 1
    assert check(world.ref, labelled("list", {"day": 24}, 6)).result["composition"]["by"] == "clusters"
    bare = tmp_path / "bare"
    assert drift("fit", world.train, "-o", bare, "--set", "fit.clusters=0", *FAST).code == 0
    assert check(bare, world.fresh).result["composition"] is None
    ran = check(bare, world.fresh, "--ignore-composition")
    assert (ran.code, ran.out) == (2, "")


def test_slices_are_rows_of_the_report_only(check, labelled, world):
    batch = labelled("batch", {"day": 14, "night": 6}, 4)
    plain, sliced = (
        check(world.ref, batch).result,
        check(world.ref, batch, "--slice-by", "column:label").result,
    )
    assert plain["gate"] == sliced["gate"]
    rows = {row["name"]: row for row in sliced["groups"]}
    assert {name: row["images"] for name, row in rows.items()} == {"day": 14, "night": 6}
    assert rows["night"]["mean_score"] > rows["day"]["mean_score"]


def test_groups_by_column_hour_and_pattern(drift, world, tmp_path):
    """All three say the same of these images."""
    rng, rows = np.random.default_rng(5), [("path", "shift")]
    for hour in range(4):
        for i in range(8):
            exif = Image.Exif()
            exif.get_ifd(0x8769)[0x9003] = f"2026:01:02 {hour:02}:30:{i:02}"
            name = f"cam-{hour}-{i}.jpg"
            scene(rng).save(tmp_path / name, exif=exif)
            rows.append((name, f"s{hour}"))
    random.Random(1).shuffle(rows[1:])  # noqa: S311
    with (tmp_path / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    for key in ("column:shift", "hour", r"cam-(\d)"):
        told = drift("baseline", ref, tmp_path / "list.csv", "--group-by", key, "--workers", 1)
        assert (told.code, "4 groups: " in told.out) == (0, True), key
