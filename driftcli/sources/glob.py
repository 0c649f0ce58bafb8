"""Files and folders that match a shell pattern: `*`, `?`, `[...]`, and `**` for any depth."""

from __future__ import annotations

import errno
import fnmatch
import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.sources._holders import holder_of
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import passed_over
from driftcli.sources.folder import Folder, open_folder, scanned, unlisted


@final
@dataclass(frozen=True)
class Glob(ImageSource):
    """Entries of what matches a shell pattern, in byte order.

    A matching folder is read recursively unless `**` reaches into it anyway; a pattern that ends like an archive or a Parquet
    file (`*.tar`) reads what they hold.
    Names that begin with a dot match only patterns that do, as in a shell. A folder that the pattern reaches into and that cannot be
    listed is Skipped(`unreadable`, `folder_...`).
    """

    listed: ClassVar[bool] = True

    path: str
    follow: bool = False

    @property
    def prefix(self) -> str:
        """The part of entry names before the first folder with a wildcard: `images/` of `images/*/a.jpg`."""
        parts = self.path.split("/")
        wild = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
        return "/".join([*parts[:wild], ""])

    def check(self) -> None:
        """Raises NotAuditedError where nothing matches."""
        if next(_matches(self.path), None) is None:
            raise NotAuditedError(
                f"nothing matches {self.path!r}", "Quote the pattern; ** reaches into folders."
            )

    def __iter__(self) -> Iterator[Entry | Skipped]:
        deep = "**" in self.path.split("/")
        found: dict[str, Skipped | None] = {}
        for match in _matches(self.path):
            found[match if isinstance(match, str) else match.name] = (
                match if isinstance(match, Skipped) else None
            )
        for path in sorted(found, key=os.fsencode):
            if (closed := found[path]) is not None:
                yield closed
            else:
                yield from self._matched(path, deep=deep)

    def _matched(self, path: str, *, deep: bool) -> Iterator[Entry | Skipped]:
        """What one match offers."""
        holder = holder_of(self.path)
        if os.path.islink(path) and not self.follow:
            yield Skipped(path, "skipped", "symlink")
        elif os.path.isdir(path):
            if deep:
                return
            try:
                next(scanned(path), None)
            except OSError as error:
                yield unlisted(path, error)
            else:
                yield from Folder(path, self.follow)
        elif holder is not None:
            yield from holder(path)
        else:
            reason = passed_over(os.path.basename(path))
            yield Skipped(path, "skipped", reason) if reason else Entry(path, os.path.realpath(path))


def _matches(pattern: str) -> Iterator[str | Skipped]:
    """Paths that match, as glob.iglob finds them, perhaps several times; and folders that hide what would match."""
    parts = [part for i, part in enumerate(pattern.split("/")) if part or i == 0]
    parts = [part for i, part in enumerate(parts) if part != "**" or parts[i - 1 : i] != ["**"]]
    if pattern.endswith("/"):
        parts.append("")
    return _below("/", parts[1:]) if pattern.startswith("/") else _below("", parts)


def _below(folder: str, parts: Sequence[str]) -> Iterator[str | Skipped]:
    """Matches of the remaining parts of a pattern in one folder; "" is where we are."""
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _anywhere(folder, rest)
    elif not glob.has_magic(part):
        path = os.path.join(folder, part)
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            yield unlisted(folder or os.curdir, error)
            return
        yield from _below(path, rest)
    else:
        for found in _names(folder, hidden=part.startswith(".")):
            if isinstance(found, Skipped):
                yield found
            elif fnmatch.fnmatch(found[0], part) and (found[1] or not rest):
                yield from _below(os.path.join(folder, found[0]), rest)


def _anywhere(folder: str, rest: Sequence[str]) -> Iterator[str | Skipped]:
    """Matches of the parts after `**`, in the folder and in all below it; a circle of links is gone round once."""
    waiting = [(folder, frozenset[tuple[int, int]]())]
    while waiting:
        here, above = waiting.pop()
        try:
            own = _identity(here or os.curdir)
        except (
            FileNotFoundError,
            NotADirectoryError,
        ):  # vanished meanwhile, or a pattern that goes below a file
            continue
        except OSError as error:
            yield unlisted(here or os.curdir, error)
            continue
        if own in above:
            continue
        if rest:
            yield from _below(here, rest)
        for found in _names(here, hidden=False):
            if isinstance(found, Skipped):
                yield found
                continue
            path = os.path.join(here, found[0])
            if found[1]:
                waiting.append((path, above | {own}))
            if not rest:
                yield path


def _identity(folder: str) -> tuple[int, int]:
    """Device and inode: the same for every path of one folder. Raises OSError for what cannot be listed."""
    descriptor = open_folder(folder)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return status.st_dev, status.st_ino


def _names(folder: str, *, hidden: bool) -> Iterator[tuple[str, bool] | Skipped]:
    """What a folder holds, and whether something may lie in it; or that it cannot be listed. Nothing, of a file."""
    try:
        for child in scanned(folder or os.curdir):
            if hidden or not child.name.startswith("."):
                yield child.name, _may_be_folder(child)
    except NotADirectoryError:
        return
    except OSError as error:
        yield unlisted(folder or os.curdir, error)


def _may_be_folder(child: os.DirEntry[str]) -> bool:
    """Whether something may lie in it; where a link leads that nobody may follow, opening it tells."""
    try:
        return child.is_dir()
    except OSError as error:
        return error.errno != errno.ELOOP
