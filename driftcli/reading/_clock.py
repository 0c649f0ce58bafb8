"""Where the time of one pass over the sources goes: in this process by the clock, in the workers by their own account."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from driftcli.core.images import Decoded
from driftcli.core.stages import in_workers

T = TypeVar("T")
_STEPS = {"read": "reading", "decode": "decoding", "hash": "hashing", "prepare": "preparing"}
"""A worker's word for what it does with a file, and a reader's."""


class Clock:
    """Seconds and images by part of a pass; whatever is between the parts is not counted."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {"listing": 0.0, "waiting for workers": 0.0}
        self._count: dict[str, int] = {}
        self._workers: dict[str, float] = {}

    @contextmanager
    def at(self, part: str, images: int) -> Iterator[None]:
        """What happens inside belongs to this part."""
        began = time.perf_counter()
        yield
        self._add(part, time.perf_counter() - began, images)

    def timed(self, part: str, items: Iterable[T]) -> Iterator[T]:
        """The same items; the time until each comes belongs to this part."""
        remaining = iter(items)
        while True:
            began = time.perf_counter()
            try:
                item = next(remaining)
            except StopIteration:
                return
            finally:
                self._add(part, time.perf_counter() - began, 0)
            self._count[part] += 1
            yield item

    def watch(self, items: Iterable[Decoded]) -> Iterator[Decoded]:
        """The same images; waiting for them, less the listing within, is a part, and each brings its worker's account."""
        remaining = iter(items)
        while True:
            began, listed = time.perf_counter(), self._seconds["listing"]
            item = next(remaining, None)
            waited = time.perf_counter() - began - (self._seconds["listing"] - listed)
            self._add("waiting for workers", waited, 0 if item is None else 1)
            if item is None:
                return
            for step, seconds in item.seconds.items():
                self._workers[step] = self._workers.get(step, 0.0) + seconds
            yield item

    def parts(self) -> list[tuple[str, float, int]]:
        """Part, seconds, images; what workers did last, summed over them."""
        images = self._count.get("waiting for workers", 0)
        return [
            *((part, seconds, self._count.get(part, 0)) for part, seconds in self._seconds.items()),
            *((in_workers(_STEPS.get(step, step)), s, images) for step, s in self._workers.items()),
        ]

    def _add(self, part: str, seconds: float, images: int) -> None:
        self._seconds[part] = self._seconds.get(part, 0.0) + seconds
        self._count[part] = self._count.get(part, 0) + images
