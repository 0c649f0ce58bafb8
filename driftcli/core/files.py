"""Bytes of one file, or the reason why not: no link, no pipe, no device, no file still being written."""

from __future__ import annotations

import errno
import os
import stat
from typing import Literal

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
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Refused("not_a_file", "skipped")
        if before.st_size > max_bytes:
            raise Refused("too_large")
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            data = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    return data if same and len(data) == before.st_size else None
