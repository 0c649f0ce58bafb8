"""What happens in an actor: its own Reader, with one decode worker, makes a profile of each unit of work."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from driftcli.config.settings import Settings
from driftcli.core.errors import DriftcliError
from driftcli.core.features import State
from driftcli.core.images import Entry, Skipped
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.reading import canaries
from driftcli.reading.open_sources import ORIGIN, open_sources
from driftcli.reading.profiles import profile_file
from driftcli.reading.profiles.profile import Profile, extractors_digest, raw, taken
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime, versions
from driftcli.reading.shard import Shard


@dataclass(frozen=True)
class Order:
    """What every actor is told once."""

    settings: str
    """As JSON."""
    sources: tuple[str, ...]
    shard: Shard
    keep: int
    folder: str
    """Where relative paths begin."""
    device: str


@dataclass(frozen=True)
class Unit:
    """Some entries that were listed, or a whole source whose entries are bytes."""

    number: int
    entries: tuple[Entry, ...] = ()
    source: int | None = None


@dataclass(frozen=True)
class Made:
    """What became of a unit: its profile, or the error that it ended in.

    An error is a value: exceptions of ours do not survive the way between processes.
    """

    profile: bytes
    error: tuple[str, str, str] | None
    """Kind, what, hint."""
    host: str


class Actor:
    """Asked by Ray for units, one at a time; started again by it when it was killed."""

    def __init__(self, order: Order, given: tuple[Mapping[str, State], State]) -> None:
        """`given`: the extractors' states and the canaries; a node has them once, in shared memory."""
        states, canary = given
        settings = Settings.model_validate_json(order.settings)
        settings = settings.model_copy(update={"workers": 1, "device": order.device})
        extractors = {kind: getattr(settings.extractors, kind) for kind in settings.extractors.methods}
        self._order, self._settings = order, settings
        self._reader = Reader(settings, extractors, states, make_runtime(settings))
        self._reader.__enter__()
        self._digest = extractors_digest(settings, extractors, states)
        self._canary = canaries.seen_by(self._reader, canary)

    def measure(self, unit: Unit) -> Made:
        """The unit's profile, or its error."""
        host = os.uname().nodename
        try:
            return Made(profile_file.encode(self._profile(unit)), None, host)
        except DriftcliError as error:
            return Made(b"", (type(error).__name__, error.what, error.hint), host)

    def _profile(self, unit: Unit) -> Profile:
        entries = self._listed(unit.entries) if unit.source is None else self._of_source(unit.source)
        reading, columns, origin = taken(self._reader.read_entries(entries, self._order.keep, "", raw))
        return Profile(
            extractors=self._digest,
            sources=self._order.sources,
            shard=Shard(),
            input={},
            keep=self._order.keep,
            created=now_utc(),
            versions=versions(),
            canary=self._canary,
            reading=reading,
            columns=columns,
            origin=origin,
        )

    def _listed(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """With paths that are right here: those of the driver begin in its folder."""
        for entry in entries:
            yield (
                entry
                if entry.path is None
                else replace(entry, path=os.path.join(self._order.folder, entry.path))
            )

    def _of_source(self, number: int) -> Iterator[Entry | Skipped]:
        """What a source offers, under the names that it has where it was named."""
        spec = self._order.sources[number]
        here = spec if "://" in spec else os.path.join(self._order.folder, spec)
        for item in open_sources([here], self._settings.input, shard=self._order.shard):
            name = spec + item.name.removeprefix(here)
            if isinstance(item, Entry):
                yield replace(item, name=name, columns={**item.columns, ORIGIN: str(number)})
            else:
                yield replace(item, name=name)


def where(host: str) -> str:
    """A node in words."""
    return f"the node {safe_name(host)}"
