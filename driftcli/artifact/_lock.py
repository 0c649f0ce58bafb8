"""The artifact's lock file: one writer at a time, on any file system, and none locked out by the dead.

No flock (network file systems disagree about it). A lock is a file that appears complete: it is written
under a name of its own and hard-linked to `.lock`, which fails if `.lock` exists; so nobody who is killed
leaves a lock without an owner in it. Where there are no hard links, O_EXCL does it in two steps.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.artifact._files import LOCK, read_file, storage
from driftcli.artifact._manifest import MalformedError, dump, parse, shown
from driftcli.core import abrupt
from driftcli.core.errors import InternalError
from driftcli.core.files import create_file, temp_path
from driftcli.core.times import now_utc

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE_SECONDS = 600.0
POLL_SECONDS = 0.05
_BREAK = ".lock-break.tmp"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock, as the lock file says, and when it was last refreshed by the file system's clock."""

    raw: bytes
    host: str
    namespace: str
    pid: int
    refreshed: float

    def stale(self, now: float) -> bool:
        """Ten minutes without a sign of life, or a process of this very machine that is no more.

        Dated in the future by as much, it is a copy or of a clock that was put back: its age will never tell.
        """
        if abs(now - self.refreshed) > STALE_SECONDS:
            return True
        here = (self.host, self.namespace) == (socket.gethostname(), _namespace())
        return here and self.pid > 0 and not _alive(self.pid)


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that this writer took."""

    path: Path
    raw: bytes

    def mine(self) -> bool:
        """Whether nobody has taken the lock for abandoned."""
        try:
            holder = _look(self.path)
        except (OSError, InternalError):
            return False
        return holder is not None and holder.raw == self.raw

    def refresh(self) -> None:
        """Says "still at work"; raises InternalError if somebody took the lock for abandoned."""
        if not self.mine():
            raise InternalError(
                f"{self.path.parent} was taken over by another writer, because this one was silent for too long",
                "run the command again; what the other writer saved is intact",
            )
        os.utime(self.path)

    def release(self) -> None:
        """Gives the lock back, unless it is somebody else's by now."""
        with suppress(OSError):
            if self.mine():
                self.path.unlink()


@contextmanager
def held(folder: Path, wait: float) -> Iterator[Lock]:
    """Holds the folder's lock; waits up to `wait` seconds for another writer, then InternalError."""
    with storage(folder):
        lock = _acquire(folder, wait)
    try:
        with abrupt.undone(lock.release):
            yield lock
    finally:
        lock.release()


def _acquire(folder: Path, wait: float) -> Lock:
    path, mine = folder / LOCK, temp_path(folder, "lock")
    raw = _owner(mine.name)
    deadline = time.monotonic() + wait
    try:
        while True:
            now = _touch(mine, raw)
            holder = _look(path)
            if holder is None:
                if _link(mine, path, raw):
                    return Lock(path, raw)
            elif holder.stale(now):
                _remove_stale(path, holder, mine, raw, now)
                continue
            if time.monotonic() >= deadline:
                raise _busy(folder, holder, now)
            time.sleep(POLL_SECONDS)
    finally:
        with suppress(OSError):
            mine.unlink()


def _owner(token: str) -> bytes:
    return dump(
        {
            "tool": "driftcli",
            "host": socket.gethostname(),
            "namespace": _namespace(),
            "pid": os.getpid(),
            "time": now_utc(),
            "token": token,
        }
    )


def _touch(mine: Path, raw: bytes) -> float:
    """Now, by the clock that also dates the lock (on a network share, the server's)."""
    while True:
        try:
            os.utime(mine)
            return mine.stat().st_mtime
        except FileNotFoundError:  # the first round, or the writer at work swept it away
            mine.parent.mkdir(parents=True, exist_ok=True)
            create_file(mine, raw, sync=False)


def _look(path: Path) -> Holder | None:
    """Who holds the lock at `path`; None if it is free; nobody (pid 0) if the file does not say."""
    try:
        raw = read_file(path, 4096)
        refreshed = path.lstat().st_mtime
    except FileNotFoundError:
        return None
    except MalformedError as error:  # a folder, a link, a pipe: nobody's lock, so that waiting would not help
        raise InternalError(
            f"{path.parent} cannot be locked: its {path.name} {error.what}",
            f"driftcli puts no such thing there: look at it, then remove {path}",
        ) from error
    try:
        said = parse(raw)
        host, namespace, pid = str(said["host"]), str(said["namespace"]), int(said["pid"])
    except (MalformedError, KeyError, TypeError, ValueError):
        host, namespace, pid = "", "", 0
    return Holder(raw, host, namespace, pid, refreshed)


def _link(mine: Path, path: Path, raw: bytes) -> bool:
    """Takes the name `path`, atomically; False if somebody else has it."""
    try:
        os.link(mine, path)
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        try:
            create_file(path, raw, sync=False)
        except FileExistsError:
            return False
    return True


def _remove_stale(path: Path, judged: Holder, mine: Path, raw: bytes, now: float) -> None:
    """Removes the lock that was judged stale, and no other: removers queue behind a lock of their own.

    Without it, of two who judge the same lock, the slower would remove the fresh lock of the faster.
    """
    gate = path.with_name(_BREAK)
    if not _link(mine, gate, raw):
        other = _look(gate)
        if other is not None and other.stale(now):
            with suppress(FileNotFoundError):
                gate.unlink()
        time.sleep(POLL_SECONDS / 10)
        return
    try:
        holder = _look(path)
        if holder is not None and holder.raw == judged.raw:
            path.unlink()
    finally:
        with suppress(FileNotFoundError):
            gate.unlink()


def _busy(folder: Path, holder: Holder | None, now: float) -> InternalError:
    if holder is None or not holder.pid:
        return InternalError(
            f"{folder} is being written by another process",
            f"try again when it has finished; if there is none, remove {folder / LOCK}",
        )
    who = f"process {holder.pid} on host {shown(holder.host)}"
    return InternalError(
        f"{folder} is being written by {who} (last sign of life {max(0.0, now - holder.refreshed):.0f} s ago)",
        f"try again when {who} has finished; if it no longer exists, remove {folder / LOCK}",
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _namespace() -> str:
    """Which process numbers are meant: containers may share a host name without sharing processes."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
