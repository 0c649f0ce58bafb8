"""What is at the place where an artifact is, or is to be: ours, or somebody else's files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from driftcli.artifact._files import LOCK, MANIFEST, TEMP_NAME, read_file
from driftcli.artifact._manifest import MAX_MANIFEST_BYTES, STATE_NAME, MalformedError, check_envelope, parse
from driftcli.core.errors import InternalError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

Look = Literal["nothing", "leftovers", "artifact", "damaged", "foreign"]


def look(folder: Path) -> Look:
    """What is there, without changing it.

    `leftovers`: only what an interrupted first writer leaves; its lock file is what makes states without a
    manifest ours. `damaged`: an unreadable manifest among nothing but files of our naming.
    """
    try:
        names = {entry.name for entry in folder.iterdir()}
    except FileNotFoundError:
        return "nothing"
    except (OSError, ValueError):
        return "foreign"
    locks = {name for name in names if name.startswith(LOCK) and (name == LOCK or TEMP_NAME.fullmatch(name))}
    states = {name for name in names if STATE_NAME.fullmatch(name)}
    ours = {name for name in names if TEMP_NAME.fullmatch(name)} | locks | states
    if MANIFEST in names:
        if _claims_to_be_artifact(folder):
            return "artifact"
        return "damaged" if states and names <= ours | {MANIFEST} else "foreign"
    if not names:
        return "nothing"
    return "leftovers" if names <= ours and (locks or not states) else "foreign"


def check_target(folder: Path, *, force: bool) -> None:
    """UsageError unless a new artifact may be made here."""
    found = look(folder)
    if found in {"artifact", "damaged"} and not force:
        raise UsageError(f"the artifact {folder} exists", "use --force to replace it, or choose another -o")
    if found == "foreign":
        what = "holds other files" if folder.is_dir() else "is no folder"
        raise UsageError(f"{folder} {what}", "choose a new or empty folder for the artifact")


def check_writable(folder: Path) -> None:
    """InternalError if this user cannot write there, or cannot make the folder."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise InternalError(
            f"cannot write {folder}", f"allow this user to write {place}, or choose another place"
        )


def _claims_to_be_artifact(folder: Path) -> bool:
    """Whether the manifest has our envelope's keys, in whatever version."""
    try:
        manifest = parse(read_file(folder / MANIFEST, MAX_MANIFEST_BYTES))
    except (MalformedError, OSError):
        return False
    return isinstance(manifest, dict) and {"schema_version", "kind", "files"} <= manifest.keys()


def named(folder: Path) -> Collection[str] | None:
    """Names of the states that the manifest there names: none without one, None if it does not tell."""
    try:
        files = check_envelope(parse(read_file(folder / MANIFEST, MAX_MANIFEST_BYTES)))
    except FileNotFoundError:
        return frozenset()
    except (MalformedError, OSError):
        return None
    return {entry.name for entry in files.values()}
