"""Reading a file that may be hostile, and writing one that nobody ever sees half-written."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from driftcli.core import abrupt

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""0 on Windows, where links are looked for before opening."""
_PLAIN = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Not handed to other programs; no translation of line ends."""
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
"""A pipe without a writer cannot hang who opens it."""
_STEP = 1_000
"""Bytes of a path that one system call is given where all of them are too many; macOS takes 1,024."""
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _PLAIN

_PATIENCE = 10.0
"""Seconds that a writer waits for another one of the same file."""
_PAUSE = 0.01
ABANDONED = 3_600.0
"""Seconds after which a file in the making is taken for left behind where no lock can tell."""

_REASONS: dict[int, tuple[Literal["unreadable", "skipped"], str]] = {
    errno.EACCES: ("unreadable", "permission"),
    errno.EPERM: ("unreadable", "permission"),
    errno.ENOENT: ("unreadable", "missing"),
    errno.ENOTDIR: ("unreadable", "missing"),
    errno.ELOOP: ("skipped", "symlink"),
    errno.ENXIO: ("skipped", "not_a_file"),  # a socket
}


class Refused(Exception):  # noqa: N818 - an outcome with a reason, not a defect
    """One entry that is not used: the state and the short, stable reason of a `Skipped`."""

    def __init__(
        self, reason: str, state: Literal["unreadable", "skipped", "changed"] = "unreadable"
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.state = state


def open_path(path: str | Path, flags: int) -> int:
    """A descriptor of what lies at a path of any length, as os.open gives it: POSIX ends paths at about 4,096 bytes.

    A longer one is gone along in steps, each from the folder before. Raises OSError and ValueError as os.open.
    """
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG or os.open not in os.supports_dir_fd:
            raise
    *steps, last = _steps(os.fsencode(path))
    if not steps:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))  # one name is too long
    above: int | None = None
    try:
        for step in steps:
            below = os.open(step, os.O_RDONLY | os.O_DIRECTORY | _PLAIN, dir_fd=above)
            if above is not None:
                os.close(above)
            above = below
        return os.open(last, flags, dir_fd=above)
    finally:
        if above is not None:
            os.close(above)


def _steps(path: bytes) -> list[bytes]:
    """The path in pieces of at most 1,000 bytes (a single name may be 255 long), whole names each."""
    steps, start = [], 0
    while len(path) - start > _STEP and (end := path.rfind(b"/", start + 1, start + _STEP)) > start:
        steps.append(path[start:end])
        start = end + 1
    return [*steps, path[start:]]


def os_reason(error: OSError) -> Refused:
    """The reason for a failed system call: permission, missing, symlink, not_a_file, else io."""
    state, reason = _REASONS.get(error.errno or 0, ("unreadable", "io"))
    return Refused(reason, state)


def read_file(path: str, max_bytes: int, *, follow: bool = False) -> bytes:
    """The whole file. One that changes while it is read is read once more, then refused (`changed`).

    Raises Refused. Opens without blocking, so that a pipe cannot hang it, and asks the opened
    descriptor, not the path, what it is.
    """
    for _ in range(2):
        try:
            data = _read_once(path, max_bytes, follow=follow)
        except OSError as error:
            raise os_reason(error) from error
        except ValueError as error:  # a NUL in the name, or a name that this file system cannot spell
            raise Refused("missing") from error
        if data is not None:
            return data
    raise Refused("changed", "changed")


def _read_once(path: str, max_bytes: int, *, follow: bool) -> bytes | None:
    """The bytes, or None when size or modification time moved meanwhile."""
    with open_regular(path, max_bytes, follow=follow) as (descriptor, before):
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return data if same and len(data) == before.st_size else None


@contextmanager
def open_regular(
    path: str | Path, max_bytes: int, *, follow: bool = False
) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of a regular file of at most `max_bytes`, and what the file was when it was opened.

    Raises Refused (`not_a_file`, `too_large`) and OSError, with ELOOP for a link unless `follow`. Opens without
    blocking, and asks the opened descriptor, not the path, what it is.
    """
    if not (follow or _NO_FOLLOW) and os.path.islink(path):  # noqa: PTH114 - any name, also one that is no text
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    descriptor = open_path(path, _READ | (0 if follow else _NO_FOLLOW))
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise Refused("not_a_file", "skipped")
        if facts.st_size > max_bytes:
            raise Refused("too_large")
        yield descriptor, facts
    finally:
        os.close(descriptor)


def alike(path: str, most: int = 3) -> list[str]:
    """The paths beside it whose names are most like its own: what was probably meant by one that is not there."""
    import difflib

    folder, base = os.path.split(path.rstrip("/"))
    try:
        beside = os.listdir(folder or ".")  # noqa: PTH208 - any name, also one that is no text
    except (OSError, ValueError):
        return []
    return [os.path.join(folder, name) for name in difflib.get_close_matches(base, beside, most)]  # noqa: PTH118


# ---------------------------------------------------------------- writing


def temp_path(folder: Path, prefix: str) -> Path:
    """A hidden name in the folder that nobody else has: `.PREFIX-` and 32 hexadecimal digits, `.tmp`."""
    path = folder / f".{prefix}-{os.urandom(16).hex()}.tmp"
    abrupt.in_the_making(path)
    return path


def create_file(path: Path, raw: bytes, *, sync: bool, mode: int = 0o666) -> None:
    """A new file with these bytes, on the disk itself if `sync`. Raises FileExistsError, OSError.

    `mode`: permissions, less the process's umask.
    """
    descriptor = os.open(path, _CREATE, mode)
    try:
        _fill(descriptor, raw, sync=sync)
    finally:
        os.close(descriptor)


def _fill(descriptor: int, raw: bytes, *, sync: bool) -> None:
    rest = memoryview(raw)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if sync:
        os.fsync(descriptor)


def replace_file(path: Path, raw: bytes, *, prefix: str | None = None, mode: int = 0o666) -> None:
    """Puts these bytes under this name: complete and on the disk before the name shows them.

    Written beside its place, then renamed; whoever stops it at any instant leaves the old file or the new one. After an error
    (OSError) nothing is left beside it, and what a killed writer left goes with the next writing of the same file. The name itself is
    durable only after `sync_folder`, which who replaces several files does once. `prefix`: of a `temp_path`, for who sweeps those itself.
    """
    temp, descriptor = _beside(path, mode) if prefix is None else _at_random(path.parent, prefix, mode)

    def undo() -> None:
        with suppress(OSError):
            if is_at(
                temp, descriptor
            ):  # no longer, once it was renamed: another writer may have taken the name since
                temp.unlink()

    try:
        with abrupt.undone(undo):
            _fill(descriptor, raw, sync=True)
            temp.replace(path)
    except BaseException:
        undo()
        raise
    finally:
        with suppress(OSError):  # it is on the disk: nothing can be lost by closing it
            os.close(descriptor)


def _at_random(folder: Path, prefix: str, mode: int) -> tuple[Path, int]:
    temp = temp_path(folder, prefix)
    return temp, os.open(temp, _CREATE, mode)


def _beside(path: Path, mode: int) -> tuple[Path, int]:
    """A new hidden file beside a path, open for writing: of one name for every writer, who holds it by a lock.

    So the next writer meets what a killed one left, and knows by the lock, which died with its holder, that nobody is at work on
    it. Who is kept waiting takes a name of its own.
    """
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]
    temp = path.with_name(f".driftcli-{name}.tmp")
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            descriptor = os.open(temp, _CREATE, mode)
        except FileExistsError:
            if not _removed_if_left(temp):
                break
            continue
        if locked(descriptor) is not False and is_at(temp, descriptor):
            return temp, descriptor
        os.close(descriptor)  # somebody took it for left behind before it was locked
    return _at_random(path.parent, "driftcli", mode)


def _removed_if_left(temp: Path) -> bool:
    """Removes what a killed writer left, waits a moment for one at work; False where nobody can tell the two apart."""
    try:
        descriptor = os.open(temp, _READ | _NO_FOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        mine = locked(descriptor, _PAUSE)
        old = os.fstat(descriptor).st_mtime < time.time() - ABANDONED
        if is_at(temp, descriptor) and (mine or (mine is None and old)):
            temp.unlink()
    except OSError:
        return False
    else:
        return mine is not None or old
    finally:
        os.close(descriptor)


def locked(descriptor: int, seconds: float = 0.0) -> bool | None:
    """Whether this open file is now held by who opened it; waits so long for another holder.

    The system lets go of it when the file is closed or its holder dies. None where the file system has no locks.
    """
    import fcntl  # POSIX; this module is read on Windows too, where commands are refused

    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                return None
        else:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE)


def is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that the path names now."""
    try:
        there, here = path.lstat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def sync_folder(folder: Path) -> None:
    """Makes renames in this folder durable (POSIX: fsync of a directory); nothing where folders cannot be opened."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _PLAIN)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_folder(fresh: Path, place: Path) -> None:
    """Puts a complete folder in its place; an older folder there goes when the new one stands.

    `fresh` must lie beside `place`. After an error (OSError) the older one is back in its place.
    """
    import shutil  # it is slow to load, and decode workers read files with this module

    old = fresh.with_name(f"{fresh.name}-old")
    if place.is_dir():
        place.rename(old)
    try:
        fresh.rename(place)
    except OSError:
        if old.is_dir():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
