"""A report that is a folder: its files beside the old ones, then the one that names them; so it is whole at any instant."""

from __future__ import annotations

import math
import os
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.cli._destinations import MARK
from driftcli.core import abrupt
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import ABANDONED, is_at, locked, replace_file, sync_folder
from driftcli.core.output import require_folder
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PATIENCE = 60.0
"""Seconds to wait for another writer of the same folder."""


def check(path: Path) -> None:
    """Raises UsageError for a place that holds anything else, InternalError for one that cannot be written."""
    place = path.resolve()
    shown = safe_name(str(path))
    if place.exists() and not place.is_dir():
        raise UsageError(f"{shown} is no folder", "name a new folder")
    if place.is_dir() and any(place.iterdir()) and not (place / MARK).is_file():
        raise UsageError(f"{shown} holds other files", "name a new or empty folder, or an older report")
    require_folder(place.parent, shown)


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """The files by their relative paths, in place of an older report.

    The first names all others, and their names change with what they hold: it is replaced last, so that whoever stops the writing
    at any instant leaves the old report or the new one. Of several writers each is whole, and the last one stays. What
    no longer belongs to the report is removed, and so is what a killed writer left. Raises as `check`, and InternalError when writing
    fails; then what was there is still there.
    """
    check(path)
    place, shown = path.resolve(), safe_name(str(path))
    try:
        with _held(place, shown) as alone:
            _put(place, files)
            sync_folder(place)
            _sweep(place, {place / MARK, *(place / name for name in files)}, alone=alone)
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise InternalError(f"cannot write {shown}: {reason}", "check permissions and free space") from error


@contextmanager
def _held(place: Path, shown: str) -> Iterator[bool]:
    """The folder, made if need be, for one writer; whether for it alone, which a file system without locks cannot say."""
    fresh = not place.is_dir()
    try:
        descriptor, alone = _mark(place, shown)
    except BaseException:
        if fresh:
            with suppress(OSError):
                place.rmdir()
        raise
    undo = partial(_remove_empty, place) if fresh else bool
    try:
        with abrupt.undone(undo):
            yield alone
    except BaseException:
        with suppress(OSError):
            undo()
        raise
    finally:
        os.close(descriptor)


def _mark(place: Path, shown: str) -> tuple[int, bool]:
    """The open mark of the folder, made if need be, and whether this process alone holds it. Raises OSError, InternalError."""
    while True:
        place.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(place / MARK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # its first writer failed and took it away again
            continue
        alone = locked(descriptor, PATIENCE)
        if alone is not False and is_at(place / MARK, descriptor):
            return descriptor, bool(alone)
        os.close(descriptor)
        if alone is False:
            raise InternalError(f"{shown} is being written by another process", "run the command again")


def _remove_empty(place: Path) -> None:
    """The folder, if nothing but its mark lies in it."""
    if {path.name for path in place.iterdir()} <= {MARK}:
        (place / MARK).unlink(missing_ok=True)
        place.rmdir()


def _put(place: Path, files: Mapping[str, bytes]) -> None:
    """The files, the first one last. After an error those that were not there before are gone again."""
    first, *others = files
    made: list[Path] = []

    def undo() -> None:
        for path in made:
            with suppress(OSError):
                path.unlink()
        for folder in {path.parent for path in made} - {place}:
            with suppress(OSError):
                folder.rmdir()

    try:
        with abrupt.undone(undo):
            for name in (*others, first):
                target = place / name
                if name == first:
                    for folder in {path.parent for path in made} | {place}:
                        sync_folder(folder)
                if target.is_file() and not target.is_symlink() and target.read_bytes() == files[name]:
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                made += [] if target.exists() else [target]
                replace_file(target, files[name])
    except BaseException:
        undo()
        raise


def _sweep(place: Path, kept: set[Path], *, alone: bool) -> None:
    """Removes all else from the folder, as far as that can be done: no report depends on it.

    Not `alone`: only what is too old to be another writer's.
    """
    latest = math.inf if alone else time.time() - ABANDONED
    for root, folders, names in os.walk(place, topdown=False):
        here = Path(root)
        for name in names:
            path = here / name
            with suppress(OSError):
                if path not in kept and path.lstat().st_mtime < latest:
                    path.unlink()
        for name in folders:
            with suppress(OSError):
                (here / name).unlink() if (here / name).is_symlink() else (here / name).rmdir()
