"""Files become small arrays in killable worker processes, in input order and constant memory."""

from __future__ import annotations

import math
import queue
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import InternalError
from driftcli.core.images import Decoded, Entry, FileFacts, Skipped
from driftcli.extractors.base import Extractor
from driftcli.sources.decoding.cache import Known
from driftcli.sources.decoding.process import LostError, Worker
from driftcli.sources.decoding.settings import Decode

_LOADER = "driftcli.core.registry"
_WINDOW = 32
"""Files in flight or waiting to be collected, per worker: decoding goes on while the caller is busy."""
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


NO_EXTRAS = Extras()


class DecodePool:
    """Decodes entries and prepares them for extractors, in processes of its own, which live as long as `with`.

    `with DecodePool(decode, extractors, workers) as pool: for item in pool.map(entries)`. One file at a time in each worker, so that a file that hangs or kills its worker costs itself only:
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
        self._count = max(1, workers)
        self._setup = {
            "decode": asdict(decode),
            "extractors": {kind: asdict(extractor) for kind, extractor in extractors.items()},  # type: ignore[call-overload]
            **asdict(extras),
            "loader": _LOADER,
        }
        self._workers: list[Worker] = []
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        try:
            for _ in range(self._count):
                worker = Worker(self._setup, self._timeout)
                self._workers.append(worker)
                self._idle.put(worker)
            self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="driftcli-decode")
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
            self._threads.shutdown(wait=True, cancel_futures=True)
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
        waiting: deque[tuple[Future[Decoded | Skipped] | Skipped, int]] = deque()
        held = 0
        try:
            for entry in entries:
                size = 0 if isinstance(entry, Skipped) else len(entry.data or b"")
                while waiting and (len(waiting) >= _WINDOW * self._count or held + size > _WINDOW_BYTES):
                    first, freed = waiting.popleft()
                    held -= freed
                    yield first if isinstance(first, Skipped) else first.result()
                held += size
                waiting.append((entry if isinstance(entry, Skipped) else self._submit(entry, known), size))
            while waiting:
                first, _ = waiting.popleft()
                yield first if isinstance(first, Skipped) else first.result()
        finally:
            for left, _ in waiting:
                if not isinstance(left, Skipped):
                    left.cancel()

    def _submit(self, entry: Entry, known: Known | None) -> Future[Decoded | Skipped]:
        if self._threads is None:
            raise RuntimeError("the DecodePool was closed while its answers were being read")
        return self._threads.submit(self._one, entry, known)

    def _one(self, entry: Entry, known: Known | None) -> Decoded | Skipped:
        """In a thread: one file through whichever worker is free."""
        worker = self._idle.get()
        path = entry.path if entry.data is None else None
        try:
            wanted = None if entry.corruption is None else asdict(entry.corruption)
            request: dict[str, Any] = {"name": entry.name, "path": path, "corruption": wanted}
            if known is not None and wanted is None:
                request["known"] = [known.path, known.digest]
            header, body = worker.ask(request, entry.data or b"")
        except LostError as lost:
            return Skipped(entry.name, "unreadable", lost.reason)
        finally:
            self._idle.put(worker)
        return _answer(entry, header, body)


def _answer(entry: Entry, header: Mapping[str, Any], body: bytes) -> Decoded | Skipped:
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
