"""What the sources of one command offer, once and once more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Sized

from driftcli.config.settings import Settings
from driftcli.core.addresses import scheme
from driftcli.core.images import Entry, Remote, Skipped
from driftcli.reading.open_sources import open_sources
from driftcli.reading.profiles.again import images_again
from driftcli.reading.profiles.named import divided
from driftcli.reading.shard import Shard
from driftcli.sources.base import ImageSource
from driftcli.sources.objects.fetch import fetched


def entries_of(
    specs: Sequence[str], settings: Settings, shard: Shard | None = None
) -> Iterable[Entry | Skipped]:
    """The entries of all sources, in their order; `-0` is standard input whose paths end in NUL.

    `shard`: as of `open_sources`. Raises as it does.
    """
    named = ["-" if spec == "-0" else str(spec) for spec in specs]
    return open_sources(named, settings.input, nul="-0" in specs, shard=shard)


def known_count(entries: Iterable[Entry | Skipped]) -> int | None:
    """How many there are, where that is known before any is read."""
    if isinstance(entries, ImageSource):
        return entries.count()
    return len(entries) if isinstance(entries, Sized) else None


def entries_again(specs: Sequence[str], settings: Settings, names: Collection[str]) -> Iterator[Entry]:
    """The entries with these names, from sources that were read before; those on a server with their bytes.

    For few images, which some read more than once. Standard input cannot be read twice: there a name is a path. What a
    server does not give again is left out. Of a profile, those that are at hand as they were.
    """
    most = int(settings.decode.max_megabytes * 2**20)
    yield from (item for item in fetched(_named(specs, settings, names), most) if isinstance(item, Entry))


def _named(specs: Sequence[str], settings: Settings, names: Collection[str]) -> Iterator[Entry]:
    left = set(names)
    specs, files = divided(specs)
    if files:
        for profiled in images_again(files, left):
            left.discard(profiled.name)
            yield profiled
        if not specs:
            return
    if any(spec in {"-", "-0"} for spec in specs):
        yield from (_by_name(name) for name in sorted(left))
        return
    offered: Iterable[Entry | Skipped] = entries_of(specs, settings)
    for entry in offered:
        if not left:
            return
        if isinstance(entry, Entry) and entry.name in left:
            left.remove(entry.name)
            yield entry


def _by_name(name: str) -> Entry:
    return Entry(name, remote=Remote(name)) if scheme(name) else Entry(name, path=name)
