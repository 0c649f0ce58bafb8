"""What this process tells the libraries that it uses, before they are loaded; what the user has set stays."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping


def prepare(environ: MutableMapping[str, str]) -> None:
    """Threads that only wait are not started, and matplotlib has a place for its list of fonts."""
    # numpy's linear algebra here is small; its threads only wait, and on a busy machine they wait long.
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if not environ.get("MPLCONFIGDIR") and not _has_home(environ):
        place = _in_temporary(environ)
        if place is not None:
            environ["MPLCONFIGDIR"] = str(place)


def _has_home(environ: MutableMapping[str, str]) -> bool:
    """Whether matplotlib's own places can be written: a service or a container often has no such home."""
    home = environ.get("HOME", "")
    config = Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"), "matplotlib")
    cache = Path(environ.get("XDG_CACHE_HOME") or Path(home, ".cache"), "matplotlib")
    return bool(home) and all(map(_writable, (config, cache)))


def _writable(folder: Path) -> bool:
    """Whether it can be written, or made."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return there.is_dir() and not _is_virtual(there) and os.access(there, os.W_OK | os.X_OK)


def _is_virtual(folder: Path) -> bool:
    """Below /proc and /sys root is allowed everything and can make nothing."""
    return folder.is_relative_to("/proc") or folder.is_relative_to("/sys")


def _in_temporary(environ: MutableMapping[str, str]) -> Path | None:
    """A folder of this user's alone among the temporary ones, the same every time; None where there cannot be one."""
    place = Path(environ.get("TMPDIR") or "/tmp", f"driftcli-matplotlib-{os.getuid()}")  # noqa: S108 - made for us alone
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = place.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return place if ours else None
