"""One thread for linear algebra: the order in which several add their parts decides the last bits of a sum."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


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


@single
def side_by_side(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The function of every item, in their order; as many at a time as there are cores.

    Each call has a thread to itself and BLAS one, so that its numbers are those that it would give alone.
    """
    workers = min(len(items), cores())
    if workers <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers, "driftcli-side") as pool:
        return list(pool.map(function, items))


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _controller() -> ThreadpoolController:
    """Finds the libraries once (a millisecond); numpy, the only one used here, has loaded its own long before."""
    import numpy as np  # noqa: F401 - its BLAS must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
