"""The writer of results: a file is there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import replace_file, sync_folder
from driftcli.core.text import safe_name


def write(path: Path, content: str | bytes) -> None:
    """Text in UTF-8, beside the old file, then in its place; devices and pipes are written straight.

    Missing folders are made.
    Raises InternalError; then what was there is still there.
    """
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    target = path.resolve()
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            target.write_bytes(raw)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, raw)
        sync_folder(target.parent)
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise InternalError(
            f"cannot write {safe_name(str(path))}: {reason}", "check permissions and free space"
        ) from error


def require_folder(folder: Path, option: str) -> None:
    """Raise UsageError or InternalError where this folder, or the nearest that there is of it, cannot take a new file."""
    there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), folder)
    if not there.is_dir():
        raise UsageError(f"{option}: {safe_name(str(there))} is no folder", "name another path")
    if not os.access(there, os.W_OK):
        raise InternalError(f"{safe_name(str(there))} is not writable", "check permissions")
