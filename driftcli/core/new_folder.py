"""A folder that is written once: complete or not at all, and never over anything."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.core import abrupt
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.files import create_file, replace_folder, sync_folder
from driftcli.core.output import require_folder
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping


def check(path: Path, hint: str) -> None:
    """Raises UsageError for a place that is taken (an empty folder is not), InternalError for one that cannot be written."""
    place, shown = path.absolute(), safe_name(str(path))
    if os.path.lexists(place) and (place.is_symlink() or not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"{shown} exists", hint)
    require_folder(place.parent, shown)


def write(path: Path, files: Mapping[str, bytes], hint: str) -> None:
    """The files by their relative paths. Raises as `check`, and InternalError when writing fails; then nothing is left."""
    check(path, hint)
    place = path.absolute()
    fresh = place.parent / f".driftcli-{os.urandom(8).hex()}.partial"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        abrupt.in_the_making(fresh)
        fresh.mkdir()
        for name, raw in files.items():
            target = fresh / name
            target.parent.mkdir(exist_ok=True)
            create_file(target, raw, sync=True)
        sync_folder(fresh)
        check(path, hint)
        replace_folder(fresh, place)
        sync_folder(place.parent)
    except OSError as error:
        reason = safe_name(error.strerror or str(error))
        raise InternalError(
            f"cannot write {safe_name(str(path))}: {reason}", "check permissions and free space"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
