"""Features of used images, collected in whatever order they arrive, in memory that their number does not fill."""

from __future__ import annotations

import heapq
import sys
from array import array
from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import EMPTY, Decoded, FileFacts
from driftcli.extractors.base import Extractor
from driftcli.extractors.base import views as declared_views
from driftcli.reading._packed import PackedRows
from driftcli.reading.keys import KeyFunction, capture_time
from driftcli.reading.ledger import Tally
from driftcli.reading.reading import Reading

T = TypeVar("T")
_THUMBNAIL_BYTES = 64 << 20
"""Of some ten thousand thumbnails."""


@dataclass(frozen=True)
class Keys:
    """What ties images together: functions of an image, None where nothing does."""

    group: KeyFunction | None
    stratum: KeyFunction | None
    slice: KeyFunction | None


class _Place:
    """Which image is kept in which slot; the one that would go first is the smallest, as a heap wants it."""

    __slots__ = ("order", "slot")

    def __init__(self, order: tuple[bytes, str, int], slot: int) -> None:
        self.order = order
        """Content hash, name, how many came before."""
        self.slot = slot

    def __lt__(self, other: _Place) -> bool:
        return self.order > other.order


class Table:
    """Features of used images; at most `keep` survive.

    Those with the lowest content hashes are kept, which is a random choice that depends on no order.
    Memory: 40 bytes an image that comes (its two hashes; 112 while they are sorted at the end), and for each of the
    `keep` its numbers, once, and about half a kilobyte. Nothing refers to the arrays that an image came with.
    """

    def __init__(self, keep: int, keys: Keys, extractors: Sequence[Extractor] = ()) -> None:
        self.keep, self.keys, self.extractors = keep, keys, extractors
        self.contents, self.seen = bytearray(), bytearray()
        self.levels: dict[int, str] = {}
        self.columns: set[str] = set()
        self._came = 0
        self._places: list[_Place] = []
        self._views: dict[str, PackedRows] = {}
        self._prepared: dict[str, PackedRows] = {}
        self._pixels, self._near, self._times = array("Q"), array("Q"), array("d")
        self._facts: list[FileFacts] = []
        self._thumbnails = _Thumbnails()
        self._keyed: tuple[list[str], list[str], list[str]] = ([], [], [])

    def add(
        self,
        item: Decoded,
        views: Mapping[str, NDArray[np.float32]],
        prepared: Mapping[str, NDArray[Any]],
    ) -> None:
        """Add one used image: it is counted, and its numbers are copied if it belongs to those that are kept so far."""
        self.contents += item.content
        self.columns.update(item.columns)
        self.seen += item.pixels[:8]
        for extractor in self.extractors:
            self.levels.update(extractor.levels(item.facts))
        self._came += 1
        slot = self._slot((item.content, item.name, self._came))
        if slot is not None:
            self._put(slot, item)
            self._thumbnails.add(item)
            for name, row in views.items():
                half = declared_views()[name].rounded
                _write(self._views, name, slot, row, np.dtype(np.float16) if half else row.dtype)
            for name, image in prepared.items():
                _write(self._prepared, name, slot, image, image.dtype)

    def _slot(self, order: tuple[bytes, str, int]) -> int | None:
        """Where the image goes: behind the last one, in the place of the largest, or (None) nowhere."""
        places, slot = self._places, len(self._places)
        if slot < self.keep:
            heapq.heappush(places, _Place(order, slot))
            return slot
        if not places or order > places[0].order:
            return None
        slot = places[0].slot
        heapq.heapreplace(places, _Place(order, slot))
        return slot

    def _put(self, slot: int, item: Decoded) -> None:
        """All but the arrays; equal words are one object."""
        facts = replace(
            item.facts, exif=EMPTY, format=sys.intern(item.facts.format), mode=sys.intern(item.facts.mode)
        )
        _set(self._pixels, slot, int.from_bytes(item.pixels[:8], "big"))
        _set(self._near, slot, item.near)
        _set(self._times, slot, capture_time(item))
        _set(self._facts, slot, facts)
        functions = (self.keys.group, self.keys.stratum, self.keys.slice)
        for function, values in zip(functions, self._keyed, strict=True):
            if function is not None:
                _set(values, slot, sys.intern(function(item)))

    def reading(self, tally: Tally, remembered: int = 0) -> Reading:
        """The result of the pass, rows sorted by content hash, then name: the order of files leaves no trace.

        The numbers leave the table: it can be asked once. `remembered`: how many came from a cache.
        """
        places = sorted(self._places, reverse=True)
        order = np.array([place.slot for place in places], np.int64)
        pixels = np.frombuffer(self.seen, ">u8").astype(np.uint64)
        pixels.sort()
        contents = hexadecimal(np.frombuffer(self.contents, "V32"))
        contents.sort()
        group, stratum, slice_ = (
            None if function is None else tuple(values[slot] for slot in order)
            for function, values in zip(
                (self.keys.group, self.keys.stratum, self.keys.slice), self._keyed, strict=True
            )
        )
        features = Features(
            names=tuple(place.order[1] for place in places),
            content=hexadecimal(np.frombuffer(b"".join(place.order[0] for place in places), "V32")),
            pixels=np.array(self._pixels, np.uint64)[order],
            near=np.array(self._near, np.uint64)[order],
            views={
                name: self._views.pop(name).ordered(order).astype(np.float32, copy=False)
                for name in [*self._views]
            },
            group=group,
            stratum=stratum,
            slice=slice_,
            time=np.array(self._times, np.float64)[order],
            levels=dict(sorted(self.levels.items())),
        )
        prepared = {name: self._prepared.pop(name).ordered(order) for name in [*self._prepared]}
        return Reading(
            features,
            tally.ledger(),
            tuple(tally.files),
            tally.unreadable_share,
            contents,
            pixels,
            prepared,
            tuple(self._facts[slot] for slot in order),
            tuple(self._thumbnails.of(place.order[0]) for place in places),
            frozenset(self.columns),
            remembered=remembered,
        )


class _Thumbnails:
    """Thumbnails by content hash, those of the lowest: a baseline wants the first few hundred of its images.

    Once they take too much memory the upper half of the hashes goes, and stays without.
    """

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}
        self._bytes = 0
        self._below = b"\xff" * 33

    def add(self, item: Decoded) -> None:
        """Keep an image's thumbnail if it has one and its hash is low enough."""
        if item.thumbnail and item.content < self._below and item.content not in self._kept:
            self._kept[item.content] = item.thumbnail
            self._bytes += len(item.thumbnail)
            if self._bytes > _THUMBNAIL_BYTES:
                self._below = sorted(self._kept)[len(self._kept) // 2]
                self._kept = {content: one for content, one in self._kept.items() if content < self._below}
                self._bytes = sum(map(len, self._kept.values()))

    def of(self, content: bytes) -> bytes:
        """The image's thumbnail; empty where none is kept."""
        return self._kept.get(content, b"")


def hexadecimal(hashes: NDArray[np.void]) -> NDArray[np.bytes_]:
    """Content hashes as text, S64[n], from n hashes of 32 bytes."""
    raw = hashes.view(np.uint8).reshape(-1, 32)
    text = np.empty((len(raw), 32, 2), np.uint8)
    for start in range(0, len(raw), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        text[some, :, 0], text[some, :, 1] = _DIGITS[raw[some] >> 4], _DIGITS[raw[some] & 15]
    return text.reshape(-1).view("S64")


_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_AT_ONCE = 1 << 14
"""Hashes that become text at a time: of a million nothing else is held twice."""


def _write(
    blocks: dict[str, PackedRows], name: str, slot: int, row: NDArray[Any], dtype: np.dtype[Any]
) -> None:
    if name not in blocks:
        blocks[name] = PackedRows(row.shape, dtype)
    blocks[name][slot] = row


def _set(values: MutableSequence[T], slot: int, value: T) -> None:
    """At the slot, or behind the last one."""
    if slot == len(values):
        values.append(value)
    else:
        values[slot] = value
