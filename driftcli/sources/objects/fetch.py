"""Objects as bytes: one whole, a part of one, what a server says of one, and many ahead of whoever decodes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from driftcli.core.files import Refused
from driftcli.core.images import Entry, Remote, Skipped
from driftcli.sources.objects.asking import Fault, answered, ask, not_there, patiently, submit
from driftcli.sources.objects.store import library, split, store

_WINDOW = 48
"""Objects that are fetched, or wait to be taken, at a time."""
_WINDOW_BYTES = 48 << 20
_LOST = 48
"""So many in a row that cannot be reached: the server is gone."""
_UNKNOWN = 1 << 20
"""Bytes that an object counts whose size no listing gave."""
_REASONS = {"permission": "permission", "credentials": "permission", "missing": "missing", "path": "missing"}


@dataclass(frozen=True)
class Facts:
    """What a server says of an object: whoever reads it in parts wants all of them of the same one."""

    size: int
    etag: str | None
    modified: float

    @staticmethod
    def of(meta: Any) -> Facts:
        """The library's words in ours."""
        return Facts(int(meta["size"]), meta["e_tag"], meta["last_modified"].timestamp())


def facts(address: str) -> Facts:
    """What the server says of an object, of which nothing is read. Raises Fault, UsageError."""
    root, key = split(address)
    return ask(patiently(partial(_facts, store(root), key)))


async def _facts(place: Any, key: str) -> Facts:
    """By a GET whose body is not read: an address that is signed for GET answers no HEAD."""
    return Facts.of((await library().get_async(place, key)).meta)


def wanted(etag: str | None) -> dict[str, str]:
    """The condition under which bytes are wanted; a weak mark (W/) is never equal in the sense of If-Match."""
    return {} if etag is None or etag.startswith("W/") else {"if_match": etag}


def fetched(entries: Iterable[Entry | Skipped], most: int) -> Iterator[Entry | Skipped]:
    """The entries in their order, remote ones with their bytes; some are fetched ahead while the caller is busy.

    At most 48 objects and 48 MiB wait at a time. What cannot be fetched becomes Skipped: `missing`, `permission`,
    `unreachable` after all tries, `too_large` above `most` bytes, `changed` since it was listed. Raises
    NotAuditedError after 48 unreachable ones in a row, UsageError where the extra is missing.
    """
    waiting: deque[tuple[Entry | Skipped | Future[Entry | Skipped], int]] = deque()
    held, patience = 0, _Patience()
    try:
        for entry in entries:
            if isinstance(entry, Skipped) or entry.remote is None:
                if not waiting:
                    yield entry
                    continue
                item: Entry | Skipped | Future[Entry | Skipped] = entry
                size = 0
            else:
                size = _UNKNOWN if entry.remote.size is None else min(entry.remote.size, most)
                while waiting and (len(waiting) >= _WINDOW or held + size > _WINDOW_BYTES):
                    first, freed = waiting.popleft()
                    held -= freed
                    yield patience.taken(first)
                item = submit(_entry(entry, entry.remote, most, store(split(entry.remote.address)[0])))
                held += size
            waiting.append((item, size))
        while waiting:
            yield patience.taken(waiting.popleft()[0])
    finally:
        for left, _ in waiting:
            if isinstance(left, Future):
                left.cancel()


def arrived(entry: Entry, most: int) -> Entry:
    """One remote entry with its bytes. Raises Refused with the reasons that `fetched` gives."""
    found = next(fetched([entry], most))
    if isinstance(found, Skipped):
        raise Refused(found.reason, found.state)
    return found


class _Patience:
    """Ends the audit where the server is gone: each object would be waited for, for a result that is none."""

    def __init__(self) -> None:
        self._lost = 0

    def taken(self, item: Entry | Skipped | Future[Entry | Skipped]) -> Entry | Skipped:
        """The item, when it is there. Raises NotAuditedError."""
        if not isinstance(item, Future):
            return item
        found = answered(item)
        lost = isinstance(found, Skipped) and found.reason == "unreachable"
        self._lost = self._lost + 1 if lost else 0
        if self._lost >= _LOST:
            raise not_there(found.name, Fault("unreachable", f"nor could {_LOST - 1} before it"))
        return found


async def _entry(entry: Entry, remote: Remote, most: int, place: Any) -> Entry | Skipped:
    if remote.size is not None and remote.size > most:
        return Skipped(entry.name, "unreadable", "too_large")
    try:
        data = await patiently(partial(_whole, place, split(remote.address)[1], remote, most))
    except Fault as fault:
        if fault.reason == "changed":
            return Skipped(entry.name, "changed", "changed")
        return Skipped(entry.name, "unreadable", _REASONS.get(fault.reason, "unreachable"))
    if data is None:
        return Skipped(entry.name, "unreadable", "too_large")
    return replace(entry, data=data, remote=None)


async def _whole(place: Any, key: str, remote: Remote, most: int) -> bytes | None:
    """All bytes of the object that was listed, and of no other; None where they are too many. Raises Fault."""
    answer = await library().get_async(place, key, options=wanted(remote.etag))
    now = Facts.of(answer.meta)
    if (remote.etag is not None and now.etag != remote.etag) or (
        remote.size is not None and now.size != remote.size
    ):
        raise Fault("changed")
    if now.size > most:
        return None
    data = bytes(await answer.bytes_async())
    if len(data) != now.size:
        raise Fault("unreachable", f"{len(data)} bytes of {now.size}")
    return data
