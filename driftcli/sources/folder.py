"""A folder, recursively: files in the byte order of their relative paths, the rest with its reason."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import os_reason
from driftcli.core.images import Entry, Skipped
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import left_out, passed_over

_Kind = Literal["file", "folder", "link", "other"]
_KINDS: dict[bytes, _Kind] = {b"f": "file", b"d": "folder", b"l": "link", b"o": "other"}
_RUN = 10_000
"""Names that are sorted at a time."""


@final
@dataclass(frozen=True)
class Folder(ImageSource):
    """Entries of all files in a folder and below it, in the byte order of their relative paths.

    Hidden, system and temporary names, and extensions of other things, are passed over unread. Memory: the names of the folders that it stands in, two bytes more than each name is long. Symbolic links are passed over; with `follow` they are
    followed when they stay inside the folder, and no folder is visited twice.
    """

    listed: ClassVar[bool] = True

    path: str
    follow: bool = False

    @property
    def prefix(self) -> str:
        """The part of entry names before the path relative to the folder: `images/`."""
        return os.path.join(self.path, "")

    def __iter__(self) -> Iterator[Entry | Skipped]:
        try:
            stack = [(self.path, _listing(self.path, follow=self.follow))]
        except OSError as error:
            raise NotAuditedError(
                f"the folder {self.path!r} cannot be read: {error.strerror}", "Check its permissions."
            ) from error
        walk = _Walk(self.path) if self.follow else None
        while stack:
            folder, items = stack[-1]
            item = next(items, None)
            if item is None:
                stack.pop()
                continue
            base, kind = item
            path = os.path.join(folder, base)
            reason = _reason(base, kind) or (walk.refuses(path, kind) if walk else None)
            if reason is not None:
                yield Skipped(path, "skipped", reason)
            elif kind == "folder":
                try:
                    stack.append((path, _listing(path, follow=self.follow)))
                except OSError as error:
                    yield Skipped(path, "unreadable", f"folder_{os_reason(error).reason}")
            else:
                yield Entry(path, path)


def _reason(base: str, kind: str) -> str | None:
    """Why an item is passed over for its name or its nature, or None."""
    if kind == "folder":
        return left_out(base)
    return passed_over(base) or {"file": None, "link": "symlink", "other": "not_a_file"}[kind]


def _listing(folder: str, *, follow: bool) -> Iterator[tuple[str, _Kind]]:
    """One folder's items in the order in which their relative paths sort: a folder's key ends in `/`.

    The folder is read at once, and may raise OSError. Its names are kept as sorted runs of bytes, merged while they
    are asked for: a million names take their own bytes, not a million objects.
    """
    runs: list[bytes] = []
    some: list[bytes] = []
    with os.scandir(folder) as scan:
        for child in scan:
            letter = _letter(child, follow=follow)
            some.append(os.fsencode(child.name) + (b"/" if letter == b"d" else b"") + _END + letter)
            if len(some) == _RUN:
                runs.append(b"".join(sorted(some)))
                some.clear()
    runs.append(b"".join(sorted(some)))
    return (
        (os.fsdecode(key.removesuffix(b"/")), _KINDS[letter])
        for key, letter in heapq.merge(*map(_items, runs))
    )


_END = b"\0"
"""No name holds it, and nothing sorts before it."""


def _items(run: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Key and letter of each item of a sorted run."""
    start = 0
    while (end := run.find(_END, start)) >= 0:
        yield run[start:end], run[end + 1 : end + 2]
        start = end + 2


def _letter(child: os.DirEntry[str], *, follow: bool) -> bytes:
    """What an item is, as a letter of `_KINDS`."""
    if child.is_symlink() and not follow:
        return b"l"
    if child.is_dir():
        return b"d"
    return b"f" if child.is_file() or child.is_symlink() else b"o"  # a dangling link is a missing file


class _Walk:
    """What following links must remember: where the folder ends, and which folders were visited."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)
        self._visited = {_identity(root)}

    def refuses(self, path: str, kind: str) -> str | None:
        """`outside` for a link out of the folder, `symlink_loop` for a folder already visited, or None."""
        if os.path.islink(path):
            target = os.path.realpath(path)
            if target != self._root and not target.startswith(os.path.join(self._root, "")):
                return "outside"
        if kind == "folder":
            identity = _identity(path)
            if identity in self._visited:
                return "symlink_loop"
            self._visited.add(identity)
        return None


def _identity(path: str) -> tuple[int, int]:
    """Device and inode: the same for every name of one folder."""
    try:
        status = os.stat(path)
    except OSError:  # vanished, or closed to us: the listing says why
        return (0, 0)
    return status.st_dev, status.st_ino
