"""Images of a saved result, read once more for people to look at."""

from __future__ import annotations

from collections.abc import Iterable

from driftcli.core import threads
from driftcli.core.images import Decoded, Entry
from driftcli.core.progress import Progress
from driftcli.sources.decoding.pool import DecodePool, Extras
from driftcli.sources.decoding.settings import Decode


def shown(paths: Iterable[str], side: int, progress: Progress) -> dict[str, tuple[str, bytes]]:
    """By path, of every image that can be read: SHA-256 of its bytes, and WebP of at most `side` pixels without metadata.

    Raises InternalError when a worker cannot start.
    """
    entries = [Entry(name, path=name) for name in dict.fromkeys(paths)]
    found: dict[str, tuple[str, bytes]] = {}
    if not entries:
        return found
    progress.start("reading images", len(entries))
    with DecodePool(
        Decode(), {}, min(threads.workers("auto"), len(entries)), Extras(thumbnails=True, thumbnail_side=side)
    ) as pool:
        for image in pool.map(entries):
            progress.advance()
            if isinstance(image, Decoded) and image.thumbnail:
                found[image.name] = image.content.hex(), image.thumbnail
    progress.finish()
    return found
