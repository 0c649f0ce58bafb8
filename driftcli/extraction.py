"""Sources become features: decode in workers, extract in micro-batches, keep the ledger."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.errors import UsageError
from driftcli.extractors.base import Extractor, Runtime
from driftcli.progress import SILENT, Progress
from driftcli.records import Decoded, Entry, Features, FileFacts, Ledger, Skipped, State
from driftcli.settings import Settings
from driftcli.sources._ledger import Tally
from driftcli.sources._open import open_sources
from driftcli.sources._pool import DecodePool

CHUNK = 64
"""Images handed to the extractors at a time; a multiple of every micro-batch."""
ROUNDED = ("style", "content", "latent")
"""Views of network features: kept as float16 values, on both sides alike."""


@dataclass(frozen=True)
class Reading:
    """All that one pass over the sources gave."""

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

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted (content hash, count) pairs (contract: digest)."""
        return digest(self.contents)

    @property
    def distinct(self) -> int:
        return len(np.unique(self.seen))


def digest(contents: NDArray[np.bytes_]) -> str:
    """SHA-256 over the sorted (content hash, count) pairs."""
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

    def __enter__(self) -> Reader:
        workers = self.settings.workers
        self._pool = DecodePool(
            self.settings.decode,
            self.extractors,
            default_workers() if workers == "auto" else workers,
            thumbnails=self.thumbnails,
            follow=self.settings.input.follow,
        )
        self._pool.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.__exit__(*exc)

    def read(self, specs: Sequence[str], keep: int, stage: str, group: str | None = None) -> Reading:
        """One pass over the sources. `group`: a fixed group name for all images of this pass."""
        return self.read_entries(open_sources(specs, self.settings.input), keep, stage, group)

    def read_entries(
        self, entries: Iterable[Entry | Skipped], keep: int, stage: str, group: str | None = None
    ) -> Reading:
        """As `read`, for entries at hand (canaries, tests)."""
        tally, table = Tally(), Table(keep, self._keys(group))
        self.progress.start(stage)
        for chunk in _chunks(self._pool.map(entries), tally, self.progress):
            views, prepared = self._extract(chunk)
            for i, item in enumerate(chunk):
                row = {name: x[i] for name, x in views.items()}
                if finite(row):
                    tally.add(item)
                    table.add(item, row, {name: x[i] for name, x in prepared.items()})
                else:
                    tally.add(Skipped(item.name, "unreadable", "nonfinite"))
        self.progress.finish()
        return table.reading(tally)

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
    """The extractor's views, network features rounded to float16 values (contract: same numbers)."""
    views = extractor.extract(state, images, runtime)
    return {
        name: x.astype(np.float16).astype(np.float32) if name in ROUNDED else x.astype(np.float32)
        for name, x in views.items()
    }


def default_workers() -> int:
    """One worker a usable core, at most 16."""
    import os

    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, count))


KeyFunction = Callable[[Decoded], str]


def key_function(setting: str | None) -> KeyFunction | None:
    """What a `--group-by`, `--stratify-by` or `--slice-by` value says of an image.

    `folder`: its folder · `hour`: hour of capture · `column:NAME`: a manifest column · anything
    else: a regular expression on the path, its first group.
    """
    if setting is None:
        return None
    if setting == "folder":
        return lambda item: str(PurePath(item.name).parent)
    if setting == "hour":
        return lambda item: _hour(capture_time(item))
    if setting.startswith("column:"):
        column = setting.removeprefix("column:")
        return lambda item: item.columns.get(column, "")
    try:
        pattern = re.compile(setting)
    except re.error as error:
        raise UsageError(
            f"{setting!r} is no regular expression: {error}",
            "use folder, hour, column:NAME, or a regular expression with one group",
        ) from error
    if not pattern.groups:
        raise UsageError(
            f"the regular expression {setting!r} has no group",
            "put the part that names the group in parentheses, or use folder, hour or column:NAME",
        )
    return lambda item: found.group(1) or "" if (found := pattern.search(item.name)) else ""


def capture_time(item: Decoded) -> float:
    """Seconds since the epoch from the manifest's `time` column, else EXIF, else NaN."""
    text = item.columns.get("time", "")
    if text:
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            return float("nan")
    return float("nan") if item.facts.time is None else item.facts.time


def _hour(seconds: float) -> str:
    return "" if seconds != seconds else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H}"  # noqa: PLR0124 - NaN


def finite(row: Mapping[str, NDArray[np.float32]]) -> bool:
    """Network outputs must be finite; a missing property (NaN) is a value of its own."""
    return all(np.isfinite(x).all() for name, x in row.items() if name not in {"properties", "file"})


def _chunks(
    items: Iterable[Decoded | Skipped], tally: Tally, progress: Progress
) -> Iterator[list[Decoded]]:
    chunk: list[Decoded] = []
    for item in items:
        progress.advance(1)
        if isinstance(item, Skipped):
            tally.add(item)
            continue
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
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
    """Rows in the order of arrival, pruned to the lowest content hashes; sorted when read out."""

    def __init__(self, keep: int, keys: _Keys) -> None:
        self.keep, self.keys = keep, keys
        self.rows: list[_Row] = []
        self.contents, self.seen = bytearray(), bytearray()
        self.levels: dict[int, str] = {}

    def add(
        self,
        item: Decoded,
        views: Mapping[str, NDArray[np.float32]],
        prepared: Mapping[str, NDArray[Any]],
    ) -> None:
        """One used image; only its numbers stay."""
        from driftcli.extractors.properties import levels

        self.contents += item.content
        self.seen += item.pixels[:8]
        self.levels.update(levels(item.facts))
        self.rows.append(_Row(replace(item, arrays={}), views, prepared))
        if len(self.rows) > 2 * self.keep:
            self._prune()

    def _prune(self) -> None:
        self.rows.sort(key=lambda row: row.order)
        del self.rows[self.keep :]

    def reading(self, tally: Tally) -> Reading:
        """Sorted by content hash, then name: the order of files and workers leaves no trace."""
        self._prune()
        rows, keys = self.rows, self.keys
        items = [row.item for row in rows]
        seen = np.sort(np.frombuffer(bytes(self.seen), ">u8").astype(np.uint64))
        contents = np.sort(hexadecimal(np.frombuffer(bytes(self.contents), "V32")))
        times = np.array([capture_time(item) for item in items], np.float64)
        features = Features(
            names=tuple(item.name for item in items),
            content=np.array([item.content.hex().encode() for item in items], "S64"),
            pixels=np.array([int.from_bytes(item.pixels[:8], "big") for item in items], np.uint64),
            near=np.array([item.near for item in items], np.uint64),
            views={name: np.stack([row.views[name] for row in rows]) for name in (rows[0].views if rows else ())},
            group=_keyed(items, keys.group),
            stratum=_keyed(items, keys.stratum),
            slice=_keyed(items, keys.slice),
            time=times,
            levels=dict(sorted(self.levels.items())),
        )
        prepared = {
            name: np.stack([row.prepared[name] for row in rows]) for name in (rows[0].prepared if rows else ())
        }
        return Reading(
            features,
            tally.ledger(),
            tuple(tally.skipped),
            tally.unreadable_share(),
            contents,
            seen,
            prepared,
            tuple(item.facts for item in items),
            tuple(item.thumbnail or b"" for item in items),
        )


def hexadecimal(hashes: NDArray[np.void]) -> NDArray[np.bytes_]:
    """S64[n] from 32-byte hashes."""
    return np.array([bytes(h).hex().encode() for h in hashes], "S64")


def _keyed(items: Sequence[Decoded], key: KeyFunction | None) -> tuple[str, ...] | None:
    return None if key is None else tuple(key(item) for item in items)
