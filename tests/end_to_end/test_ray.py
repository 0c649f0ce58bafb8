"""`--engine ray`: the local verdict bit for bit, with actors killed on the way; and what it says when it cannot work."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from driftcli.config.settings import Settings
from driftcli.reading.engines import _ray_session, by_ray
from driftcli.reading.engines._actor import Actor
from driftcli.reading.profiles import profile_file
from tests.journey import pictures, succeed
from tests.reading.profiles.test_profile_file import equal

MARKER = "RAY_TEST_MARKER"


class Mortal(Actor):
    """Is killed once, in the middle of its work, when a file says so."""

    def measure(self, unit):
        path = Path(os.environ.get(MARKER, "/nowhere"))
        if unit.number == 2:
            try:
                path.unlink()
            except FileNotFoundError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().measure(unit)


class Doomed(Actor):
    """Is killed by its second unit, every time."""

    def measure(self, unit):
        if unit.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().measure(unit)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One session of our own for all tests; the file that kills an actor. Nothing is left of it afterwards."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'driftcli[ray]'")
    marker = tmp_path_factory.mktemp("ray") / "marker"
    os.environ[MARKER] = str(marker)
    _ray_session.imported()
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    try:
        with _ray_session.session(ray, Settings(workers=2)) as folder:
            assert any(Path(folder).iterdir())
            yield marker
    finally:
        ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        del os.environ[MARKER]
    assert not Path(folder).exists()
    assert not ray.is_initialized()


@pytest.fixture(scope="module")
def batch(tmp_path_factory) -> tuple[Path, Path]:
    """A folder with copies, a broken file and a hidden one; an archive."""
    root = tmp_path_factory.mktemp("batch")
    folder = pictures(root / "b", 30, 31)
    pictures(folder / "sub", 8, 32, light=50)
    shutil.copy(folder / "0003.jpg", folder / "sub" / "copy.jpg")
    (folder / "0004.jpg").write_bytes((folder / "0004.jpg").read_bytes()[:300])
    (folder / ".hidden.jpg").write_bytes(b"")
    with zipfile.ZipFile(root / "b.zip", "w") as archive:
        for file in sorted(pictures(root / "z", 9, 33).iterdir()):
            archive.write(file, file.name)
    return folder, root / "b.zip"


@pytest.mark.slow
def test_an_actor_is_killed_and_the_verdict_is_the_local_one(check, world, batch, session, monkeypatch):
    """Folder and archive, in units of 8 files: all of the JSON but the time; no image is counted twice."""
    monkeypatch.setattr(by_ray, "UNIT", 8)
    monkeypatch.setattr(by_ray, "Actor", Mortal)
    expected = check(world.ref, *batch).timeless
    session.write_text("kill one")
    ran = check(world.ref, *batch, "--engine", "ray", "--workers", 2, "--no-progress")
    assert not session.exists(), "no actor was killed"
    assert ran.timeless == expected
    assert ran.err == "", "Ray keeps quiet"


@pytest.mark.slow
@pytest.mark.usefixtures("session", "quick")
def test_the_default_network_in_an_actor(check, tmp_path, monkeypatch):
    """All default extractors, on images of 256 pixels, which the network looks at as a whole."""
    monkeypatch.setattr(by_ray, "UNIT", 5)
    good = pictures(tmp_path / "good", 44, 34, size=256)
    succeed("fit", good, "-o", tmp_path / "ref", "--workers", 1, "-q", "--detectable", "none")
    batch = pictures(tmp_path / "batch", 12, 35, size=256, light=50)
    expected, ran = (check(tmp_path / "ref", batch, "--engine", engine) for engine in ("local", "ray"))
    assert {"style", "content", "reconstruction", "properties"} <= {
        family["name"] for family in expected.result["families"]
    }
    assert "onnxruntime" in expected.result["environment"]["runtime"]
    assert ran.timeless == expected.timeless


@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_what_kills_every_actor_ends_the_run(check, world, batch, monkeypatch):
    """Not an endless loop of restarts."""
    monkeypatch.setattr(by_ray, "UNIT", 20)
    monkeypatch.setattr(by_ray, "RETRIES", 1)
    monkeypatch.setattr(by_ray, "Actor", Doomed)
    ran = check(world.ref, batch[0], "--engine", "ray", "--workers", 1, "--no-progress")
    assert (ran.code, ran.out) == (4, "")
    assert "error: Ray could not finish" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_profiles_by_ray_are_those_made_here(drift, world, batch, tmp_path, monkeypatch):
    """A shard of relative paths; whatever the order in which units come back."""
    monkeypatch.chdir(batch[0].parent)
    monkeypatch.setattr(by_ray, "UNIT", 5)
    made = []
    for engine in ("local", "ray"):
        file = tmp_path / f"{engine}.safetensors"
        ran = drift(
            "profile", "b", "b.zip", "--artifact", world.ref, "-o", file, "--shard", "2/3", "--engine", engine,
            "--workers", 2,
        )  # fmt: skip
        assert ran.code == 0, ran.err
        made.append(profile_file.read(str(file)))
    one, other = made
    assert len(one.reading.contents) > 8
    assert equal(one.reading, other.reading)
    assert (one.columns, one.sources, one.shard) == (other.columns, other.sources, other.shard)
    assert np.array_equal(one.origin, other.origin)
    assert equal(one.canary, other.canary)


@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_files_that_only_the_driver_sees(drift, world, batch, monkeypatch):
    """Not "missing", which would be a fault of the files."""
    monkeypatch.chdir(batch[0].parent)
    monkeypatch.setattr(by_ray, "_folder", lambda: "/nowhere")
    ran = drift("check", world.ref, "b", "--engine", "ray", "--workers", 1)
    assert ran.code == 3
    assert "does not see b/0000.jpg, which lies on this machine" in ran.err
    assert "--engine local" in ran.err


@pytest.mark.slow
@pytest.mark.usefixtures("session")
def test_an_actors_own_error_is_told_as_here(drift, world, tmp_path):
    """A damaged archive is not audited, with the words of the local engine."""
    (tmp_path / "bad.tar").write_bytes(b"none of that kind" * 100)
    said = [
        drift("check", world.ref, tmp_path / "bad.tar", "--engine", e, "--workers", 1)
        for e in ("local", "ray")
    ]
    assert [ran.code for ran in said] == [3, 3]
    assert "is damaged" in said[0].err
    assert [line for line in said[0].err.splitlines() if line.startswith("error")] == [
        line for line in said[1].err.splitlines() if line.startswith("error")
    ]


def test_without_ray_there_is_a_hint(drift, world, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = drift("check", world.ref, world.fresh, "--engine", "ray")
    assert (ran.code, ran.out) == (2, "")
    assert "pip install 'driftcli[ray]'" in ran.err


def test_a_limit_cannot_be_counted_elsewhere(drift, world, batch):
    pytest.importorskip("ray")
    ran = drift("check", world.ref, *batch, "--engine", "ray", "--limit", 5)
    assert (ran.code, ran.out) == (2, "")
    assert "--limit" in ran.err
