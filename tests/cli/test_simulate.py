"""`driftcli simulate`: a drifted copy that says what happened to each image, complete or not at all."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from driftcli.core import registry
from driftcli.corruptions.jpeg import Jpeg
from driftcli.simulation._folder import DriftedFolder
from tests.journey import pictures

QUIET = ("--workers", "1", "--no-progress")


@pytest.fixture
def images(tmp_path):
    root = tmp_path / "images"
    pictures(root / "cats", 12, 1)
    pictures(root / "dogs", 8, 2, form="png")
    return root


@pytest.fixture
def simulate(main, tmp_path):
    """Runs it into `out`; nothing but `out` may be left beside the sources."""

    def run(*argv):
        ran = main("simulate", *map(str, argv), "-o", str(tmp_path / "out"), *QUIET)
        assert not list(tmp_path.glob(".*"))
        return ran

    return run


def rows(out):
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), float)


def test_a_corrupted_copy_has_the_old_structure_and_lossless_pixels(simulate, images, tmp_path):
    ran = simulate(images, "--corruption", "brighten:2")
    out = tmp_path / "out"
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"drifted copy in {out}: 20 images, 20 with brighten:2\n")
    expected = [name.replace(".jpg", ".png") for name in files(images)]
    assert files(out) == sorted([*expected, "manifest.csv"])
    before, after = pixels(images / "cats" / "0003.jpg"), pixels(out / "cats" / "0003.png")
    assert np.array_equal(after, np.minimum(255, before + 12))
    for row in rows(out):
        assert (row["corruption"], row["severity"], row["amount"]) == ("brighten", "2", "12")
        assert (out / row["path"]).is_file()
        assert Path(row["source"]).exists()


def test_a_share_is_corrupted_and_the_rest_copied_byte_for_byte(simulate, images, tmp_path):
    assert simulate(images, "--corruption", "gaussian_blur", "--share", "50%").code == 0
    found = rows(tmp_path / "out")
    changed = [row for row in found if row["corruption"]]
    assert 3 <= len(changed) <= 17  # of 20 at one half: beyond 99.9 %
    for row in found:
        copy = tmp_path / "out" / row["path"]
        same = copy.read_bytes() == Path(row["source"]).read_bytes()
        assert same == (not row["corruption"])
        assert row["severity"] == ("3" if row["corruption"] else "")


def test_content_and_seed_decide_not_names_or_workers(simulate, images, main, tmp_path):
    """The same files elsewhere, in another order, with two workers: the same images, the same pixels."""
    options = ("--corruption", "gaussian_noise:4", "--share", "0.5")
    simulate(images, *options)
    moved = tmp_path / "moved"
    moved.mkdir()
    for i, name in enumerate(reversed(files(images))):
        shutil.copy(images / name, moved / f"{i:02d}{Path(name).suffix}")
    main("simulate", str(moved), "-o", str(tmp_path / "again"), *options, "--workers", "2")
    main("simulate", str(moved), "-o", str(tmp_path / "seed"), *options, "--seed", "1")

    def contents(name):
        return sorted((tmp_path / name / row["path"]).read_bytes() for row in rows(tmp_path / name))

    assert contents("out") == contents("again")
    assert contents("out") != contents("seed")


def test_corruptions_follow_each_other(simulate, images, tmp_path):
    ran = simulate(images, "--corruption", "darken:5", "--corruption", "jpeg", "--severity", "2")
    assert "20 with darken:5 then jpeg:2" in ran.out
    row = rows(tmp_path / "out")[0]
    assert (row["corruption"], row["severity"], row["amount"]) == ("darken+jpeg", "5+2", "2+40")
    dark = registry.load("corruptions", "darken")().apply(Image.open(row["source"]).convert("RGB"), 2.0, None)
    expected = Jpeg().apply(dark, 40, None)
    assert np.array_equal(pixels(tmp_path / "out" / row["path"]), np.asarray(expected, float))


def test_an_amount_in_units_is_what_happens_to_the_pixels(simulate, tmp_path):
    """N(0, 127) of 255, clipped: on middle grey the share below black and above white is what the normal law says."""
    (tmp_path / "grey").mkdir()
    Image.new("RGB", (200, 200), (128, 128, 128)).save(tmp_path / "grey" / "a.png")
    ran = simulate(tmp_path / "grey", "--corruption", "gaussian_noise:127gl")
    assert ran.code == 0, ran.err
    assert "1 with gaussian_noise:127gl" in ran.out
    (row,) = rows(tmp_path / "out")
    assert (row["corruption"], row["severity"], row["amount"]) == ("gaussian_noise", "", "127")
    noisy = pixels(tmp_path / "out" / "a.png")[..., 0]
    n, tail = noisy.size, 0.5 * math.erfc(127.5 / 127 / math.sqrt(2))  # 0.158 on each side
    for found in ((noisy == 0).mean(), (noisy == 255).mean()):
        assert abs(found - tail) < 5 * math.sqrt(tail * (1 - tail) / n)


def test_an_amount_that_a_severity_stands_for_is_that_severity(simulate, images, tmp_path, main):
    assert simulate(images, "--corruption", "brighten:12GL").code == 0
    main("simulate", str(images), "-o", str(tmp_path / "again"), "--corruption", "brighten:2", *QUIET)
    assert files(tmp_path / "out") == files(tmp_path / "again")
    for name in files(tmp_path / "out"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_classes_are_knocked_out_and_reweighed(simulate, images, main, tmp_path):
    assert simulate(images, "--knock-out", "folder=dogs").code == 0
    assert {row["path"].split("/")[0] for row in rows(tmp_path / "out")} == {"cats"}
    assert len(rows(tmp_path / "out")) == 12
    main("simulate", str(images), "-o", str(tmp_path / "even"), "--class-share", "folder=cats:20%", *QUIET)
    kept = [row["path"].split("/")[0] for row in rows(tmp_path / "even")]
    assert (kept.count("cats"), kept.count("dogs")) == (2, 8)


def test_labels_of_a_manifest_choose_and_stay(simulate, images, tmp_path):
    listed = tmp_path / "list.csv"
    lines = [f"images/{name},{name.split('/')[0][:-1]},mon" for name in files(images)]
    listed.write_text("\n".join(["path,label,group", *lines]) + "\n")
    assert simulate(listed, "--knock-out", "column:label=cat", "--corruption", "flip:5").code == 0
    found = rows(tmp_path / "out")
    assert {(row["label"], row["group"], row["corruption"]) for row in found} == {("dog", "mon", "flip")}


def test_foreign_images_take_the_place_of_some(simulate, images, tmp_path):
    other = pictures(tmp_path / "other", 30, 3)
    ran = simulate(images, "--mix", f"{other}:25%")
    assert "20 images, 5 from other sources" in ran.out
    assert sum("/other/" in row["source"] for row in rows(tmp_path / "out")) == 5
    assert simulate(images, "--mix", f"{images}:100%", "--mix", f"{other}:1%", "--force").code == 0


def test_members_of_archives_and_hostile_names_stay_inside(simulate, images, tmp_path):
    box = tmp_path / "box.zip"
    data = (images / "cats" / "0000.jpg").read_bytes()
    with zipfile.ZipFile(box, "w") as archive:
        for name in ("../../evil.jpg", "/abs.jpg", "a/same.jpg", "a/same.png", "A/SAME.jpg"):
            archive.writestr(name, data)
    ran = simulate(box, "--corruption", "flip:5", "--mix", f"{images}:20%")
    assert ran.code == 0, ran.err
    found = rows(tmp_path / "out")
    assert len({row["path"].casefold() for row in found}) == 5
    assert files(tmp_path / "out") == sorted([*(row["path"] for row in found), "manifest.csv"])


def test_an_archive_that_holds_a_file_where_a_folder_should_be(simulate, images, tmp_path):
    data = (images / "cats" / "0000.jpg").read_bytes()
    with zipfile.ZipFile(tmp_path / "box.zip", "w") as archive:
        for name in ("a", "a/b.jpg", "c/d.jpg", "c"):
            archive.writestr(name, data)
    assert simulate(tmp_path / "box.zip", "--corruption", "flip:1").code == 0
    assert len(rows(tmp_path / "out")) == 4


def test_what_cannot_be_read_is_left_out_and_counted(simulate, images, tmp_path):
    (images / "cats" / "broken.jpg").write_bytes((images / "cats" / "0000.jpg").read_bytes()[:300])
    (images / "notes.txt").write_text("x")
    os.mkfifo(images / "pipe.jpg")
    ran = simulate(images, "--corruption", "gamma")
    assert ran.code == 0
    assert (
        "of 23 entries: 1 unreadable (truncated), 1 skipped (not a file), 1 skipped (not an image)" in ran.out
    )
    assert len(rows(tmp_path / "out")) == 20


def test_nothing_left_is_not_audited_and_leaves_nothing(simulate, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    ran = simulate(empty, "--corruption", "gamma")
    assert ran.code == 3
    assert ran.err.startswith("error: no image is left of ")
    assert not (tmp_path / "out").exists()


def test_a_copy_is_replaced_only_by_force_and_only_if_it_is_ours(simulate, images, tmp_path):
    assert simulate(images, "--corruption", "flip:5").code == 0
    before = files(tmp_path / "out")
    ran = simulate(images / "dogs", "--corruption", "flip:5")
    assert (ran.code, ran.out) == (2, "")
    assert "hint: use --force" in ran.err
    assert files(tmp_path / "out") == before
    assert simulate(images / "dogs", "--corruption", "flip:5", "--force").code == 0
    assert len(files(tmp_path / "out")) == 9
    (tmp_path / "out" / "manifest.csv").write_text("path,label\n")
    ran = simulate(images, "--corruption", "flip:5", "--force")
    assert ran.code == 2
    assert "holds other files" in ran.err
    assert len(files(tmp_path / "out")) == 9


def test_an_interruption_leaves_the_old_copy(tmp_path):
    place = tmp_path / "out"
    with DriftedFolder(place) as folder:
        folder.add("a.png", b"old", {"source": "x"})

    def interrupted():
        with DriftedFolder(place, force=True) as folder:
            folder.add("a.png", b"new", {"source": "x"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (place / "a.png").read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("inside", [True, False])
def test_source_and_copy_lie_apart(main, images, inside):
    """Inside, the next check of the source would read the copies; around it, --force would delete it."""
    place = images / "drifted" if inside else images.parent
    ran = main("simulate", str(images), "-o", str(place), "--corruption", "flip", "--force", *QUIET)
    assert ran.code == 2
    assert (images / "cats" / "0000.jpg").exists()
    assert not (images / "drifted").exists()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--corruption", "gausian_blur"), "hint: did you mean gaussian_blur?"),
        (("--corruption", "flip:6"), "severity must be between 1 and 5, not '6'"),
        (("--corruption", "gaussian_noise:127"), "an amount needs its unit: gaussian_noise:127gl"),
        (("--corruption", "gaussian_noise:127px"), "gaussian_noise is not counted in 'px'"),
        (("--corruption", "gaussian_noise:-3gl"), "hint: from 0 to 1000 gl, in grey levels"),
        (("--corruption", "jpeg:0quality"), "jpeg: 0 quality cannot be"),
        (("--corruption", "flip:much"), "severity must be between 1 and 5, not 'much'"),
        (("--corruption", "flip", "--severity", "0"), "severity must be between 1 and 5"),
        (("--corruption", "flip", "--share", "120%"), "'120%' is no share"),
        (("--corruption", "flip", "--share", "nan"), "'nan' is no share"),
        (("--knock-out", "cats"), "names no KEY=VALUE"),
        (("--knock-out", "folder=cows"), "no image has the value 'cows'"),
        (("--knock-out", "hour=1"), "the hour is not known"),
        (("--class-share", "folder=cats"), "is not of the form KEY=VALUE:SHARE"),
        (("--mix", "other"), "is not of the form SOURCE:SHARE"),
        (("--mix", "-:5%"), "standard input cannot be mixed in"),
        ((), "nothing is to happen to the images"),
    ],
    ids=str,
)
def test_wrong_words_are_explained(simulate, images, tmp_path, argv, said):
    ran = simulate(images, *argv)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.startswith("error: ")
    assert "\nhint: " in ran.err
    assert not (tmp_path / "out").exists()


def test_missing_words_and_sources(main, images, tmp_path):
    assert "missing SOURCE" in main("simulate").err
    assert "missing --output" in main("simulate", str(images), "--corruption", "flip").err
    ran = main("simulate", str(tmp_path / "nowhere"), "-o", str(tmp_path / "o"), "--corruption", "flip")
    assert ran.code == 3
    too_many = main(
        "simulate", str(images / "dogs"), "-o", str(tmp_path / "o"), "--mix", f"{images}/cats/0*1.jpg:90%"
    )
    assert too_many.code == 3
    assert not (tmp_path / "o").exists()


def test_the_list_names_every_corruption_with_its_amounts(main):
    out = main("simulate", "--list").out
    for name in registry.kinds("corruptions"):
        kind = registry.load("corruptions", name)
        line = next(line for line in out.splitlines() if line.split()[1] == name)
        assert line.startswith(kind.belongs)
        assert line.endswith(kind.unit)
        assert ", ".join(f"{amount:g}" for amount in kind.amounts) in line


def test_crop_of_a_configuration_is_left_to_the_check(simulate, images, tmp_path):
    """Copies and corrupted images must stay comparable: `check` crops both."""
    assert simulate(images, "--corruption", "flip:5", "--set", "decode.crop=0,0,0.5,0.5").code == 0
    assert Image.open(tmp_path / "out" / "cats" / "0001.png").size == (64, 64)


def test_exclude_and_limit_choose_what_is_read(simulate, images, tmp_path):
    assert simulate(images, "--corruption", "flip", "--exclude", "cats", "--limit", "3").code == 0
    assert [row["path"].split("/")[0] for row in rows(tmp_path / "out")] == ["dogs"] * 3


def test_paths_on_standard_input(simulate, images, tmp_path, monkeypatch):
    text = "\n".join(str(images / name) for name in files(images)).encode()
    monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": io.BytesIO(text)})())
    assert simulate("-", "--knock-out", "folder=dogs").code == 0
    assert len(rows(tmp_path / "out")) == 12


def test_json_speaks_on_standard_error(main, images):
    ran = main("simulate", str(images), "-o", str(images), "--corruption", "flip", "--log-format", "json")
    assert ran.code == 2
    assert all(json.loads(line) for line in ran.err.splitlines())
