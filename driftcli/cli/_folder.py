"""A report that is a folder: made beside its place, complete or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.cli._destinations import require_folder
from driftcli.core import abrupt
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import replace_folder
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping

MARK = ".driftcli-report"
"""Lies in every folder that was written here: only such a folder is ever replaced."""


def check(path: Path) -> None:
    """Raises UsageError for a place that holds anything else, InternalError for one that cannot be written."""
    place = path.resolve()
    shown = safe_name(str(path))
    if place.exists() and not place.is_dir():
        raise UsageError(f"{shown} is no folder", "name a new folder")
    if place.is_dir() and not (place / MARK).is_file() and any(place.iterdir()):
        raise UsageError(f"{shown} holds other files", "name a new or empty folder, or an older report")
    require_folder(place.parent, shown)


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """The files by their relative paths; they appear at once, in place of an older report.

    Raises as `check`, and InternalError when writing fails; then what was there is still there.
    """
    check(path)
    place = path.resolve()
    fresh = place.with_name(f".{place.name[:200]}.{os.getpid()}.tmp")
    abrupt.in_the_making(fresh)
    try:
        try:
            fresh.mkdir(parents=True)
            for name, data in {MARK: b"", **files}.items():
                target = fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            replace_folder(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise InternalError(
            f"cannot write {safe_name(str(path))}: {reason}", "check permissions and free space"
        ) from error
