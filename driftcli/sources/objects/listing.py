"""What lies below a prefix: a stream that goes on where it broke off, or ends the audit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from driftcli.core.images import Remote
from driftcli.sources.objects.asking import PAUSES, Fault, ask, fault_of
from driftcli.sources.objects.fetch import Facts
from driftcli.sources.objects.store import library, split, store

_PAGE = 1000


def listing(address: str, page: int = _PAGE) -> Iterator[tuple[Remote, float]]:
    """Every object below the address, and when it was last changed, in the byte order of the keys.

    `page`: so many come at a time, and no more are in memory. A page that does not come is asked for again, from the last key on. Raises Fault when
    it never comes, UsageError as `store`.
    """
    root, prefix = split(address)
    place = store(root)
    last: str | None = None
    pauses = iter(PAUSES)
    while True:
        try:
            for meta in _pages(place, prefix, last, page):
                seen = Facts.of(meta)
                last = meta["path"]
                pauses = iter(PAUSES)
                yield Remote(f"{root}/{last}", seen.size, seen.etag), seen.modified
        except Fault as fault:
            pause = next(pauses, None) if fault.reason == "unreachable" else None
            if pause is None:
                raise
            time.sleep(pause)
        else:
            return


def _pages(place: Any, prefix: str, after: str | None, page: int) -> Iterator[Any]:
    """What the library knows of each object after a key. Raises Fault."""
    try:
        stream = library().list(place, prefix=prefix or None, offset=after, chunk_size=page)
    except ValueError as error:
        raise fault_of(error) from error
    while (found := ask(_next(stream))) is not None:
        yield from found


async def _next(stream: Any) -> Any:
    """The next page; None after the last."""
    try:
        return await anext(stream)
    except StopAsyncIteration:
        return None
    except Exception as error:
        raise fault_of(error) from error
