"""What must not stay behind when the process ends without unwinding, as after a signal.

`with` and `finally` clean up where a program comes to its end by itself. What leaves something outside of the process
(files in the making, a lock, other processes) is registered here as well, so that whoever ends the process at once
(`driftcli.cli._signals`) can undo it from wherever the program is. Nothing here takes a lock: the thread that holds
one may never run again. Whoever uses driftcli from Python ends the usual way, and nothing here is ever called.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_UNDO: dict[int, Callable[[], object]] = {}
_NUMBERS = count()
_MAKING: deque[Path] = deque(maxlen=256)
"""The latest names of files in the making. One that was renamed since is gone, and nobody else takes such a name."""


@contextmanager
def undone(action: Callable[[], object]) -> Iterator[None]:
    """`action` is called if the process is ended while the block runs; a block that ends, in whatever way, cleans up itself."""
    number = next(_NUMBERS)
    _UNDO[number] = action
    try:
        yield
    finally:
        _UNDO.pop(number, None)


def in_the_making(path: Path) -> None:
    """A name that nobody else has is about to be made here, a file or a folder, and renamed when it is complete."""
    _MAKING.append(path)


def undo_all() -> None:
    """Ends all processes that this one started, removes what is in the making, and undoes the rest, the latest first.

    What fails is left as it is: the process is about to end.
    """
    for child in children():
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    for action in reversed(list(_UNDO.values())):
        with suppress(Exception):
            action()
    for path in list(_MAKING):
        with suppress(OSError):
            _remove(path)


def children() -> list[int]:
    """The processes that this one has started and that are still there, where the system tells (Linux)."""
    found: list[int] = []
    with suppress(OSError, ValueError):
        for thread in os.scandir("/proc/self/task"):
            with open(f"{thread.path}/children", "rb") as file:  # noqa: PTH123 - as little as possible
                found += map(int, file.read().split())
    return found


def _remove(path: Path) -> None:
    """A file, or a folder with all that is in it; links are removed, not followed."""
    try:
        path.unlink()
    except (IsADirectoryError, PermissionError):  # macOS says that a folder may not be unlinked
        for inside in path.iterdir():
            _remove(inside)
        path.rmdir()
