"""Files read without trust and written whole or not at all: killed at every call, on a full disk, by hostile names."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from driftcli.core import files
from driftcli.core.files import Refused

OLD, NEW = b"old " * 1000, b"new! " * 1000
CALLS = ("open", "write", "fsync", "close", "replace", "unlink")
POSIX = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def fork(action) -> int:
    """Runs `action` in a child; its exit status: 0, 99 for an exception, -9 when it was killed."""
    child = os.fork()
    if not child:
        code = 99
        try:
            action()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def intercept(monkeypatch, act) -> list[str]:
    """Every call of CALLS goes through `act(number, name, real, args)`."""
    made: list[str] = []
    for name in CALLS:
        real = getattr(os, name)

        def call(*args, _name=name, _real=real, **kwargs):
            made.append(_name)
            return act(len(made), _name, lambda *given: _real(*given, **kwargs), args)

        monkeypatch.setattr(os, name, call)
    return made


def number_of_calls(tmp_path, monkeypatch) -> int:
    """Of one replacement."""
    (tmp_path / "counted").write_bytes(OLD)
    with monkeypatch.context() as patch:
        made = intercept(patch, lambda _number, _name, real, args: real(*args))
        files.replace_file(tmp_path / "counted", NEW)
    assert made == ["open", "write", "fsync", "replace", "close"]
    (tmp_path / "counted").unlink()
    return len(made)


# ---------------------------------------------------------------- writing


@POSIX
@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("when", ["before", "amid", "after"])
def test_killed_at_every_call_it_leaves_the_old_file_or_the_new_one(tmp_path, monkeypatch, existing, when):
    path = tmp_path / "a.json"
    outcomes = []
    for at in range(1, number_of_calls(tmp_path, monkeypatch) + 1):
        path.unlink(missing_ok=True)
        if existing:
            path.write_bytes(OLD)

        def act(number, name, real, args, at=at):
            if number == at:
                if when == "amid" and name == "write":
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                elif when == "after":
                    real(*args)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args)

        def action(act=act):
            with pytest.MonkeyPatch.context() as patch:
                intercept(patch, act)
                files.replace_file(path, NEW)

        assert fork(action) == -signal.SIGKILL
        outcomes.append(path.read_bytes() if path.exists() else None)
        left = [entry.name for entry in tmp_path.iterdir() if entry != path]
        assert all(name.startswith(".driftcli-") and name.endswith(".tmp") for name in left)
        files.replace_file(path, OLD)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"], "the next writer takes it away"
    before = OLD if existing else None
    shown = 2 if when == "after" else 1  # replaced; closed
    assert outcomes == [before] * (len(outcomes) - shown) + [NEW] * shown


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_an_error_at_any_call_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, code):
    path = tmp_path / "a.json"
    for at in range(
        1, number_of_calls(tmp_path, monkeypatch)
    ):  # the last one closes what is in its place already
        path.write_bytes(OLD)

        def act(number, _name, real, args, at=at):
            if number == at:
                raise OSError(code, os.strerror(code))
            return real(*args)

        with monkeypatch.context() as patch:
            intercept(patch, act)
            with pytest.raises(OSError, match=re.escape(os.strerror(code))):
                files.replace_file(path, NEW)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
        assert path.read_bytes() == OLD


def test_what_was_written_is_not_undone_by_closing_it(tmp_path, monkeypatch):
    """It is on the disk, under its name: an error of `close` says nothing about it."""
    real = os.close

    def close(descriptor):
        real(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", close)
        files.replace_file(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW


@POSIX
def test_many_writers_of_one_file(tmp_path):
    """Each succeeds, the file is one of theirs, nothing is left."""
    path, texts = tmp_path / "a", [str(i).encode() * 5_000 for i in range(8)]

    def write_all(own):
        for _ in range(20):
            files.replace_file(path, own)
            assert path.read_bytes() in texts

    children = []
    for own in texts:
        child = os.fork()
        if not child:
            code = 99
            try:
                write_all(own)
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    assert path.read_bytes() in texts
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_what_stands_in_the_way_of_a_file_in_the_making(tmp_path, monkeypatch):
    """A folder, a link to another's file, a writer that is stopped: the file is written, and nothing of theirs is touched."""
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    path = tmp_path / "a"
    temp, descriptor = files._beside(path, 0o666)
    files.replace_file(path, NEW)
    assert {entry.name for entry in tmp_path.iterdir()} == {"a", temp.name}, "its holder is still there"
    os.close(descriptor)
    temp.unlink()
    temp.mkdir()
    files.replace_file(path, OLD)
    temp.rmdir()
    (tmp_path / "other").write_bytes(b"other")
    temp.symlink_to(tmp_path / "other")
    files.replace_file(path, NEW)
    assert (path.read_bytes(), (tmp_path / "other").read_bytes()) == (NEW, b"other")


@pytest.mark.parametrize("old", [True, False])
def test_without_locks_only_age_tells(tmp_path, monkeypatch, old):
    """On some network shares; then what may be another writer's stays."""
    import fcntl

    def none(_descriptor, _how):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    temp, descriptor = files._beside(tmp_path / "a", 0o666)
    os.close(descriptor)
    if old:
        os.utime(temp, (0, 0))
    monkeypatch.setattr(fcntl, "flock", none)
    files.replace_file(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW
    assert temp.exists() is not old


def test_a_disk_that_fills_up_amid_the_file(tmp_path, monkeypatch):
    """Half of it fits; the rest does not."""
    path, real = tmp_path / "a.json", os.write
    path.write_bytes(OLD)
    room = [len(NEW) // 2]

    def write(descriptor, data):
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(descriptor, bytes(data)[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space"):
            files.replace_file(path, NEW)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == OLD


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
        files.replace_file(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW


def test_interrupted_by_the_user_nothing_is_left(tmp_path, monkeypatch):
    def interrupt(_descriptor):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files.replace_file(tmp_path / "a", NEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
@pytest.mark.parametrize(("asked", "umask", "mode"), [(0o666, 0o022, 0o644), (0o666, 0o077, 0o600), (0o600, 0o022, 0o600)])  # fmt: skip
def test_permissions_are_those_of_a_new_file(tmp_path, asked, umask, mode):
    before = os.umask(umask)
    try:
        files.replace_file(tmp_path / "a", NEW, mode=asked)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_new_file_takes_nobodys_place(tmp_path):
    """Neither a file's nor, through a link, that of one elsewhere."""
    (tmp_path / "a").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("a", "link"):
        with pytest.raises(FileExistsError):
            files.create_file(tmp_path / name, NEW, sync=False)
    assert (tmp_path / "a").read_bytes() == OLD
    assert not (tmp_path / "elsewhere").exists()


def test_the_longest_name_can_be_written(tmp_path):
    """The file in the making has a short name of its own: 255 bytes are the most that file systems take."""
    path = tmp_path / ("名" * 85)
    files.replace_file(path, NEW)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_names_in_the_making_differ(tmp_path):
    names = {files.temp_path(tmp_path, "x").name for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(".x-") for name in names)


def test_a_folder_is_synced_where_folders_can_be_opened(tmp_path, monkeypatch):
    """Where they cannot (Windows), that is no error."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    files.sync_folder(tmp_path)
    assert synced == [tmp_path.stat().st_ino]
    monkeypatch.delattr(os, "O_DIRECTORY")
    files.sync_folder(tmp_path)
    assert len(synced) == 1


# ---------------------------------------------------------------- folders


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "inside").write_text(content)
    return path


@pytest.mark.parametrize("existing", [True, False])
def test_a_folder_takes_its_place_whole(tmp_path, existing):
    place, fresh = tmp_path / "place", folder(tmp_path / ".fresh", "new")
    if existing:
        folder(place, "old")
        (place / "only in the old").touch()
    files.replace_folder(fresh, place)
    assert [entry.name for entry in tmp_path.iterdir()] == ["place"]
    assert [entry.name for entry in place.iterdir()] == ["inside"]
    assert (place / "inside").read_text() == "new"


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one_there(tmp_path, monkeypatch):
    place, fresh, real = folder(tmp_path / "place", "old"), folder(tmp_path / ".fresh", "new"), os.rename

    def rename(source, target):
        if Path(source) == fresh:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(OSError, match="Input/output"):
            files.replace_folder(fresh, place)
    assert (place / "inside").read_text() == "old"
    assert {entry.name for entry in tmp_path.iterdir()} == {"place", ".fresh"}


# ---------------------------------------------------------------- reading


def reason(path: Path, limit: int = 10_000, **more) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        files.read_file(str(path), limit, **more)
    return caught.value.state, caught.value.reason


def test_a_file_is_read_up_to_its_limit(tmp_path):
    (tmp_path / "a").write_bytes(OLD)
    assert files.read_file(str(tmp_path / "a"), len(OLD)) == OLD
    assert reason(tmp_path / "a", len(OLD) - 1) == ("unreadable", "too_large")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert reason(tmp_path / "pipe") == ("skipped", "not_a_file")
    assert reason(tmp_path) == ("skipped", "not_a_file")
    assert reason(tmp_path / "absent") == ("unreadable", "missing")
    assert reason(Path("nul\0")) == ("unreadable", "missing")


@pytest.mark.parametrize("flag", [files._NO_FOLLOW, 0], ids=["O_NOFOLLOW", "without"])
def test_links_are_followed_only_when_asked(tmp_path, monkeypatch, flag):
    """Also where the system cannot refuse them itself (Windows)."""
    monkeypatch.setattr(files, "_NO_FOLLOW", flag)
    (tmp_path / "a").write_bytes(OLD)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert reason(tmp_path / "link") == ("skipped", "symlink")
    assert files.read_file(str(tmp_path / "link"), 10_000, follow=True) == OLD


@pytest.mark.parametrize(("changes", "expected"), [(1, OLD + b"+"), (2, ("changed", "changed"))])
def test_a_file_that_grows_while_it_is_read_is_read_once_more(tmp_path, monkeypatch, changes, expected):
    path, real = tmp_path / "a", os.fstat
    path.write_bytes(OLD)
    looks = []

    def fstat(descriptor):
        looks.append(descriptor)
        if len(looks) % 2 == 0 and len(looks) <= 2 * changes:
            with path.open("ab") as file:
                file.write(b"+")
        return real(descriptor)

    monkeypatch.setattr(files.os, "fstat", fstat)
    found: object = None
    try:
        found = files.read_file(str(path), 10_000)
    except Refused as refused:
        found = (refused.state, refused.reason)
    assert found == expected


def test_no_descriptor_stays_open(tmp_path):
    """Whatever is refused: a long run would end for want of them."""
    (tmp_path / "a").write_bytes(OLD)
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    for path, limit in (
        (tmp_path / "a", 10),
        (tmp_path, 10),
        (tmp_path / "absent", 10),
        (tmp_path / "a", 10_000),
    ):
        with suppress(Refused):
            files.read_file(str(path), limit)
    with pytest.raises(FileExistsError):
        files.create_file(tmp_path / "a", NEW, sync=False)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before
