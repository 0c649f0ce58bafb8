"""Images that the reference knows already, copies instead of images, and names that cannot be: by the command line."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from PIL import Image

from tests.journey import FAST, pictures, succeed

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture(scope="module")
def ref(world, tmp_path_factory):
    """Fitted on all of `train`, which `world.ref` keeps a part of as its baseline `holdout`."""
    made = shutil.copytree(world.bare, tmp_path_factory.mktemp("whole") / "ref")
    succeed("baseline", made, world.good, "--workers", "1", "-q")
    return made


def mixed(folder, fresh, known, count):
    """`fresh`, and `count` images of `known` beside them."""
    shutil.copytree(fresh, folder)
    for image in sorted(known.iterdir())[:count]:
        shutil.copy(image, folder / f"known-{image.name}")
    return folder


def test_images_of_the_fit_set_change_neither_p_nor_verdict(check, world, ref, tmp_path):
    """They are counted, listed and said; whoever tests them all the same gets another p."""
    batch = mixed(tmp_path / "batch", world.fresh, world.train, 12)
    alone, told = check(ref, world.fresh).result, check(ref, batch).result
    assert told["gate"]["p_value"] == alone["gate"]["p_value"]
    assert told["verdict"] == "pass"
    assert (told["batch"]["images"], told["batch"]["in_reference"]) == (36, 12)
    assert told["gate"]["images_tested"] == 24
    assert len(told["images"]) == 36
    (said,) = [line for line in told["cautions"] if "fitted on" in line]
    assert said == (
        "12 images of the batch are among those that the reference was fitted on: left out of the test, which judges "
        "the other 24"
    )
    kept = check(ref, batch, "--allow-overlap").result
    assert kept["gate"]["images_tested"] == 36
    assert any("tested all the same (--allow-overlap)" in line for line in kept["cautions"])


def test_by_pixels_where_the_file_is_another(check, world, ref, tmp_path):
    """The same picture saved as PNG: the file's bytes say nothing."""
    batch = shutil.copytree(world.fresh, tmp_path / "batch")
    for image in sorted(world.train.iterdir())[:5]:
        Image.open(image).save(batch / f"{image.stem}.png")
    told = check(ref, batch).result
    assert (told["batch"]["in_reference"], told["gate"]["images_tested"]) == (5, 24)


def test_drift_is_seen_beside_images_of_the_fit_set(check, world, ref, tmp_path):
    batch = mixed(tmp_path / "batch", world.bright, world.train, 12)
    told = check(ref, batch).result
    assert (told["verdict"], told["gate"]["images_tested"]) == ("drift", 24)
    removed = told["removal"]["images"] if told["removal"] else []
    assert not any("known" in name for name in removed)


def test_a_profile_knows_them_as_its_images_do(drift, check, world, ref, tmp_path):
    batch = mixed(tmp_path / "batch", world.fresh, world.train, 12)
    file = tmp_path / "day.safetensors"
    assert drift("profile", batch, "--artifact", ref, "-o", file, "--workers", 1, "-q").code == 0
    by_profile, by_images = check(ref, file).result, check(ref, batch).result
    assert by_profile["gate"] == by_images["gate"]
    assert by_profile["cautions"] == by_images["cautions"]


def test_too_few_new_images_are_no_batch(check, world, ref, tmp_path):
    few = pictures(tmp_path / "few", 9, 90)
    batch = mixed(tmp_path / "batch", few, world.train, 8)
    ran = check(ref, batch, "--min-images", "10")
    assert ran.code == 3
    assert (
        "8 of 17 images are also in the reference and left out of the test: 9 distinct ones remain" in ran.err
    )


# ---------------------------------------------------------------- what can be a baseline


def copies(folder, count, distinct=1):
    made = pictures(folder / "one", distinct, 7)
    target = folder / "many"
    target.mkdir()
    originals = sorted(made.iterdir())
    for i in range(count):
        shutil.copy(originals[i % distinct], target / f"{i:03}.jpg")
    return target


def test_copies_are_no_baseline(drift, world, tmp_path):
    """Nothing is written of it; twenty distinct ones are enough, however often each is there."""
    ref = shutil.copytree(world.bare, tmp_path / "ref")
    before = (ref / "manifest.json").read_bytes()
    ran = drift("baseline", ref, copies(tmp_path, 60), "--workers", 1)
    assert (ran.code, ran.out) == (3, "")
    assert "error: baseline needs at least 20 distinct images; these 60 are 60 copies of one image" in ran.err
    ran = drift("baseline", ref, copies(tmp_path / "b", 60, 19), "--workers", 1)
    assert "these 60 are copies of 19 images" in ran.err
    assert (ref / "manifest.json").read_bytes() == before
    assert drift("baseline", ref, copies(tmp_path / "c", 60, 20), "--workers", 1).code == 0


@pytest.mark.parametrize("holdout", ["auto", "0", "0.5"])
def test_copies_are_no_reference(drift, tmp_path, holdout):
    ran = drift("fit", copies(tmp_path, 60), "-o", tmp_path / "ref", "--holdout", holdout, *FAST)
    assert (ran.code, (tmp_path / "ref").exists()) == (3, False)
    assert "fit needs at least 40 distinct images; these 60 are 60 copies of one image" in ran.err


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("", None), (" ", None), ("a/b", "a-b"), ("../x", "x"), ("a\\b", "a-b"), ("a\nb", "a-b"), ("Night Shift", "night-shift"),
        ("x" * 101, "x" * 100), (".hidden", "hidden"), ("-a", "a"), ("ü", None), ("holdout", None), ("a\x1b[31m", "a-31m"),
    ],
)  # fmt: skip
def test_names_that_no_baseline_can_have(drift, tmp_path, name, meant):
    """Before any work: neither the artifact nor the images need exist."""
    ran = drift("baseline", tmp_path / "none", tmp_path / "nothing", f"--name={name}")
    assert (ran.code, ran.out) == (2, "")
    assert "error: --name " in ran.err
    assert "\x1b" not in ran.err
    if meant:
        assert ran.err.rstrip().endswith(f": {meant}")


def test_names_that_are_fine(drift, tmp_path):
    for name in ("a", "default", "night-2.b_c", "0", "x" * 100):
        assert "--name" not in drift("baseline", tmp_path / "none", tmp_path / "x", "--name", name).err, name


def test_without_a_holdout_what_is_for_it_is_said_to_have_no_effect(drift, check, world, tmp_path):
    """And a check of such an artifact is told what is missing."""
    ref = tmp_path / "ref"
    quick = [word for word in FAST if word != "-q"]
    ran = drift("fit", world.train, "-o", ref, "--holdout", "0", "--group-by", "folder", *quick)
    assert ran.code == 0
    assert (
        "--detectable and --group-by have no effect with --holdout 0: say it to driftcli baseline" in ran.out
    )
    assert "next: driftcli baseline" in ran.out
    assert json.loads((ref / "manifest.json").read_text())["baselines"] == {}
    ran = check(ref, world.fresh)
    assert ran.code == 3
    assert "it is fitted but not calibrated" in ran.err


def test_validation_images_that_are_training_images_in_another_size_are_told(drift, world, tmp_path):
    """Reduced and saved anew: neither file nor pixels are the same, the picture is."""
    good = shutil.copytree(world.good, tmp_path / "good")
    for image in sorted(world.train.iterdir())[:6]:
        with Image.open(image) as picture:
            small = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4))
        small.save(good / f"again-{image.name}", quality=80)
    found = {}
    for name, images in (("clean", world.good), ("leaked", good)):
        told = drift("baseline", shutil.copytree(world.bare, tmp_path / name / "ref"), images, "--workers", 1)
        said = re.search(r"(\d+) of (\d+) images look nearly the same as images that the reference", told.out)
        found[name] = 0 if said is None else int(said[1])
        assert told.code == 0
    assert found["clean"] <= 3  # drawn scenes look alike more often than photos do
    assert 4 <= found["leaked"] - found["clean"] <= 6
    assert "again-0" in told.out
