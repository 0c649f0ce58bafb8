"""An artifact that lacks a file, was changed, cut, written by a newer version or on another machine: 3, with a hint."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from driftcli.artifact import store
from tests.journey import FAST

ROOT = Path(__file__).parents[2]
ROLES = ("autoencoder", "properties", "detectors", "reference", "canary", "baseline-default")


def stored(folder, role):
    return folder / store.read(folder).files[role].name


@pytest.mark.parametrize("role", ROLES)
def test_every_file_is_needed_whole(check, world, copied, role):
    """Deleted, cut or with one bit changed: 3, and a result that says why."""
    path = stored(copied, role)
    raw = path.read_bytes()
    for content in (None, raw[:-1], raw[: len(raw) // 2], b"", raw[:-1] + bytes([raw[-1] ^ 1])):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        ran = check(copied, world.fresh)
        assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
        assert "\nhint: " in ran.err
        assert "Traceback" not in ran.err


def test_thumbnails_of_another_baseline_are_not_needed(check, world, copied):
    """A check reads what it uses; `inspect` and `doctor` look at everything."""
    stored(copied, "thumbnails-holdout").unlink()
    assert check(copied, world.fresh).code == 0


def test_inspect_and_doctor_find_the_damage(drift, copied):
    path = stored(copied, "baseline-holdout")
    path.write_bytes(path.read_bytes()[:-3])
    for command, said in ((("inspect", copied), "DAMAGED"), (("doctor", copied), "error    artifact")):
        ran = drift(*command)
        assert (ran.code, said in ran.out) == (3, True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:100], "manifest"),
        (lambda text: text.replace('"1.0"', '"2.0"', 1), "2.0"),
        (lambda _: "[]", "manifest"),
        (lambda text: json.dumps(json.loads(text) | {"settings": {"decode": {"crpo": 1}}}), "settings"),
        (
            lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "baselines"}),
            "baseline",
        ),
    ],
    ids=["cut", "newer", "no-mapping", "unknown-setting", "no-baselines"],
)
def test_a_manifest_that_is_none(check, world, copied, change, said):
    path = copied / "manifest.json"
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    ran = check(copied, world.fresh)
    assert (ran.code, said in ran.err) == (3, True), ran.err
    assert "Traceback" not in ran.err


def alter(folder, role, key):
    """Features of the canaries that this machine does not reproduce."""
    with store.writing(folder) as draft:
        state = {name: np.array(value) for name, value in draft.state(role).items()}
        state[key] = state[key] * np.float32(1.5)
        draft.put(role, state)
        for facts in (draft.document, *draft.document["baselines"].values()):
            facts["versions"]["pillow"] = "1.0"


@pytest.mark.usefixtures("quick")
def test_a_machine_that_sees_otherwise_is_3(check, drift, world, copied):
    """Until a baseline is made on it; that it was fitted elsewhere is a caution then."""
    alter(copied, "canary", "view/properties")
    alter(copied, "baseline-default", "canary/view/properties")
    ran = check(copied, world.fresh)
    assert (ran.code, ran.result["gate"]["p_value"]) == (3, None)
    assert "other properties features" in ran.err
    assert "pillow 1.0 ->" in ran.err
    assert "hint: run driftcli baseline again" in ran.err
    told = drift("baseline", copied, world.good, "--workers", 1)
    assert told.code == 0
    assert "caution: this machine computes other properties features" in told.out
    assert check(copied, world.fresh).code == 0


def test_canaries_that_cannot_be_read_are_3_too(check, world, copied):
    with store.writing(copied) as draft:
        state = {key: np.array(value) for key, value in draft.state("canary").items()}
        draft.put("canary", {k: v[:20] if k.startswith("bytes/") else v for k, v in state.items()})
    assert check(copied, world.fresh).code == 3


# ---------------------------------------------------------------- writers


@pytest.mark.usefixtures("quick")
def test_a_baseline_goes_only_into_the_fit_that_it_was_made_for(drift, world, copied, monkeypatch):
    """`fit --force` between reading and writing: nothing is mixed."""
    from driftcli.audit import baseline

    made = baseline.calibrate_baseline

    def overtaken(*args):
        found = made(*args)
        monkeypatch.setattr(baseline, "calibrate_baseline", made)
        assert drift("fit", world.good, "-o", copied, "--force", "--seed", 1, *FAST).code == 0
        return found

    monkeypatch.setattr(baseline, "calibrate_baseline", overtaken)
    ran = drift("baseline", copied, world.fresh, "--workers", 1)
    assert (ran.code, ran.out) == (3, "")
    assert "fitted anew" in ran.err
    assert set(store.read(copied).manifest["baselines"]) == {"holdout"}


def start(*argv):
    words = [sys.executable, "-m", "driftcli", *map(str, argv), "--workers", "1", "--no-progress"]
    return subprocess.Popen(
        words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def children(session):
    """Processes of a session that are still there."""
    found = subprocess.run(
        ["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def test_two_baselines_at_once_are_both_there(check, world, copied):
    """Neither waits for the other's arithmetic."""
    running = [start("baseline", copied, world.good, "--name", name) for name in ("a", "b")]
    assert [process.communicate(timeout=120)[1] for process in running] == ["", ""]
    assert [process.returncode for process in running] == [0, 0]
    assert {"a", "b", "default", "holdout"} == set(store.read(copied).manifest["baselines"])
    assert check(copied, world.fresh, "--baseline", "b").code == 0


def test_killed_writers_leave_the_old_artifact(check, world, copied):
    """At any instant; no worker outlives its parent."""
    expected = check(copied, world.fresh).timeless
    for seconds in (0.5, 1.5, 2.5):
        process = start("baseline", copied, world.good, "--name", "late")
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=30)
        found = check(copied, world.fresh, "--baseline", "default").timeless
        assert found == expected
        assert all(file.ok for file in store.read(copied).verify())
        assert gone(process.pid)


def gone(session):
    until = time.monotonic() + 5
    while time.monotonic() < until and children(session):
        time.sleep(0.05)
    return not children(session)


@pytest.mark.skipif(shutil.which("ps") is None, reason="needs ps")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_everything_within_two_seconds(world, copied, number, code):
    """Workers too; standard output stays empty and the artifact as it was."""
    before = sorted(path.name for path in copied.iterdir())
    process = start("baseline", copied, world.good, "--name", "late")
    until = time.monotonic() + 30
    while time.monotonic() < until and len(children(process.pid)) < 2:  # until a worker runs
        time.sleep(0.02)
    time.sleep(0.3)
    began = time.monotonic()
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, "")
    assert time.monotonic() - began < 2
    assert err.startswith("error: ")
    assert gone(process.pid)
    assert sorted(path.name for path in copied.iterdir()) == before
