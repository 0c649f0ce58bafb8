"""A disk that is full, fails or may not be written to, under every writer: 4, what was there is still there, nothing beside it."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from driftcli.core import registry

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
CALLS = ("write", "fsync", "replace")
"""Of these one fails, for files in the folder of the outputs alone."""


@pytest.fixture
def broken(monkeypatch):
    """`broken("fsync", errno.EIO)`: from now on this call fails for whatever is new in a folder or below it."""

    def breaks(name, code, folder):
        real = getattr(os, name)

        def inside(given):
            named = f"/proc/self/fd/{given}" if isinstance(given, int) else given
            return os.path.realpath(named).startswith(f"{folder}{os.sep}")

        def failing(first, *more, **options):
            if inside(first):
                raise OSError(code, os.strerror(code))
            return real(first, *more, **options)

        monkeypatch.setattr(os, name, failing)

    return breaks


def held(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="asks /proc which file a descriptor is")  # noqa: PTH110
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("writer", ["fit", "baseline", "refresh", "profile", "check", "report"])
def test_a_failing_disk_is_4_and_changes_nothing(drift, world, tmp_path, broken, writer, call):
    code = ERRORS[(CALLS.index(call) + len(writer)) % 3]
    out = tmp_path / "out"
    shutil.copytree(world.ref, out / "ref")
    assert (
        drift("check", world.ref, world.fresh, "-q", "--workers", 1, "-o", f"json={out}/saved.json").code == 0
    )
    formats = [kind for kind in registry.kinds("reports") if kind != "html"]
    written = [word for kind in formats for word in ("-o", f"{kind}={out / kind}")]
    commands = {
        "fit": [("fit", world.train, "-o", out / "new", "--method", "properties"),
                ("fit", world.train, "-o", out / "ref", "--force", "--method", "properties")],
        "baseline": [("baseline", out / "ref", world.good, "--name", "more")],
        "refresh": [("refresh", out / "ref", world.fresh, "--detectable", "none", *words) for words in ((), ("-o", out / "new"))],
        "profile": [("profile", world.fresh, "--artifact", world.ref, "-o", out / "x.safetensors")],
        "check": [("check", world.ref, world.fresh, *words) for words in (written[:2], ("-o", f"html={out}/page/"))],
        "report": [("report", out / "saved.json", *written[at : at + 2]) for at in range(0, len(written), 2)],
    }[writer]  # fmt: skip
    before = held(out)
    broken(call, code, out)
    for words in commands:
        ran = drift(*words, "-q", *([] if writer == "report" else ["--workers", 1]))
        assert (ran.code, ran.out, ran.err.count("hint: ")) == (4, "", 1), (words, ran)
        assert os.strerror(code) in ran.err
        assert held(out) == before, words


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_copy_that_cannot_be_written(drift, world, tmp_path, monkeypatch, code):
    """`simulate` leaves no folder, and the one that it was to replace."""
    out = tmp_path / "out"
    words = (
        "simulate",
        world.fresh,
        "-o",
        out / "copy",
        "--corruption",
        "jpeg",
        "--severity",
        1,
        "--workers",
        1,
    )
    assert drift(*words).code == 0
    before = held(out)
    from pathlib import Path

    whole = Path.write_bytes

    def failing(path, data):
        if path.name.startswith("0007"):
            raise OSError(code, os.strerror(code))
        return whole(path, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    ran = drift(*words, "--force")
    assert (ran.code, ran.out, os.strerror(code) in ran.err) == (4, "", True)
    assert held(out) == before


def test_what_killed_copies_left_is_put_right(drift, world, tmp_path):
    """An old folder out of its place goes back into it; what was half made long ago goes."""
    words = (
        "simulate",
        world.fresh,
        "-o",
        tmp_path / "copy",
        "--corruption",
        "jpeg",
        "--severity",
        1,
        "--workers",
        1,
    )
    assert drift(*words).code == 0
    from driftcli.simulation._folder import DriftedFolder

    made = DriftedFolder(tmp_path / "copy", force=True)._temporary
    before = held(tmp_path / "copy")
    (tmp_path / "copy").rename(made.with_name(f"{made.name}-old"))
    made.mkdir()
    (made / "half").touch()
    os.utime(made, (0, 0))
    with pytest.raises(KeyboardInterrupt), DriftedFolder(tmp_path / "copy", force=True):
        raise KeyboardInterrupt
    assert held(tmp_path) == {f"copy/{name}": data for name, data in before.items()}
