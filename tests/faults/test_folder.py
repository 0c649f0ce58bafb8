"""What lies in real folders beside good images: counted, named, and without a say in the verdict."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from driftcli.extractors.autoencoder import Autoencoder

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1" + b"\0" * 200
VERDICT = ("verdict", "gate", "families", "distributions", "diagnosis", "images")


@pytest.fixture
def mixed(world, tmp_path):
    """The fresh images among broken files and files of other kinds."""
    folder = shutil.copytree(world.fresh, tmp_path / "mixed")
    whole = (folder / "0003.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "phone.heic").write_bytes(HEIC)
    (folder / "page.jpg").write_bytes(b"<!doctype html><html><body>404</body></html>")
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.jpg").write_bytes(whole)
    (folder / "upload.jpg.part").write_bytes(whole[:100])
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "a.jpg").write_bytes(whole)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "loop").symlink_to(folder)
    return folder


def without_folder(result):
    images = [{**image, "path": os.path.basename(image["path"])} for image in result["images"]]  # noqa: PTH119
    return {key: result[key] for key in VERDICT} | {"images": images, "digest": result["batch"]["digest"]}


def test_a_mixed_folder_has_the_verdict_of_its_good_images(check, world, mixed):
    """To the last digit; every other entry is in the ledger and in the list of files, with a reason."""
    ran = check(world.ref, mixed, "--max-unreadable", "50%")
    found, good = ran.result, check(world.ref, world.fresh).result
    assert ran.code == 0
    assert without_folder(found) == without_folder(good)
    assert found["ledger"] == {
        "seen": 35,
        "used": 24,
        "unreadable": {"empty": 1, "not_an_image": 1, "truncated": 1},
        "skipped": {
            "heic_needs_extra": 1,
            "hidden": 2,
            "not_a_file": 1,
            "not_an_image": 1,
            "symlink": 1,
            "system": 1,
            "temporary": 1,
        },
        "changed": 0,
    }
    listed = {os.path.basename(file["path"]): file["reason"] for file in found["files"]}  # noqa: PTH119
    assert {"cut.jpg", "empty.png", "phone.heic", "page.jpg", "notes.txt"} <= listed.keys()
    assert listed["cut.jpg"] == "truncated"


def test_the_default_limit_refuses_it(check, world, mixed):
    """3 broken among 27: more than 5 %."""
    assert check(world.ref, mixed).code == 3


@pytest.mark.usefixtures("quick")
def test_hostile_names_reach_nobody(drift, check, world, tmp_path):
    """No escape sequence, no line of its own, no broken JSON."""
    folder = shutil.copytree(world.bright, tmp_path / "b")
    names = [
        b"\x1b[31mred.jpg",
        b"new\nline.jpg",
        b"::error::x.jpg",
        b"bad\xff\xfe.jpg",
        b"<script>.jpg",
        "\u202egpj.exe.jpg".encode(),
    ]
    for i, name in enumerate(names):
        os.rename(folder / f"{i:04d}.jpg", os.path.join(os.fsencode(folder), name))  # noqa: PTH104, PTH118
    plain = check(world.ref, world.bright).result
    ran = check(world.ref, folder)
    assert (ran.code, ran.result["gate"]) == (1, plain["gate"])
    for text in (ran.out, drift("check", world.ref, folder, "--workers", 1).out):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert not any(line.startswith(("line.jpg", "::")) for line in text.splitlines())
    told = drift("baseline", shutil.copytree(world.ref, tmp_path / "ref"), world.good, folder, "--workers", 1)
    assert told.code == 0
    assert check(tmp_path / "ref", world.fresh).code in {0, 1}


def test_images_that_the_network_cannot_number_are_unreadable(check, world, monkeypatch):
    """NaN and infinity never reach a statistic; the rest is tested as if they had not been there."""
    whole = Autoencoder.extract

    def broken(self, state, prepared, runtime):
        views = {name: x.copy() for name, x in whole(self, state, prepared, runtime).items()}
        if len(prepared) == 24:  # the batch, not the canaries
            views["error"][0, 3], views["latent"][1, 0] = np.nan, np.inf
        return views

    monkeypatch.setattr(Autoencoder, "extract", broken)
    ran = check(world.ref, world.fresh, "--max-unreadable", "20%")
    assert (ran.code, ran.result["ledger"]["unreadable"]) == (0, {"nonfinite": 2})
    assert ran.result["batch"]["images"] == len(ran.result["images"]) == 22
    assert check(world.ref, world.fresh).code == 3


def test_a_fit_that_diverges_is_4_and_writes_nothing(drift, world, tmp_path):
    """The loss of an absurd learning rate is no number."""
    wild = ("architecture=conv", "learning_rate=1e30", "epochs=3", "widths=[4]", "side=16")
    sets = [word for each in wild for word in ("--set", f"extractors.autoencoder.{each}")]
    ran = drift(
        "fit",
        world.train,
        "-o",
        tmp_path / "ref",
        "--method",
        "autoencoder",
        "--workers",
        1,
        "--detectable",
        "none",
        *sets,
    )
    assert (ran.code, ran.out, (tmp_path / "ref").exists()) == (4, "", False)
    assert "diverged" in ran.err


# ---------------------------------------------------------------- what looks at a real artifact


def test_inspect_says_what_an_artifact_is(drift, world):
    text = drift("inspect", world.ref)
    assert text.code == 0
    assert all(word in text.out for word in ("holdout", "default", "110 images", "thumbnails"))
    found = json.loads(drift("inspect", world.ref, "-f", "json").out)
    assert (found["baselines"]["default"]["images"], found["holds_images"]) == (110, True)
    assert found["fitted"]["notes"]["autoencoder"]["architecture"] == "pca"
    assert all(file["ok"] for file in found["files"])


def test_doctor_judges_artifact_and_source(drift, world, mixed):
    ran = drift("doctor", world.ref, mixed, world.bare, "--method", "properties", "-f", "json")
    found = json.loads(ran.out)
    assert ran.code == 3
    assert any("adequate for batches of up to" in one["text"] for one in found)
    assert any("not calibrated" in one["text"] and one["code"] == 3 for one in found)
    (source,) = [one for one in found if one["name"] == "source"]
    assert "24 read" in source["text"]
    assert drift("doctor", world.ref, world.fresh, "--method", "properties").code == 0


@pytest.mark.usefixtures("quick")
def test_fit_tells_what_was_learnt(drift, world, tmp_path):
    told = drift(
        "fit",
        world.train,
        "-o",
        tmp_path / "r",
        "--method",
        "properties,autoencoder",
        "--workers",
        1,
        "--detectable",
        "none",
    ).out
    assert "  autoencoder: architecture pca" in told
    assert not any(line.endswith(": ") for line in told.splitlines())
