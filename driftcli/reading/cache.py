"""The cache of features: what was measured of images once is not measured again, in this check or the next."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError
from driftcli.core.features import State
from driftcli.core.images import Decoded
from driftcli.core.progress import Progress
from driftcli.core.text import safe_name
from driftcli.extractors.base import Extractor, Runtime, resolve_device
from driftcli.extractors.base import views as declared_views
from driftcli.reading.runtime import versions
from driftcli.sources.decoding.cache import Known, key_of, packed

FILE = "features-1.sqlite"
"""1: the format of its entries."""
_PATIENCE = 5.0
"""Seconds to wait for another writer; then a few entries are not kept."""
_HOUR = 3_600
"""An entry's last use is written down at most so often (seconds): reading a cache again writes nothing."""
_FILL = 0.9
"""Share of its bound that a cache is emptied to when it is full."""
_LOOK = 1_000
"""Entries between two looks at its size."""
_SCHEMA = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, used INTEGER NOT NULL, value BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS by_use ON entries (used);
"""


def refuse_inside(settings: Settings, places: Iterable[str]) -> None:
    """Raise UsageError for a cache that lies inside a folder which is read, or in an artifact."""
    if settings.cache.folder is None:
        return
    folder = os.path.realpath(settings.cache.folder)
    for place in places:
        root = os.path.realpath(place)
        if Path(root).is_dir() and os.path.commonpath([root, folder]) == root:
            raise UsageError(
                f"the cache {safe_name(settings.cache.folder)} lies inside {safe_name(place)}",
                "name a folder of its own: a cache among images is read as one of them",
            )


def digest_of_numbers(
    settings: Settings,
    extractors: Mapping[str, Extractor],
    states: Mapping[str, State],
    runtime: Runtime,
    canary: Mapping[str, NDArray[np.float32]],
    asked: Mapping[str, Any] | None = None,
) -> str:
    """SHA-256, in hexadecimal, of all that decides what an image's bytes become.

    `asked`: the user's own classifier (`Classifier.facts`), where one answers them, too. Decoding, the extractors' settings and states, versions of the libraries, the device; and what this machine,
    now, makes of the canary images, so that whatever else turns pixels into other numbers has entries of its own.
    """
    mask = settings.decode.mask
    known = {
        "decode": asdict(settings.decode),
        "mask": None if mask is None else hashlib.sha256(Path(mask).read_bytes()).hexdigest(),
        "extractors": {kind: asdict(extractor) for kind, extractor in extractors.items()},  # type: ignore[call-overload]
        "versions": versions(),
        "device": resolve_device(runtime.device),
        **({"classifier": asked} if asked else {}),
    }
    sha = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    arrays = [(f"{kind}/{key}", x) for kind, state in states.items() for key, x in state.items()]
    for name, x in sorted([*arrays, *((f"canary/{view}", x) for view, x in canary.items())]):
        sha.update(f"\n{name} {x.dtype.str} {x.shape}\n".encode())
        sha.update(np.ascontiguousarray(x).view(np.uint8).reshape(-1).data)
    return sha.hexdigest()


class FeatureCache:
    """One folder's SQLite file, written by this process; several may write it at once, and workers read it.

    Nothing that goes wrong with it stops a check: it is said once, and the images are measured. Entries that were
    not used for longest go when the file has reached its bound, but none of this run's: of a batch that does not
    fit, the part that fits stays.
    """

    def __init__(self, settings: Settings, digest: str, progress: Progress) -> None:
        self._folder = Path(settings.cache.folder or ".").absolute()
        self._bound = settings.cache.megabytes << 20
        self._progress = progress
        self._began = int(time.time())
        self._since_look = 0
        self._full = False
        self._file: sqlite3.Connection | None = None
        self.known = Known(str(self._folder / FILE), digest)
        """Where workers look."""

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self.known.path, timeout=_PATIENCE, isolation_level=None)
            self._file.executescript(_SCHEMA)
            self._make_room(self._file)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._attempt(self._make_room)
        if self._file is not None:
            with suppress(sqlite3.Error):  # workers may still have it open, and nobody else would do this
                self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._close()

    def add(self, measured: Sequence[tuple[Decoded, Mapping[str, NDArray[np.float32]]]]) -> None:
        """Keep what was measured of these images, by view; in place of what stood there."""
        if self._file is None or self._full or not measured:
            return
        rows = []
        for item, views in measured:
            key = key_of(self.known.digest, item.content)
            rows.append((key, self._began, packed(key, item, {n: _small(n, x) for n, x in views.items()})))
        self._write("INSERT OR REPLACE INTO entries (key, used, value) VALUES (?, ?, ?)", rows)
        self._since_look += len(rows)
        if self._since_look >= _LOOK:
            self._since_look = 0
            self._attempt(self._make_room)

    def used(self, contents: Iterable[bytes]) -> None:
        """Say that these entries were of use, by content hash: others go before them."""
        rows = [(self._began, key_of(self.known.digest, c), self._began - _HOUR) for c in contents]
        if rows:
            self._write("UPDATE entries SET used = ? WHERE key = ? AND used < ?", rows)

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """One transaction."""

        def transaction(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            try:
                file.executemany(statement, rows)
                file.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    file.execute("ROLLBACK")
                raise

        self._attempt(transaction)

    def _attempt(self, step: Callable[[sqlite3.Connection], None]) -> None:
        """What another process keeps us from writing is left; after any other failure the cache is left alone."""
        if self._file is None:
            return
        try:
            step(self._file)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                self._give_up(error)

    def _make_room(self, file: sqlite3.Connection) -> None:
        """Above the bound: the entries that were not used for longest go, and the file becomes smaller."""
        size = _size(file)
        if size <= self._bound:
            return
        (count,) = file.execute("SELECT count(*) FROM entries").fetchone()
        surplus = math.ceil(count * (1 - _FILL * self._bound / size))
        file.execute(
            "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE used < ? ORDER BY used LIMIT ?)",
            (self._began, surplus),
        )
        file.execute("PRAGMA incremental_vacuum").fetchall()
        if _size(file) > self._bound and not self._full:
            self._full = True
            self._progress.warn(
                f"the cache is full ({self._bound >> 20:,} MB): the rest of these images is not kept; "
                "--cache-size makes it larger"
            )

    def _give_up(self, error: Exception) -> None:
        self._close()
        self._progress.warn(
            f"the cache {safe_name(self.known.path)} is of no use: {safe_name(str(error))}; going on without it"
        )

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(sqlite3.Error):
                file.close()


def _size(file: sqlite3.Connection) -> int:
    """Bytes of the file that are in use."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, page = (file.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * page)


def _small(view: str, row: NDArray[np.float32]) -> NDArray[Any]:
    """A view that holds float16 values, as float16; a classifier's answer is no view."""
    known = declared_views()
    return row.astype(np.float16) if view in known and known[view].rounded else row
