"""Profiles in place of images: the same verdict bit for bit, whatever the shards, and nothing else than numbers."""

from __future__ import annotations

import csv
import json
import random
import shutil
import zipfile
from pathlib import Path

import pytest

import driftcli
from driftcli.artifact import store
from driftcli.cli import _findings
from driftcli.config.settings import Settings
from driftcli.reading.profiles import profile_file
from driftcli.reading.reader import Reader
from driftcli.sources.decoding import pool
from tests.journey import pictures


def unnamed(ran) -> dict:
    """All of a result but the time and what the batch was named."""
    result = ran.timeless
    result["batch"].pop("source")
    return result


@pytest.fixture(scope="module")
def batch(tmp_path_factory) -> Path:
    """24 images and all that can lie beside them; a manifest with labels, groups and times."""
    root = tmp_path_factory.mktemp("profiles")
    folder = pictures(root / "b", 20, 31)
    pictures(folder / "sub", 10, 32, light=50)
    shutil.copy(folder / "0003.jpg", folder / "sub" / "copy.jpg")
    shutil.copy(folder / "0003.jpg", folder / "again.jpg")
    (folder / "0004.jpg").write_bytes((folder / "0004.jpg").read_bytes()[:300])
    (folder / "notes.txt").write_text("none")
    (folder / ".hidden.jpg").write_bytes(b"")
    with (root / "list.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "label", "camera", "time"])
        for i, path in enumerate(sorted(folder.rglob("*.jpg"))):
            lines.writerow([path, f"c{i % 2}", f"cam{i % 3}", f"2026-11-{1 + i % 5:02d}T12:00:00"])
        lines.writerow([folder / "gone.jpg", "c0", "cam0", ""])
    return root


@pytest.fixture
def shards(drift, world, tmp_path):
    """`shards(sources, 3)`: as many profiles, in an order by chance."""

    def made(sources, of, *options):
        files = []
        for number in range(1, of + 1):
            file = tmp_path / f"{of}-{number}.safetensors"
            ran = drift(
                "profile", *sources, "--artifact", world.ref, "-o", file, "--shard", f"{number}/{of}", "--workers", 1,
                *options,
            )  # fmt: skip
            assert ran.code == 0, ran.err
            files.append(file)
        random.Random(of).shuffle(files)  # noqa: S311
        return files

    return made


# ---------------------------------------------------------------- the same verdict


@pytest.mark.parametrize("of", [1, 4])
def test_all_shards_together_are_the_unsharded_check(check, world, batch, shards, of):
    """Copies across shards, an unreadable file, hidden ones: the JSON of the folder but for its name and the time."""
    expected = check(world.ref, batch / "b")
    found = check(world.ref, *shards([batch / "b"], of))
    assert unnamed(found) == unnamed(expected)
    assert found.result["ledger"]["unreadable"] == {"truncated": 1}


def test_keys_are_decided_when_the_profile_is_checked(check, world, batch, shards):
    """By column, by regular expression and by hour, from one pass; groups and strata are keys of the same kind."""
    files = shards([batch / "list.csv"], 3)
    for options in (
        ("--slice-by", "column:camera"),
        ("--slice-by", r"(sub|b)/[^/]*$"),
        ("--slice-by", "hour"),
    ):
        expected = check(world.ref, batch / "list.csv", *options)
        assert unnamed(check(world.ref, *files, *options)) == unnamed(expected), options
    assert check(world.ref, *files, "--slice-by", "column:camrea").code == 2


def test_archives_are_sharded_by_their_members(check, world, batch, shards, tmp_path):
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((batch / "b").rglob("*.jpg")):
            archive.write(file, file.relative_to(batch))
    assert unnamed(check(world.ref, *shards([path], 2))) == unnamed(check(world.ref, path))


def test_profiles_and_folders_mix(check, drift, world, batch, tmp_path):
    file = tmp_path / "p.safetensors"
    assert drift("profile", world.fresh, "--artifact", world.ref, "-o", file, "-q", "--workers", 2).code == 0
    expected = check(world.ref, world.fresh, batch / "b")
    assert unnamed(check(world.ref, batch / "b", file)) == unnamed(expected)


def test_a_check_of_profiles_reads_no_image_and_runs_no_network(check, world, shards, monkeypatch):
    files = shards([world.bright], 2)

    def never(*_, **__):
        raise AssertionError("an image was read")

    monkeypatch.setattr(Reader, "read_entries", never)
    monkeypatch.setattr(pool.DecodePool, "__enter__", never)
    assert check(world.ref, *files).result["verdict"] == "drift"


def test_images_of_the_reference_are_known_in_a_profile(check, world, shards):
    ran = check(world.ref, *shards([world.good], 2))
    assert ran.code == 3
    assert "you are checking the reference itself" in ran.result["reasons"][0]


@pytest.mark.usefixtures("quick")
def test_a_baseline_of_shards_is_that_of_the_folders(drift, world, batch, shards, copied):
    """Sources are groups, not files: to the last byte of the baseline, thumbnails too, where the images are still there."""
    sources = [batch / "b", world.fresh]
    assert drift("baseline", copied, *sources, "--name", "a", "--workers", 1, "-q").code == 0
    ran = drift("baseline", copied, *shards(sources, 3), "--name", "b", "--workers", 1)
    assert ran.code == 0, ran.err
    found = store.read(copied)
    one, other = (found.manifest["baselines"][name] for name in "ab")
    assert one["groups"] == other["groups"] == 2
    same = {
        "content_digest",
        "digest",
        "mean_loss",
        "ledger",
        "group_effects",
        "detectable",
        "diagnosis",
        "cautions",
    }
    assert {key: one[key] for key in same} == {key: other[key] for key in same}
    mine, theirs = found.state("baseline-a"), found.state("baseline-b")
    assert mine.keys() == theirs.keys()
    assert all(mine[key].tobytes() == theirs[key].tobytes() for key in mine)
    pictures_of = [found.state(f"thumbnails-{name}")["webp"].tobytes() for name in "ab"]
    assert pictures_of[0] == pictures_of[1]


@pytest.mark.usefixtures("quick")
def test_a_baseline_without_its_images_says_what_it_could_not_measure(drift, world, shards, copied, tmp_path):
    moved = Path(shutil.copytree(world.fresh, tmp_path / "moved"))
    files = shards([moved], 1)
    shutil.rmtree(moved)
    ran = drift("baseline", copied, *files, "--name", "far", "--detectable", "small", "--workers", 1)
    assert ran.code == 0, ran.err
    assert "the images behind the profiles are not on this machine" in ran.out
    assert store.read(copied).manifest["baselines"]["far"]["detectable"] == []
    assert not store.read(copied).has("thumbnails-far")


# ---------------------------------------------------------------- pictures


def test_pictures_are_read_again_where_the_images_still_are(world, tmp_path):
    """And only if they are the images that were profiled; else there is a reason, and no picture."""
    images = Path(shutil.copytree(world.bright, tmp_path / "images"))
    driftcli.profile(images, tmp_path / "p.safetensors", artifact=world.ref, workers=1)
    shown = driftcli.check(world.ref, tmp_path / "p.safetensors", pictures=True, workers=1)
    expected = driftcli.check(world.ref, images, pictures=True, workers=1)
    assert [picture.image for picture in shown.gallery.worst] == [p.image for p in expected.gallery.worst]
    assert shown.gallery.worst[0].image is not None
    for path in images.iterdir():
        path.write_bytes((world.fresh / path.name).read_bytes())
    shown = driftcli.check(world.ref, tmp_path / "p.safetensors", pictures=True, workers=1)
    assert not any(picture.image for picture in shown.gallery.worst)
    assert "changed, moved or unreadable" in shown.gallery.reason


# ---------------------------------------------------------------- refused


def test_what_needs_pixels_says_so(drift, world, shards, tmp_path):
    (file,) = shards([world.fresh], 1)
    for line in (
        ("fit", file, "-o", tmp_path / "new"),
        ("power", world.ref, file),
        ("simulate", file, "-o", tmp_path / "copy", "--corruption", "jpeg"),
        ("profile", file, "--artifact", world.ref, "-o", tmp_path / "again.safetensors"),
    ):
        ran = drift(*line)
        assert (ran.code, ran.out) == (2, ""), line
        assert "holds no pixels" in ran.err
        assert "hint: " in ran.err
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    (found,) = _findings.source(str(file), Settings())
    assert "a profile of 24 images from" in found.text


def test_a_profile_of_other_extractors_is_not_audited(check, drift, world, shards, tmp_path):
    (file,) = shards([world.fresh], 1)
    other = tmp_path / "other"
    assert (
        drift("fit", world.train, "-o", other, "--method", "properties", "--detectable", "none", "-q").code
        == 0
    )
    ran = check(other, file)
    assert ran.code == 3
    assert "other extractors" in ran.result["reasons"][0]
    assert "--artifact" in ran.err


def test_the_machine_that_profiled_is_compared_with_the_baselines(check, world, shards):
    """Its canaries are in the profile; the error says which machine computes otherwise."""
    (file,) = shards([world.fresh], 1)
    made = profile_file.read(str(file))
    made.canary["error"][:] *= 2
    file.write_bytes(profile_file.encode(made))
    ran = check(world.ref, file)
    assert ran.code == 3
    assert f"the machine that made {file} computes other error features" in ran.err


def test_a_damaged_profile_is_not_audited(check, world, shards):
    (file,) = shards([world.fresh], 1)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    ran = check(world.ref, file)
    assert ran.code == 3
    assert "checksum" in ran.err
    assert ran.result["gate"]["p_value"] is None


def test_images_are_not_counted_twice(check, world, shards):
    one, two = shards([world.fresh], 2)
    ran = check(world.ref, one, two, one)
    assert (ran.code, ran.out) == (2, "")
    assert "name each profile once" in ran.err
    ran = check(world.ref, one, *shards([world.fresh], 3))
    assert ran.code == 2
    assert "divides otherwise" in ran.err


def test_a_missing_shard_is_a_caution(check, world, shards):
    """A check of some shards is a check of fewer images, which may be meant."""
    result = check(world.ref, shards([world.fresh], 2)[0]).result
    assert any("1 of 2 shards of" in line for line in result["cautions"])


def test_choices_among_files_belong_to_profile(check, world, batch, shards):
    file = shards([batch / "b"], 1, "--exclude", "sub")[0]
    assert unnamed(check(world.ref, file)) == unnamed(check(world.ref, batch / "b", "--exclude", "sub"))
    ran = check(world.ref, file, "--exclude", "sub")
    assert ran.code == 2
    assert "driftcli profile" in ran.err


def test_features_that_a_check_wants_must_be_there(check, world, shards):
    file = shards([world.fresh], 1, "--keep", 10)[0]
    ran = check(world.ref, file)
    assert ran.code == 2
    assert "--keep 10000" in ran.err


def test_where_it_may_be_written(drift, world, tmp_path):
    """Nothing that is no profile is replaced; nothing is left behind."""
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "folder.safetensors").mkdir()
    for place in ("model.safetensors", "folder.safetensors", "p.npz"):
        ran = drift("profile", world.fresh, "--artifact", world.ref, "-o", tmp_path / place)
        assert (ran.code, ran.out) == (2, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.safetensors", "model.safetensors"]
    assert (tmp_path / "model.safetensors").read_bytes() == b"weights"
    for _ in range(2):  # an older profile is replaced
        assert (
            drift("profile", world.fresh, "--artifact", world.ref, "-o", tmp_path / "p.safetensors").code == 0
        )


def test_an_empty_source_is_no_profile_and_an_empty_shard_is_one(drift, check, world, tmp_path):
    """A job of an array must not fail because no path fell into its part."""
    (tmp_path / "none").mkdir()
    ran = drift(
        "profile",
        tmp_path / "none",
        "--artifact",
        world.ref,
        "-o",
        tmp_path / "p.safetensors",
        "--workers",
        1,
    )
    assert ran.code == 3
    assert not (tmp_path / "p.safetensors").exists()
    one = pictures(tmp_path / "one", 1, 3)
    files = []
    for number in (1, 2):
        files.append(tmp_path / f"{number}.safetensors")
        part = ("--shard", f"{number}/2", "--workers", 1)
        ran = drift("profile", one, "--artifact", world.ref, "-o", files[-1], *part)
        assert ran.code == 0
    ran = check(world.ref, *files)
    assert "1 usable images" in ran.err


def test_a_profile_among_images_is_named(check, world, tmp_path):
    (tmp_path / "p.safetensors").write_bytes(b"")
    ran = check(world.ref, tmp_path)
    assert ran.code == 3
    assert "a profile is a source when it is named itself" in ran.err


def test_python_says_the_same(drift, world, tmp_path):
    made = driftcli.profile(
        [world.fresh], tmp_path / "a.safetensors", artifact=world.ref, shard="1/2", workers=1
    )
    ran = drift(
        "profile", world.fresh, "--artifact", world.ref, "-o", tmp_path / "b.safetensors", "--shard", "1/2",
        "--workers", 1,
    )  # fmt: skip
    assert f"{made.images} images" in ran.out
    one, other = (profile_file.read(str(tmp_path / f"{name}.safetensors")) for name in "ab")
    assert (one.reading.contents == other.reading.contents).all()
    assert made.sha256 == one.sha256
    assert made.bytes == (tmp_path / "a.safetensors").stat().st_size
    with pytest.raises(driftcli.UsageError):
        driftcli.profile(world.fresh, tmp_path / "c.safetensors", artifact=world.ref, shard="3/2")
    assert json.loads(drift("check", world.ref, tmp_path / "a.safetensors", "-f", "json").out)["batch"][
        "images"
    ]
