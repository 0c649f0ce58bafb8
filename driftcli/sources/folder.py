"""A folder, recursively: files in the byte order of their relative paths, the rest with its reason."""

from __future__ import annotations

import errno
import heapq
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, final

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import open_path, os_reason
from driftcli.core.images import Entry, Skipped
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import left_out, passed_over

_Kind = Literal["file", "folder", "link", "linked file", "linked folder", "circle", "other"]
_KINDS: dict[bytes, _Kind] = {
    b"f": "file", b"d": "folder", b"l": "link", b"F": "linked file", b"D": "linked folder", b"c": "circle", b"o": "other",
}  # fmt: skip
_RUN = 10_000
"""Names that are sorted at a time."""


@final
@dataclass(frozen=True)
class Folder(ImageSource):
    """Entries of all files in a folder and below it, in the byte order of their relative paths.

    Hidden, system and temporary names, and extensions of other things, are passed over unread. Memory: the names of the folders that it stands in, two bytes more than each name is long. Paths may be of any length. A folder that cannot be listed is
    Skipped(`unreadable`, `folder_...`). Symbolic links are passed over; with `follow` they are followed when they stay inside the folder,
    and no folder is read twice: one that has its place in the walk is read there, under its own name.
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
        links = _Links(self.path)
        while stack:
            folder, items = stack[-1]
            item = next(items, None)
            if item is None:
                stack.pop()
                continue
            base, kind = item
            path = os.path.join(folder, base)
            reason = _reason(base, kind) or links.refuses(path, kind)
            if reason is not None:
                yield Skipped(path, "skipped", reason)
            elif kind in ("folder", "linked folder"):
                try:
                    stack.append((path, _listing(path, follow=self.follow)))
                except OSError as error:
                    yield unlisted(path, error)
            else:
                yield Entry(path, path)


def unlisted(folder: str, error: OSError) -> Skipped:
    """A folder that could not be listed, and why: nobody knows what is lost with it."""
    return Skipped(folder, "unreadable", f"folder_{os_reason(error).reason}")


def scanned(folder: str) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, by a path of any length, in no order. Raises OSError."""
    descriptor = open_folder(folder)
    try:
        with os.scandir(descriptor) as scan:
            yield from scan
    finally:
        os.close(descriptor)


def open_folder(folder: str) -> int:
    """A descriptor of a folder, by a path of any length. Raises OSError."""
    return open_path(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))


def _reason(base: str, kind: _Kind) -> str | None:
    """Why an item is passed over for its name or its nature, or None."""
    if kind in ("folder", "linked folder"):
        return left_out(base)
    reasons: dict[_Kind, str] = {"link": "symlink", "circle": "symlink_loop", "other": "not_a_file"}
    return passed_over(base) or reasons.get(kind)


def _listing(folder: str, *, follow: bool) -> Iterator[tuple[str, _Kind]]:
    """One folder's items in the order in which their relative paths sort: a folder's key ends in `/`.

    The folder is read at once, and may raise OSError. Its names are kept as sorted runs of bytes, merged while they
    are asked for: a million names take their own bytes, not a million objects.
    """
    runs: list[bytes] = []
    some: list[bytes] = []
    for child in scanned(folder):
        letter = _letter(child, follow=follow)
        some.append(os.fsencode(child.name) + (b"/" if letter in b"dD" else b"") + _END + letter)
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
    """What an item is, as a letter of `_KINDS`. Raises OSError where only its folder could tell and does not."""
    if not child.is_symlink():
        return b"d" if child.is_dir() else b"f" if child.is_file() else b"o"
    if not follow:
        return b"l"
    try:
        return b"D" if child.is_dir() else b"F" if child.is_file() or not _leads_somewhere(child) else b"o"
    except OSError as error:  # one link in a circle, or into a closed folder, costs itself
        return b"c" if error.errno == errno.ELOOP else b"F"


def _leads_somewhere(link: os.DirEntry[str]) -> bool:
    """Whether a link that is neither folder nor file ends at something; else it is a missing file."""
    try:
        link.stat()
    except FileNotFoundError:
        return False
    return True


class _Links:
    """Which links are followed: those that stay inside the folder, and lead to no place that is read anyway."""

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)
        self._followed: list[str] = []
        """Real paths of folders that only a link leads to: they lie in hidden ones."""

    def refuses(self, path: str, kind: _Kind) -> str | None:
        """Why a folder or a link is not read, or None.

        `outside`; `symlink_loop` for a link to a folder that it lies in; `linked_twice` for a folder that is read elsewhere.
        """
        if kind == "folder":
            return "linked_twice" if self._followed and os.path.realpath(path) in self._followed else None
        if kind not in ("linked file", "linked folder"):
            return None
        if not os.path.lexists(path):  # its path is longer than what links are resolved by
            return "symlink"
        target = os.path.realpath(path)
        if not _lies_in(target, self._root):
            return "outside"
        return None if kind == "linked file" else self._of_folder(path, target)

    def _of_folder(self, path: str, target: str) -> str | None:
        """As `refuses`, of a link to a folder inside; one that is not refused is remembered."""
        if _lies_in(os.path.realpath(os.path.dirname(path)), target):
            return "symlink_loop"
        if any(_is_read_with(place, target) for place in (self._root, *self._followed)):
            return "linked_twice"
        self._followed.append(target)
        return None


def _lies_in(path: str, folder: str) -> bool:
    """Whether it is the folder or below it, both real paths."""
    return os.path.join(path, "").startswith(os.path.join(folder, ""))


def _is_read_with(place: str, target: str) -> bool:
    """Whether the walk through `place` comes to `target` by itself: no name on the way is passed over."""
    return _lies_in(target, place) and not any(map(left_out, os.path.relpath(target, place).split(os.sep)))
