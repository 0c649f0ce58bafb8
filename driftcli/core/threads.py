"""One thread for linear algebra: the order in which several add their parts decides the last bits of a sum."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
AUTO = 16
"""Decode workers at most, where nobody says how many."""
WORKER_BYTES = 128 << 20
"""What a decode worker needs: 60 MB for its libraries, the rest for a large photograph."""


def single(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, while which numpy's BLAS has one thread, whatever the caller or the machine has set.

    The statistics so have the same bits on one core and on sixteen. Several threads would not be faster: the products
    here are narrow strips that stay near one core's cache.
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone


def side_by_side(function: Callable[[T], R], items: Iterable[T], most: int = 16) -> Iterator[R]:
    """`function` of every item, in their order, as many at a time as there are usable cores, and no more than `most`.

    For work that is mostly numpy's, which lets go of the interpreter's lock. Each item has one thread: whoever asks for a
    single one inside finds it so, and cannot lift the limit, which is the whole process's, over others' heads.
    """
    from concurrent.futures import ThreadPoolExecutor

    with (
        _controller().limit(limits=1, user_api="blas"),
        ThreadPoolExecutor(min(most, cores())) as pool,
    ):
        yield from pool.map(function, items)


def cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(asked: int | Literal["auto"]) -> int:
    """How many decode workers the setting means; `auto`: one a usable core, at most 16.

    More than `most_workers` are never started: they would wait for each other, or for memory that is not there. No result
    depends on their number.
    """
    return min(most_workers(), min(AUTO, cores()) if asked == "auto" else asked)


def most_workers() -> int:
    """How many decode workers this machine has cores and free memory for: 16 or four a core, WORKER_BYTES each; at least 1."""
    by_memory = max(1, _free_memory() // WORKER_BYTES)
    return min(max(AUTO, 4 * cores()), by_memory)


def _free_memory() -> int:
    """Bytes that could be used now, as far as the system tells (Linux): the machine's, or the container's limit if that is less."""
    found = [1 << 60]
    with suppress(OSError, ValueError, IndexError):
        known = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(int(known["MemAvailable"].split()[0]) << 10)
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max": none
            found.append(int(Path(limit).read_text()))
    return min(found)


@cache
def _controller() -> ThreadpoolController:
    """Finds the libraries once (a millisecond); numpy, the only one used here, has loaded its own long before."""
    import numpy as np  # noqa: F401 - its BLAS must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
