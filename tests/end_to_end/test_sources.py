"""Wherever the images come from, in whatever order, with however many workers: the same answer."""

from __future__ import annotations

import csv
import io
import os
import random
import sys
import tarfile
import time
import zipfile

import pytest

from tests.journey import pictures

NAMES = ("batch", "images", "files", "reference")


def numbers(result):
    """All that does not name the source."""
    return {key: value for key, value in result.items() if key not in NAMES} | {
        "digest": result["batch"]["digest"],
        "images": [(image["score"], image["p_value"], image["content"]) for image in result["images"]],
        "map": {key: value for key, value in result["map"].items() if key != "batch_names"},
        "removal": {**result["removal"], "images": len(result["removal"]["images"])},
        "groups": [{**group, "name": ""} for group in result["groups"]],
        "duplicates": sorted((d["kind"], d["where"], len(d["images"])) for d in result["duplicates"]),
    }


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """20 usual images and 4 others: scores and reasons that could be told apart."""
    folder = pictures(tmp_path_factory.mktemp("batch") / "b", 20, 31)
    pictures(folder / "sub", 4, 32, light=50)
    return folder


# ---------------------------------------------------------------- the same bits


def test_neither_workers_nor_repetition_change_a_bit(check, world, batch):
    """All of the JSON but the time, whole."""
    once = check(world.ref, batch).timeless
    for workers in (1, 2, 3):
        assert check(world.ref, batch, "--workers", workers).timeless == once


def test_the_order_of_files_changes_nothing(check, world, batch, tmp_path):
    """A manifest shuffled, sources named the other way round."""
    found = []
    paths = sorted(batch.rglob("*.jpg"))
    for seed in range(3):
        random.Random(seed).shuffle(paths)  # noqa: S311
        (tmp_path / "list.txt").write_text("".join(f"{path}\n" for path in paths))
        found.append(check(world.ref, tmp_path / "list.txt").timeless)
    assert found[0] == found[1] == found[2]
    halves = (world.fresh, batch / "sub")
    one, other = check(world.ref, *halves).timeless, check(world.ref, *reversed(halves)).timeless
    assert one["batch"].pop("source") == list(reversed(other["batch"].pop("source")))
    assert one == other


def test_another_seed_draws_other_relabellings(check, world):
    p = {check(world.ref, world.fresh, "--seed", seed).result["gate"]["p_value"] for seed in (0, 1, 2)}
    assert len(p) > 1
    assert max(p) < 2 * min(p) + 0.01


def test_every_kind_of_source_gives_the_same_numbers(check, world, batch, tmp_path, monkeypatch):
    """Folder, glob, zip, tar, manifest, standard input."""
    paths = sorted(batch.rglob("*.jpg"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for path in paths:
            archive.write(path, path.relative_to(batch))
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        for path in reversed(paths):
            archive.add(path, f"./{path.relative_to(batch)}")
    with (tmp_path / "b.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path"], *([path] for path in paths)])
    expected = numbers(check(world.ref, batch).timeless)
    for source in (tmp_path / "b.zip", tmp_path / "b.tar.gz", tmp_path / "b.csv", f"{batch}/**/*.jpg"):
        assert numbers(check(world.ref, source).timeless) == expected, source
    for end, option in ((b"\n", ()), (b"\0", ("-0",))):
        listed = io.BytesIO(b"".join(os.fsencode(path) + end for path in paths))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(listed))
        assert numbers(check(world.ref, *option, "-").timeless) == expected


def test_fit_reads_standard_input_though_it_looks_twice(drift, world, tmp_path, monkeypatch):
    listed = "".join(f"{path}\n" for path in sorted(world.train.iterdir())).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed)))
    ran = drift(
        "fit", "-", "-o", tmp_path / "ref", "--method", "properties", "--workers", 1, "--detectable", "none"
    )
    assert "learnt from 18 images, held out 72" in ran.out


# ---------------------------------------------------------------- which of them


def test_what_is_left_out_is_counted(check, world, batch):
    """`--exclude` and `--since` say so in the ledger; `--limit` ends the list."""
    ledger = check(world.ref, batch, "--exclude", "sub").result["ledger"]
    assert (ledger["used"], ledger["skipped"]) == (20, {"excluded": 4})
    old = batch / "0000.jpg"
    os.utime(old, (time.time() - 90_000,) * 2)
    ledger = check(world.ref, batch, "--since", "24h").result["ledger"]
    assert (ledger["used"], ledger["skipped"]) == (23, {"older": 1})
    assert check(world.ref, batch, "--limit", 10).result["ledger"]["seen"] == 10
    assert check(world.ref, batch, "--since", "yesterday").code == 2


@pytest.mark.usefixtures("quick")
def test_large_batches_are_tested_in_bins(check, drift, world, tmp_path):
    """Above 200 images; what does not fill a bin is said, scored and not tested."""
    ref = tmp_path / "p"
    assert (
        drift(
            "fit",
            world.train,
            world.good,
            "-o",
            ref,
            "--method",
            "properties",
            "--workers",
            1,
            "--detectable",
            "none",
        ).code
        == 0
    )
    big = pictures(tmp_path / "big", 231, 33)
    result = check(ref, big, "--workers", 2).result
    assert (result["verdict"], result["gate"]["images_tested"], result["batch"]["images"]) == (
        "pass",
        230,
        231,
    )
    assert any("1 images are left out of the test" in notice for notice in result["notices"])
    assert len(result["images"]) == 231
    fewer = check(ref, big, "--max-test-images", 100).result
    assert (fewer["gate"]["images_tested"], len(fewer["images"])) == (100, 231)
    shown = check(ref, big, "--max-images-in-result", 5, "--max-test-images", 100).result
    assert (len(shown["images"]), shown["batch"]["images"]) == (5, 231)
