"""Features of used images, collected in whatever order they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import Decoded
from driftcli.extractors.base import Extractor
from driftcli.reading.keys import KeyFunction, capture_time
from driftcli.reading.ledger import Tally
from driftcli.reading.reading import Reading


@dataclass(frozen=True)
class Keys:
    """What ties images together: functions of an image, None where nothing does."""

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

    def __init__(self, keep: int, keys: Keys, extractors: Sequence[Extractor] = ()) -> None:
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
