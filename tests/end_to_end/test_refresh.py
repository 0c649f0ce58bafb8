"""A reviewed batch becomes part of a baseline: as if both had been calibrated on at once, judged first, remembered for ever."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import driftcli
from driftcli.artifact import store
from driftcli.reading import canaries
from tests.end_to_end.test_predictions import answers

pytestmark = pytest.mark.usefixtures("quick")
PLAIN = ("--workers", 1, "--detectable", "none")
ROOT = Path(__file__).parents[2]


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def facts(artifact, name="default"):
    return store.read(artifact).manifest["baselines"][name]


def test_into_a_new_artifact_it_is_the_baseline_of_both_at_once(world, drift, check, copied, tmp_path):
    """Every number that a verdict rests on is, bit for bit, that of one calibration on both folders; the old artifact stays."""
    before, new = bytes_of(world.ref), tmp_path / "new"
    ran = drift("refresh", world.ref, world.fresh, "-o", new, *PLAIN)
    assert ran.code == 0, ran.err
    assert bytes_of(world.ref) == before
    assert drift("baseline", copied, world.good, world.fresh, *PLAIN).code == 0
    one, two = (store.read(path).state("baseline-default") for path in (new, copied))
    kept_from_before = ("measured/power_", "diagnosis/", "pixels/")
    for name in two:
        if not name.startswith(kept_from_before):
            assert np.array_equal(one[name], two[name], equal_nan=two[name].dtype.kind == "f"), name
    assert facts(new)["digest"] == facts(copied)["digest"]
    assert facts(new)["group_effects"] == facts(copied)["group_effects"]
    ours, theirs = (check(path, world.bright).result for path in (new, copied))
    assert ours["gate"]["p_value"] == theirs["gate"]["p_value"]
    assert ours["families"] == theirs["families"]
    assert store.read(new).manifest["fitted"] == store.read(world.ref).manifest["fitted"]


def test_in_place_with_its_lineage(world, drift, copied):
    digest, pixels = store.read(copied).digest, store.read(copied).state("thumbnails-default")
    done = driftcli.refresh(copied, world.fresh, workers=1)
    assert (done.verdict, done.images_before, done.images, done.added) == ("pass", 110, 134, 24)
    assert done.digest_before == digest != done.digest == store.read(copied).digest
    assert sorted(done.groups.values()) == [24, 110]
    assert done.false_alarms.high < done.false_alarms_before.high
    entry = facts(copied)["lineage"]
    assert entry == [
        {
            "created": entry[0]["created"], "from": digest, "images_added": 24, "already_there": 0,
            "source": [str(world.fresh)], "verdict": "pass", "p_value": done.p_value,
        }
    ]  # fmt: skip
    assert len(store.read(copied).state("thumbnails-default")["image"]) == 24 + len(pixels["image"])
    assert "like the baseline of before, p = " in drift("inspect", copied).out.replace("\n             ", " ")
    assert json.loads(drift("inspect", copied, "-f", "json").out)["baselines"]["default"]["lineage"] == entry


def test_twice_the_same_batch_adds_nothing(world, drift, copied, tmp_path):
    """By its files and by its pixels, under whatever name; what is asked for with -o is there all the same."""
    assert "24 images added" in drift("refresh", copied, world.fresh, *PLAIN).out
    before = bytes_of(copied)
    renamed = shutil.copytree(world.fresh, tmp_path / "again")
    for source in (world.fresh, renamed):
        ran = drift("refresh", copied, source, *PLAIN)
        assert (ran.code, "nothing added, 24 already there" in ran.out) == (0, True)
        assert bytes_of(copied) == before
    ran = drift("refresh", copied, world.fresh, "-o", tmp_path / "new", *PLAIN)
    assert ran.code == 0
    assert store.read(tmp_path / "new").manifest["baselines"] == store.read(copied).manifest["baselines"]
    more = shutil.copytree(world.fresh, tmp_path / "more")
    shutil.copytree(
        world.bright, more, dirs_exist_ok=True, copy_function=lambda a, b: shutil.copy(a, f"{b}.jpg")
    )
    ran = drift("refresh", copied, more, "--accept-drift", *PLAIN)
    assert "24 images added, 24 already there" in ran.out


def test_drift_needs_somebody_who_looked(world, drift, copied):
    """Refused as a wrong command line is, nothing changed; accepted, it is told wherever the baseline is."""
    before = bytes_of(copied)
    ran = drift("refresh", copied, world.bright, *PLAIN)
    assert (ran.code, ran.out, bytes_of(copied)) == (2, "", before)
    assert "24 new images are drift from baseline default, p = 0.0" in ran.err
    assert "--accept-drift" in ran.err
    ran = drift("refresh", copied, world.bright, "--accept-drift", *PLAIN)
    assert ran.code == 0
    assert "the baseline as it was says: drift, p = 0.0" in ran.out
    assert "caution: good groups differ among themselves" in ran.out
    assert "drift from the baseline of before, p = 0.0" in drift("inspect", copied).out.replace(
        "\n             ", " "
    )
    assert drift("refresh", copied, world.fresh, *PLAIN).code == 0
    assert [entry["verdict"] for entry in facts(copied)["lineage"]] == ["drift", "pass"]
    assert any("(--accept-drift)" in caution for caution in facts(copied)["cautions"])


def test_too_few_to_judge_need_somebody_too(world, drift, copied, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(world.fresh.iterdir())[:3]:
        shutil.copy(path, few)
    ran = drift("refresh", copied, few, *PLAIN)
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be told: 3 usable images; at least 8 are needed" in ran.err
    ran = drift("refresh", copied, few, "--accept-drift", *PLAIN)
    assert (ran.code, "the baseline as it was says: inconclusive (3 usable images" in ran.out) == (0, True)
    assert facts(copied)["lineage"][0]["p_value"] is None
    assert drift("inspect", copied).code == 0


def test_the_verdict_is_that_of_a_check(world, check, copied):
    """The very p that `check` gives, under the same options."""
    told = check(copied, world.bright, "--alpha", 0.02, "--seed", 3).result["gate"]["p_value"]
    done = driftcli.refresh(
        copied, world.bright, alpha=0.02, seed=3, workers=1, detectable="none", accept_drift=True
    )
    assert done.p_value == told


def test_what_cannot_be_joined_is_refused_and_nothing_changes(world, drift, copied, tmp_path, monkeypatch):
    before = bytes_of(copied)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    for words, code, said in (
        ((world.train,), 2, "--drop-seen"),
        ((tmp_path / "nowhere",), 3, "nowhere"),
        ((world.fresh, "--baseline", "night"), 2, "no baseline 'night'"),
        ((world.fresh, "--group-by", "folder"), 2, "was made without --group-by folder"),
        ((world.fresh, "-o", world.ref), 2, "choose a new folder for -o"),
        ((world.fresh, "-o", tmp_path / "taken"), 2, "holds other files"),
        ((world.fresh, "--expect-sha256", "0" * 64), 3, "expected was"),
    ):
        ran = drift("refresh", copied, *words, *PLAIN)
        assert (ran.code, ran.out, bytes_of(copied)) == (code, "", before), words
        assert said in ran.err
        assert "hint: " in ran.err
    monkeypatch.setattr(canaries, "TOLERANCE", -1.0)
    ran = drift("refresh", copied, world.fresh, *PLAIN)
    assert (ran.code, "this machine computes other" in ran.err, bytes_of(copied)) == (3, True, before)


def test_a_baseline_that_was_made_anew_meanwhile_is_not_overwritten(world, drift, copied, monkeypatch):
    from driftcli.audit import refresh

    judge = refresh.judge

    def overtaken(*args):
        monkeypatch.setattr(refresh, "judge", judge)
        assert drift("refresh", copied, world.bright, "--accept-drift", *PLAIN).code == 0
        return judge(*args)

    monkeypatch.setattr(refresh, "judge", overtaken)
    ran = drift("refresh", copied, world.fresh, *PLAIN)
    assert (ran.code, "was changed while it was being refreshed" in ran.err) == (3, True)
    assert [entry["verdict"] for entry in facts(copied)["lineage"]] == ["drift"]


KILLED = """
import os, signal, sys
from driftcli.artifact import _draft
from driftcli.cli import app
_draft.Draft.commit = lambda self: os.kill(os.getpid(), signal.SIGKILL)
app.run(sys.argv[1:])
"""


def test_a_writer_killed_before_its_last_step_leaves_the_old_one(world, drift, copied):
    before = store.read(copied).digest
    words = ["refresh", copied, world.fresh, *PLAIN, "--no-progress"]
    ran = subprocess.run([sys.executable, "-c", KILLED, *map(str, words)], cwd=ROOT, check=False, timeout=120)
    assert ran.returncode == -signal.SIGKILL
    assert store.read(copied).digest == before
    assert all(file.ok for file in store.read(copied).verify())
    assert drift(*words).code == 0  # over what the killed one left


def test_keys_are_those_of_the_baseline(world, drift, copied, tmp_path):
    """Groups by folder and classes stay what they were; sources of one name are days of their own."""
    days = tmp_path / "days"
    for name in ("mon", "tue"):
        shutil.copytree(world.good, days / name, ignore=lambda _, names, n=name: names[n == "mon" :: 2])
    assert drift("baseline", copied, days, "--group-by", "folder", "--name", "days", *PLAIN).code == 0
    done = driftcli.refresh(copied, world.fresh, baseline="days", workers=1, detectable="none")
    assert {Path(name).name: count for name, count in done.groups.items()} == {
        "mon": 55,
        "tue": 55,
        "fresh": 24,
    }
    assert facts(copied, "days")["group_by"] == "folder"
    today = tmp_path / "today"
    for number, source in enumerate((world.fresh, world.bright)):
        shutil.rmtree(today, ignore_errors=True)
        shutil.copytree(source, today)
        done = driftcli.refresh(copied, today, workers=1, detectable="none", accept_drift=True)
        assert len(done.groups) == number + 2
    assert {f"{today}", f"{today} (2)"} < set(done.groups)


def test_predictions_come_with_every_image_or_with_none(world, drift, copied, tmp_path):
    good, fresh = (
        answers(folder, tmp_path / f"{folder.name}.csv", 1, name=f"{folder}/{{}}".format)
        for folder in (world.good, world.fresh)
    )
    twin = shutil.copytree(copied, tmp_path / "twin")
    assert drift("baseline", copied, world.good, "--predictions", good, *PLAIN).code == 0
    before = bytes_of(copied)
    ran = drift("refresh", copied, world.fresh, *PLAIN)
    assert (ran.code, "--predictions FILE" in ran.err, bytes_of(copied)) == (2, True, before)
    hard = tmp_path / "hard.csv"
    hard.write_text("path,prediction\n" + "".join(f"{world.fresh}/{i:04d}.jpg,cat\n" for i in range(24)))
    ran = drift("refresh", copied, world.fresh, "--predictions", hard, "--accept-drift", *PLAIN)
    assert (ran.code, "predicted classes alone" in ran.err, bytes_of(copied)) == (3, True, before)
    assert drift("refresh", copied, world.fresh, "--predictions", fresh, *PLAIN).code == 0
    tables = ("--predictions", good, "--predictions", fresh)
    assert drift("baseline", twin, world.good, world.fresh, *tables, *PLAIN).code == 0
    said = facts(copied)["predictions"]
    assert said == facts(twin)["predictions"]
    assert (said["answered"], said["labelled"]) == (134, 134)
    one, two = (store.read(path).state("baseline-default") for path in (copied, twin))
    assert np.array_equal(one["predictions/label"], two["predictions/label"])
    last_bit = np.finfo(np.float32).eps  # rows read from the artifact are made to sum to 1 again
    ours, theirs = one["predictions/probability"], two["predictions/probability"]
    assert np.allclose(ours, theirs, rtol=last_bit, atol=last_bit)


def test_a_baseline_holds_no_more_than_it_may(world, drift, copied):
    """Those of both with the lowest content hashes, as one pass over both would keep."""
    ran = drift("refresh", copied, world.fresh, "--set", "fit.max_images=90", *PLAIN)
    assert ran.code == 0
    assert "the baseline holds 90 images at most" in ran.out
    hashes = {
        hashlib.sha256(path.read_bytes()).hexdigest(): folder
        for folder in (world.good, world.fresh)
        for path in folder.iterdir()
    }
    lowest = [hashes[each] for each in sorted(hashes)[:90]]
    found = facts(copied)
    assert (found["images"], found["lineage"][0]["images_added"]) == (90, lowest.count(world.fresh))
    assert 0 < lowest.count(world.fresh) < 24
