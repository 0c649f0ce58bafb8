"""How many threads torch uses: one for small statistics, where waiting costs more than the sums."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

SMALL = 3_000
"""Images up to which one thread is faster than several (and unhurt by a busy machine)."""


@contextmanager
def for_images(count: int) -> Iterator[None]:
    """One thread while the statistics of at most `SMALL` images are computed; otherwise all."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1 if count <= SMALL else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
