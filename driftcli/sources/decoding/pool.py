"""Files become small arrays in killable worker processes, in input order and constant memory."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import InternalError
from driftcli.core.images import Decoded, Entry, FileFacts, Skipped
from driftcli.extractors.base import Extractor
from driftcli.extractors.networks.square import Square
from driftcli.sources.decoding.cache import Known
from driftcli.sources.decoding.process import PIPE, Answer, LostError, Request, Worker
from driftcli.sources.decoding.settings import Decode
from driftcli.sources.objects.fetch import fetched

T = TypeVar("T")
_LOADER = "driftcli.core.registry"
_WINDOW = 32
"""Files in flight or waiting to be collected, per worker: decoding goes on while the caller is busy."""
_TOGETHER = 8
"""Files that a worker is asked for at a time."""
_END_SECONDS = 1.0
"""Time that threads have to see that their workers are gone."""
_WINDOW_BYTES = 64 << 20
"""Bytes of archive members that may wait at a time."""


@dataclass(frozen=True)
class Extras:
    """What workers do beside decoding and preparing."""

    thumbnails: bool = False
    """Return a small WebP of each image, too."""
    thumbnail_side: int = 160
    """Pixels of its long side."""
    pictures: bool = False
    """Return a PNG of each image that was corrupted, too."""
    follow: bool = False
    """Follow symbolic links on the way to a file."""
    square: Square | None = None
    """Prepare each image for the user's own classifier, too."""


NO_EXTRAS = Extras()


class DecodePool:
    """Decodes entries and prepares them for extractors, in processes of its own, which live as long as `with`.

    `with DecodePool(decode, extractors, workers) as pool: for item in pool.map(entries)`. A worker answers file by file, so that one that hangs or kills it costs itself only:
    it becomes Skipped(`unreadable`, `timeout` | `crashed`), and another worker is started.
    """

    def __init__(
        self,
        decode: Decode,
        extractors: Mapping[str, Extractor],
        workers: int,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self._timeout = decode.timeout
        self._largest = int(decode.max_megabytes * 2**20)
        self._count = max(1, workers)
        self._setup = {
            "decode": asdict(decode),
            "extractors": {kind: asdict(extractor) for kind, extractor in extractors.items()},  # type: ignore[call-overload]
            **asdict(extras),
            "loader": _LOADER,
        }
        self._workers: list[Worker] = []
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._threads: _Crew | None = None

    def __enter__(self) -> Self:
        try:
            for _ in range(self._count):
                worker = Worker(self._setup, self._timeout)
                self._workers.append(worker)
                self._idle.put(worker)
            self._threads = _Crew(self._count)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()
        if self._threads is not None:
            self._threads.end(_END_SECONDS)
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._threads = None

    def map(
        self, entries: Iterable[Entry | Skipped], known: Known | None = None
    ) -> Iterator[Decoded | Skipped]:
        """One answer for each entry, in their order; Skipped ones pass through.

        `known`: where to look first for what was measured of an image before (thumbnails are not kept there).

        Raises InternalError when a worker cannot start or an extractor's `prepare` raises, UsageError
        for a crop or mask that is none.
        """
        if self._threads is None:
            raise RuntimeError("a DecodePool works inside its `with` block only")
        waiting: deque[tuple[Future[list[Decoded | Skipped]], int, int]] = deque()
        files = held = 0
        try:
            for group, size in _groups(fetched(entries, self._largest), self._count):
                while waiting and (files + len(group) > _WINDOW * self._count or held + size > _WINDOW_BYTES):
                    first, count, freed = waiting.popleft()
                    files, held = files - count, held - freed
                    yield from first.result()
                files, held = files + len(group), held + size
                waiting.append((self._submit(group, known), len(group), size))
            while waiting:
                yield from waiting.popleft()[0].result()
        finally:
            for left, _, _ in waiting:
                left.cancel()

    def _submit(
        self, group: Sequence[Entry | Skipped], known: Known | None
    ) -> Future[list[Decoded | Skipped]]:
        if self._threads is None:
            raise RuntimeError("the DecodePool was closed while its answers were being read")
        return self._threads.submit(partial(self._answers, group, known))

    def _answers(self, group: Sequence[Entry | Skipped], known: Known | None) -> list[Decoded | Skipped]:
        """In a thread: some files through whichever worker is free."""
        asked = [_request(entry, known) for entry in group if isinstance(entry, Entry)]
        worker = self._idle.get()
        try:
            answers = iter(worker.ask(asked))
            return [entry if isinstance(entry, Skipped) else _answer(entry, next(answers)) for entry in group]
        except LostError as lost:  # the pool is closed
            return [Skipped(entry.name, "unreadable", lost.reason) for entry in group]
        finally:
            self._idle.put(worker)


class _Crew:
    """Threads that make one call after the other; nobody waits for them at the end for longer than asked.

    A `ThreadPoolExecutor` starts its threads while calls are submitted. Ctrl-C in the middle of that, in a program that
    uses driftcli from Python, leaves one behind that waits for ever, and the interpreter for it.
    """

    def __init__(self, count: int) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"driftcli-decode-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """What the call returns or raises, once a thread has made it."""
        future: Future[T] = Future()

        def make() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                made = call()
            except BaseException as error:  # noqa: BLE001 - the caller raises it again
                future.set_exception(error)
            else:
                future.set_result(made)

        self._calls.put(make)
        return future

    def end(self, seconds: float) -> None:
        """No more calls; wait so long for those that are being made."""
        for _ in self._threads:
            self._calls.put(None)
        until = time.monotonic() + seconds
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _groups(
    entries: Iterable[Entry | Skipped], workers: int
) -> Iterator[tuple[Sequence[Entry | Skipped], int]]:
    """Entries as they are asked together, and the bytes of their archive members: few at first, then _TOGETHER.

    The first go one by one, so that all workers begin and a caller with few files does not wait for one of them.
    """
    group: list[Entry | Skipped] = []
    length = size = begun = 0
    for entry in entries:
        data = 0 if isinstance(entry, Skipped) else len(entry.data or b"")
        long = data + 32 * len(entry.name) + 512  # of path and name, escaped, and the rest
        if group and length + long > PIPE:
            yield group, size
            group, length, size, begun = [], 0, 0, begun + 1
        group.append(entry)
        length, size = length + long, size + data
        if length > PIPE or len(group) >= min(_TOGETHER, 1 + begun // (2 * workers)):
            yield group, size
            group, length, size, begun = [], 0, 0, begun + 1
    if group:
        yield group, size


def _request(entry: Entry, known: Known | None) -> Request:
    path = entry.path if entry.data is None else None
    wanted = None if entry.corruption is None else asdict(entry.corruption)
    request: dict[str, Any] = {"name": entry.name, "path": path, "corruption": wanted, "only": entry.only}
    if known is not None and wanted is None:
        request["known"] = [known.path, known.digest]
    return request, entry.data or b""


def _answer(entry: Entry, answer: Answer | LostError) -> Decoded | Skipped:
    if isinstance(answer, LostError):
        return Skipped(entry.name, "unreadable", answer.reason)
    header, body = answer
    if "bug" in header:
        raise InternalError(
            f"preparing {entry.name!r} failed: {header['bug'][-2000:]}",
            "This is a defect of driftcli: please report it.",
        )
    if "skipped" in header:
        state, reason = header["skipped"]
        return Skipped(entry.name, state, reason)
    arrays: dict[str, NDArray[Any]] = {}
    at = 0
    for kind, dtype, shape in header["arrays"]:
        array = np.frombuffer(body, dtype, math.prod(shape), at).reshape(shape)
        arrays[kind] = array.copy()  # aligned, and it does not keep its neighbours alive
        at += array.nbytes
    return Decoded(
        name=entry.name,
        columns=entry.columns,
        content=bytes.fromhex(header["content"]),
        pixels=bytes.fromhex(header["pixels"]),
        near=header["near"],
        facts=FileFacts(**header["facts"]),
        arrays={} if header.get("known") else arrays,
        views=arrays if header.get("known") else None,
        thumbnail=body[at : at + header["thumbnail"]] or None,
        picture=body[at + header["thumbnail"] :] or None,
        seconds=header.get("seconds", {}),
    )
