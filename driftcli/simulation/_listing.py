"""Entries with the places they keep in a copy; listed first where the set itself is to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from driftcli.config.settings import Settings
from driftcli.core.addresses import shown
from driftcli.core.images import Entry, Skipped
from driftcli.reading.open_sources import open_sources, prefix


@dataclass(frozen=True)
class Offer:
    """An entry, and where its image goes in the copy."""

    entry: Entry
    inside: str
    """Path relative to the copy."""
    foreign: bool = False
    """It takes the place of an image of the sources."""


def offers_of(sources: Sequence[str], settings: Settings) -> Iterator[Offer | Skipped]:
    """All entries with their relative paths; of several sources, each in a folder of its own."""
    wanted = settings.input.model_copy(update={"limit": None})
    left = settings.input.limit
    for name in sources:
        before = prefix(name)
        below = f"{Path(shown(name)).name}/" if len(sources) > 1 else ""
        for item in open_sources([name], wanted):
            if isinstance(item, Skipped):
                yield item
                continue
            if left == 0:
                return
            left = None if left is None else left - 1
            yield Offer(item, below + item.name.removeprefix(before))


class Listed:
    """What sources offer, without the bytes of archive members: those are read again when they are wanted."""

    def __init__(self, sources: Sequence[str], settings: Settings) -> None:
        self._sources, self._settings = sources, settings
        self._bytes = False
        self.offers: list[Offer] = []
        self.skipped: list[Skipped] = []
        for offer in offers_of(sources, settings):
            if isinstance(offer, Skipped):
                self.skipped.append(offer)
                continue
            self._bytes |= offer.entry.data is not None
            self.offers.append(replace(offer, entry=replace(offer.entry, data=None)))

    def at(self, positions: Sequence[int]) -> Iterator[Offer]:
        """The offers at these (sorted) positions."""
        if not self._bytes:
            yield from (self.offers[i] for i in positions)
            return
        wanted = set(positions)
        again = offers_of(self._sources, self._settings)
        offers = (offer for offer in again if isinstance(offer, Offer))
        yield from (offer for i, offer in enumerate(offers) if i in wanted)
