"""Sources become features: decode in workers, extract in micro-batches, keep the ledger."""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Settings
from driftcli.core.features import Features, State
from driftcli.core.images import Decoded, Entry, FileFacts, Ledger, Skipped
from driftcli.core.progress import SILENT, Progress
from driftcli.extractors.base import Extractor, Runtime
from driftcli.extractors.base import views as declared_views
from driftcli.reading import holdings
from driftcli.reading.entries import entries_of, known_count
from driftcli.reading.keys import KeyFunction, capture_time, key_function
from driftcli.reading.ledger import Tally
from driftcli.sources.decoding.pool import NO_EXTRAS, DecodePool, Extras

CHUNK = 64
"""Images handed to the extractors at a time; a multiple of every micro-batch."""


@dataclass(frozen=True)
class Reading:
    """All that one pass over the sources gave: features of the images kept, and what became of every entry."""

    features: Features
    """The images with the lowest content hashes, at most `keep`."""
    ledger: Ledger
    skipped: tuple[Skipped, ...]
    unreadable_share: float
    """Unreadable files among the entries that look like images."""
    contents: NDArray[np.bytes_]
    """Sorted content hashes of *all* used images."""
    seen: NDArray[np.uint64]
    """Sorted pixel hashes of all used images."""
    prepared: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """Prepared images of the extractors that still have to learn, row for row with `features`."""
    facts: tuple[FileFacts, ...] = ()
    thumbnails: tuple[bytes, ...] = ()
    columns: frozenset[str] = frozenset()
    """Names of the manifests' columns that any used image has."""

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted (content hash, count) pairs (contract: digest)."""
        return digest(self.contents)

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences for the report on images that could not be read, or were skipped and need not be."""
        count = self.ledger.skipped.get("heic_needs_extra", 0)
        heic = f"{count} HEIC images were skipped: pip install 'driftcli[heif]' to read them"
        bad, images = self.failed, self.failed + self.ledger.used
        lost = f"{bad:,} of {images:,} images could not be read: {self.failed_by_name}"
        return (*([lost] if bad else []), *([heic] if count else []))

    @property
    def failed(self) -> int:
        """How many entries look like images and could not be read, or changed while they were."""
        return sum(self.ledger.unreadable.values()) + self.ledger.changed

    @property
    def failed_by_name(self) -> str:
        """The first of them with their reasons."""
        return holdings.named(holdings.failed(self.skipped), self.failed)

    @property
    def unlisted(self) -> tuple[str, ...]:
        """Folders whose files nobody could list."""
        return tuple(item.name for item in self.skipped if item.reason.startswith(holdings.UNLISTED))

    @property
    def distinct(self) -> int:
        """How many images differ in their pixels."""
        return len(np.unique(self.seen))


def digest(contents: NDArray[np.bytes_]) -> str:
    """SHA-256, in hexadecimal, over the sorted (content hash, count) pairs of S64[n]: names a set of images."""
    sha = hashlib.sha256()
    for value, count in zip(*np.unique(contents, return_counts=True), strict=True):
        sha.update(b"%s %d\n" % (value, count))
    return sha.hexdigest()


@dataclass
class Reader:
    """Reads images with one set of extractors; the decode workers live as long as the `with` block."""

    settings: Settings
    extractors: Mapping[str, Extractor]
    states: Mapping[str, State]
    runtime: Runtime
    thumbnails: bool = False
    progress: Progress = SILENT
    thumbnail_side: int = NO_EXTRAS.thumbnail_side
    only: tuple[str, ...] | None = None
    """The kinds that workers prepare for (`Entry.only`): of a reader that `narrowed` made."""

    def narrowed(self, kinds: Collection[str]) -> Reader:
        """One with these extractors alone, and no thumbnails, for images that were read before.

        It shares the workers, which decode as for all extractors, and lives as long as the `with` block of this one.
        """
        narrow = copy.copy(self)
        narrow.extractors = {kind: e for kind, e in self.extractors.items() if kind in kinds}
        narrow.thumbnails, narrow.only = False, tuple(narrow.extractors)
        return narrow

    def __enter__(self) -> Self:
        workers = self.settings.workers
        self._pool = DecodePool(
            self.settings.decode,
            self.extractors,
            default_workers() if workers == "auto" else workers,
            Extras(self.thumbnails, self.thumbnail_side, follow=self.settings.input.follow),
        )
        self._pool.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def read(self, specs: Sequence[str], keep: int, stage: str, group: str | None = None) -> Reading:
        """Read all images of the sources once; keep the features of the `keep` with the lowest content hashes.

        `stage`: what progress says meanwhile. `group`: a group name for all images of this pass, in place of
        `--group-by`. Raises as `open_sources`, and InternalError when a decode worker cannot start.
        """
        return self.read_entries(entries_of(specs, self.settings), keep, stage, group)

    def read_entries(
        self,
        entries: Iterable[Entry | Skipped],
        keep: int,
        stage: str,
        group: str | None = None,
        total: int | None = None,
    ) -> Reading:
        """As `read`, for entries at hand; `total`: how many, where they cannot tell."""
        tally, table = Tally(), Table(keep, self._keys(group), tuple(self.extractors.values()))
        self.progress.start(stage, known_count(entries) if total is None else total)
        spent, count = 0.0, 0
        for chunk in _chunks(tally.watch(self._pool.map(self._counted(entries)))):
            began = time.monotonic()
            views, prepared = self._extract(chunk)
            spent, count = spent + time.monotonic() - began, count + len(chunk)
            for i, item in enumerate(chunk):
                row = {name: x[i] for name, x in views.items()}
                if finite(row):
                    table.add(item, row, {name: x[i] for name, x in prepared.items()})
                else:
                    tally.withdraw(item.name, "nonfinite")
        self.progress.took("networks and measuring", spent, count)
        self.progress.finish()
        return table.reading(tally)

    def decoded(self, entries: Iterable[Entry | Skipped]) -> Iterator[Decoded]:
        """The images that can be read, in their order, prepared and nothing more: for few images.

        Each is a step of the stage that the caller began.
        """
        for item in self._pool.map(self._counted(entries)):
            if isinstance(item, Decoded):
                yield item

    def _counted(self, entries: Iterable[Entry | Skipped]) -> Iterator[Entry | Skipped]:
        for entry in entries:
            self.progress.advance(1)
            if self.only is not None and isinstance(entry, Entry):
                yield replace(entry, only=self.only)
            else:
                yield entry

    def _extract(
        self, chunk: Sequence[Decoded]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[Any]]]:
        views, prepared = {}, {}
        for kind, extractor in self.extractors.items():
            images = np.stack([item.arrays[kind] for item in chunk])
            if kind in self.states:
                views.update(extract_views(extractor, self.states[kind], images, self.runtime))
            else:
                prepared[kind] = images
        return views, prepared

    def _keys(self, group: str | None) -> _Keys:
        wanted = self.settings.input
        return _Keys(
            key_function(wanted.group_by) if group is None else lambda _: group,
            key_function(wanted.stratify_by),
            key_function(wanted.slice_by),
        )


def extract_views(
    extractor: Extractor, state: State, images: NDArray[Any], runtime: Runtime
) -> dict[str, NDArray[np.float32]]:
    """The extractor's views of n prepared images, float32 [n, columns] by name.

    Those that it declares so are rounded to float16 values, as artifacts store them: fit, baseline and check compare
    the same numbers (contract).
    """
    views = extractor.extract(state, images, runtime)
    rounded = {view.name for view in extractor.views if view.rounded}
    return {
        name: x.astype(np.float16).astype(np.float32) if name in rounded else x.astype(np.float32)
        for name, x in views.items()
    }


def default_workers() -> int:
    """How many decode workers `auto` means: one a usable core, at most 16."""
    import os

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, count))


def finite(row: Mapping[str, NDArray[np.float32]]) -> bool:
    """Whether all is finite that is declared so: in the other views NaN is a missing value."""
    return all(np.isfinite(x).all() for name, x in row.items() if declared_views()[name].finite)


def _chunks(items: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


@dataclass(frozen=True)
class _Keys:
    group: KeyFunction | None
    stratum: KeyFunction | None
    slice: KeyFunction | None


@dataclass(frozen=True)
class _Row:
    item: Decoded
    views: Mapping[str, NDArray[np.float32]]
    prepared: Mapping[str, NDArray[Any]]

    @property
    def order(self) -> tuple[bytes, str]:
        return self.item.content, self.item.name


class Table:
    """Features of used images, collected in whatever order they arrive; at most `keep` survive.

    Those with the lowest content hashes are kept, which is a random choice that depends on no order.
    """

    def __init__(self, keep: int, keys: _Keys, extractors: Sequence[Extractor] = ()) -> None:
        self.keep, self.keys, self.extractors = keep, keys, extractors
        self.rows: list[_Row] = []
        self.contents, self.seen = bytearray(), bytearray()
        self.levels: dict[int, str] = {}
        self.columns: set[str] = set()

    def add(
        self,
        item: Decoded,
        views: Mapping[str, NDArray[np.float32]],
        prepared: Mapping[str, NDArray[Any]],
    ) -> None:
        """Add one used image; only its numbers stay in memory."""
        self.contents += item.content
        self.columns.update(item.columns)
        self.seen += item.pixels[:8]
        for extractor in self.extractors:
            self.levels.update(extractor.levels(item.facts))
        self.rows.append(_Row(replace(item, arrays={}), views, prepared))
        if len(self.rows) > 2 * self.keep:
            self._prune()

    def _prune(self) -> None:
        self.rows.sort(key=lambda row: row.order)
        del self.rows[self.keep :]

    def reading(self, tally: Tally) -> Reading:
        """The result of the pass, rows sorted by content hash, then name: the order of files leaves no trace."""
        self._prune()
        rows, keys = self.rows, self.keys
        items = [row.item for row in rows]
        pixel_hashes = np.sort(np.frombuffer(bytes(self.seen), ">u8").astype(np.uint64))
        contents = np.sort(hexadecimal(np.frombuffer(bytes(self.contents), "V32")))
        times = np.array([capture_time(item) for item in items], np.float64)
        features = Features(
            names=tuple(item.name for item in items),
            content=np.array([item.content.hex().encode() for item in items], "S64"),
            pixels=np.array([int.from_bytes(item.pixels[:8], "big") for item in items], np.uint64),
            near=np.array([item.near for item in items], np.uint64),
            views={
                name: np.stack([row.views[name] for row in rows]) for name in (rows[0].views if rows else ())
            },
            group=_keyed(items, keys.group),
            stratum=_keyed(items, keys.stratum),
            slice=_keyed(items, keys.slice),
            time=times,
            levels=dict(sorted(self.levels.items())),
        )
        prepared = {
            name: np.stack([row.prepared[name] for row in rows])
            for name in (rows[0].prepared if rows else ())
        }
        return Reading(
            features,
            tally.ledger(),
            tuple(tally.files),
            tally.unreadable_share,
            contents,
            pixel_hashes,
            prepared,
            tuple(item.facts for item in items),
            tuple(item.thumbnail or b"" for item in items),
            frozenset(self.columns),
        )


def hexadecimal(hashes: NDArray[np.void]) -> NDArray[np.bytes_]:
    """Content hashes as text, S64[n], from n hashes of 32 bytes."""
    return np.array([bytes(h).hex().encode() for h in hashes], "S64")


def _keyed(items: Sequence[Decoded], key: KeyFunction | None) -> tuple[str, ...] | None:
    return None if key is None else tuple(key(item) for item in items)
