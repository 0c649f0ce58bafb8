"""An object as a file: read in blocks that are fetched ahead, each again where it did not come whole."""

from __future__ import annotations

import io
import os
from concurrent.futures import Future
from functools import partial
from typing import Any

from driftcli.core.addresses import scheme, shown
from driftcli.sources.objects.asking import Fault, answered, ask, not_there, patiently, submit
from driftcli.sources.objects.fetch import Facts, wanted
from driftcli.sources.objects.store import library, split, store

_FIRST = 256 << 10
_LARGEST = 4 << 20
"""Bytes of the first block after a jump, and of the largest: they double while reading goes straight on."""


def opened(path: str) -> io.BufferedReader:
    """A file of this machine, or an object of a server, to be read as bytes.

    Raises OSError for the one; UsageError and NotAuditedError for the other, also later, while it is read.
    """
    return io.BufferedReader(_Object(path), 64 << 10) if scheme(path) else open(path, "rb")


def last_changed(file: io.BufferedReader) -> float:
    """When what `opened` opened was last changed, seconds since the epoch."""
    raw = file.raw
    return raw.facts.modified if isinstance(raw, _Object) else os.fstat(file.fileno()).st_mtime


class _Object(io.RawIOBase):
    """Two blocks in memory: the one that is read, and the next while reading goes straight on.

    All of them come from the object as it was when it was opened, or NotAuditedError is raised. A server that gives no
    parts of files is read from beginning to end and nowhere else.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        root, self._key = split(address)
        self._place = store(root)
        self._shown = shown(address)
        self._at = self._start = 0
        self._block = b""
        self._step = _FIRST
        self._ahead: tuple[int, Future[bytes]] | None = None
        self._whole: _Whole | None = None
        self.facts = self._opened()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """So it says; where the server gives no parts, a jump raises NotAuditedError, which says what to do."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new position; nothing is fetched yet."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.facts.size}[whence]
        if self._whole is not None and base + offset != self._at:
            raise not_there(self._shown, Fault("ranges"))
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """How many bytes it wrote into the buffer; 0 at the end."""
        if self._at >= self.facts.size:
            return 0
        if not self._start <= self._at < self._start + len(self._block):
            try:
                self._load()
            except Fault as fault:
                raise not_there(self._shown, fault) from fault
        view = memoryview(buffer).cast("B")
        inside = self._at - self._start
        piece = self._block[inside : inside + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        """Nothing is fetched any more."""
        self._forget()
        super().close()

    def _opened(self) -> Facts:
        """Pins the object with its first block."""
        try:
            try:
                found, self._block = ask(patiently(partial(_part, self._place, self._key, None, (0, _FIRST))))
            except Fault as fault:
                if fault.reason not in {"ranges", "empty"}:
                    raise
                self._whole = _Whole(self._place, self._key)
                found = self._whole.open()
        except Fault as fault:
            raise not_there(self._shown, fault) from fault
        return found

    def _load(self) -> None:
        """The block at the position, and another on its way where reading goes straight on."""
        if self._whole is not None:
            self._start, self._block = self._at, self._whole.piece()
            return
        straight = self._at == self._start + len(self._block)
        self._step = min(2 * self._step, _LARGEST) if straight else _FIRST
        if self._ahead is not None and self._ahead[0] == self._at:
            block = answered(self._ahead[1])
        else:
            self._forget()
            block = ask(self._part(self._at))
        self._start, self._block, self._ahead = self._at, block, None
        after = self._start + len(block)
        if straight and after < self.facts.size:
            self._ahead = (after, submit(self._part(after)))

    async def _part(self, start: int) -> bytes:
        end = min(start + self._step, self.facts.size)
        return (await patiently(partial(_part, self._place, self._key, self.facts, (start, end))))[1]

    def _forget(self) -> None:
        ahead, self._ahead = getattr(self, "_ahead", None), None
        if ahead is not None:
            ahead[1].cancel()


async def _part(place: Any, key: str, pinned: Facts | None, span: tuple[int, int]) -> tuple[Facts, bytes]:
    """A part of the pinned object. Raises Fault."""
    condition = wanted(pinned.etag) if pinned else {}
    answer = await library().get_async(place, key, options={"range": span, **condition})
    now = Facts.of(answer.meta)
    if pinned is not None and now != pinned:
        raise Fault("changed")
    wanted_bytes, data = min(span[1], now.size) - span[0], bytearray()
    async for piece in answer.stream(min_chunk_size=_LARGEST):
        data += piece
        if len(data) > wanted_bytes:
            raise Fault("refused", "more came than was asked for")
    if len(data) != wanted_bytes:
        raise Fault("unreachable", "a part came short")
    return now, bytes(data)


class _Whole:
    """An object from beginning to end; where it breaks off, once more, passing over what was read."""

    def __init__(self, place: Any, key: str) -> None:
        self._place, self._key = place, key
        self._pieces: Any = None
        self._facts: Facts | None = None
        self._at = self._passed = 0

    def open(self) -> Facts:
        """What the server says of it. Raises Fault."""
        return ask(patiently(self._begin))

    def piece(self) -> bytes:
        """The next bytes, some 256 KiB; never none before the end. Raises Fault."""
        return ask(patiently(self._next))

    async def _begin(self) -> Facts:
        answer = await library().get_async(self._place, self._key)
        now = Facts.of(answer.meta)
        if self._facts is not None and now != self._facts:
            raise Fault("changed")
        self._pieces, self._facts, self._passed = answer.stream(min_chunk_size=_FIRST), now, 0
        return now

    async def _next(self) -> bytes:
        if self._pieces is None:
            await self._begin()
        pieces, self._pieces = self._pieces, None  # what fails is not gone on with
        while True:
            try:
                data = bytes(await anext(pieces))
            except StopAsyncIteration:
                raise Fault("unreachable", "it ended too early") from None
            before, self._passed = self._passed, self._passed + len(data)
            if self._passed > self._at:
                break
        new = data[self._at - before :]
        self._at = self._passed
        self._pieces = pieces
        return new
