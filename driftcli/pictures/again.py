"""Images of a saved result, read once more for people to look at."""

from __future__ import annotations

from collections.abc import Mapping

from driftcli.core import threads
from driftcli.core.images import Decoded, Entry
from driftcli.core.progress import Progress
from driftcli.sources.decoding.pool import DecodePool, Extras
from driftcli.sources.decoding.settings import Decode


def shown(wanted: Mapping[str, str | None], side: int, progress: Progress) -> dict[str, bytes]:
    """By path: WebP of at most `side` pixels, without metadata, of every image that can be read.

    `wanted`: path -> the SHA-256 that its bytes must have, None for any. Others are not in what is returned.
    Raises InternalError when a worker cannot start.
    """
    if not wanted:
        return {}
    found: dict[str, bytes] = {}
    entries = [Entry(name, path=name) for name in wanted]
    progress.start("reading images", len(entries))
    with DecodePool(
        Decode(), {}, min(threads.workers("auto"), len(entries)), Extras(thumbnails=True, thumbnail_side=side)
    ) as pool:
        for image in pool.map(entries):
            progress.advance()
            if isinstance(image, Decoded) and wanted[image.name] in (None, image.content.hex()):
                found[image.name] = image.thumbnail or b""
    progress.finish()
    return {name: picture for name, picture in found.items() if picture}
