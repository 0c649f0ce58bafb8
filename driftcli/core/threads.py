"""One thread for linear algebra: the order in which several add their parts decides the last bits of a sum."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
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


@cache
def _controller() -> ThreadpoolController:
    """Finds the libraries once (a millisecond); numpy, the only one used here, has loaded its own long before."""
    import numpy as np  # noqa: F401 - its BLAS must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
