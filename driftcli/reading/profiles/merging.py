"""Several readings as one: the same as if one pass had read all of their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import Ledger, Skipped
from driftcli.reading.ledger import listed
from driftcli.reading.reading import Reading
from driftcli.reading.table import hexadecimal


class Merger:
    """Adds readings up, whatever their order; of features it holds `keep` images and one reading more.

    Of every image 40 bytes stay, its hashes; 112 while they are sorted at the end.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self._kept: Reading | None = None
        self._contents: list[bytes] = []
        self._seen: list[NDArray[np.uint64]] = []
        self._skipped: list[Skipped] = []
        self._ledgers: list[Ledger] = []

    def add(self, reading: Reading) -> None:
        """One more; images that it shares with others are counted again, as copies are."""
        self._contents.append(packed(reading.contents))
        self._seen.append(reading.seen)
        self._skipped = listed([*self._skipped, *reading.skipped])
        self._ledgers = [added([*self._ledgers, reading.ledger])]
        bare = replace(reading, contents=reading.contents[:0], seen=reading.seen[:0], skipped=())
        self._kept = bare if self._kept is None else _pair(self._kept, bare, self.keep)

    def merged(self) -> Reading:
        """All of them. Raises ValueError where there is none."""
        if self._kept is None:
            raise ValueError("no reading to merge")
        ledger = self._ledgers[0]
        contents = hexadecimal(np.frombuffer(b"".join(self._contents), "V32"))
        contents.sort()
        kept = _first(self._kept, self.keep)
        return replace(
            kept,
            ledger=ledger,
            skipped=tuple(self._skipped),
            unreadable_share=ledger.unreadable_share,
            contents=contents,
            seen=np.sort(np.concatenate(self._seen)),
        )


def packed(contents: NDArray[np.bytes_]) -> bytes:
    """N content hashes, S64[n] in hexadecimal, as n times 32 bytes."""
    text, whole = contents.view(np.uint8), bytearray()
    for start in range(0, len(text), _AT_ONCE):
        whole += bytes.fromhex(text[start : start + _AT_ONCE].tobytes().decode("ascii"))
    return bytes(whole)


_AT_ONCE = 64 << 14
"""Characters that become bytes at a time: of a million hashes nothing else is held twice."""


def merged(readings: Sequence[Reading], keep: int) -> Reading:
    """As one, with features of the `keep` images with the lowest content hashes."""
    merger = Merger(keep)
    for reading in readings:
        merger.add(reading)
    return merger.merged()


def _pair(one: Reading, two: Reading, keep: int) -> Reading:
    """Features and thumbnails of both, sorted by content hash, then name."""
    features = Features.concatenated([one.features, two.features])
    thumbnails = [*_thumbnails(one), *_thumbnails(two)] if one.thumbnails or two.thumbnails else []
    order = sorted(range(len(features)), key=lambda i: (features.content[i], features.names[i]))[:keep]
    parts = [part.features.predictions for part in (one, two) if len(part.features)]
    if len(parts) == 2 and parts[0] is not None and parts[1] is not None:  # noqa: PLR2004 - both hold images
        features = replace(features, predictions=parts[0].then(parts[1]))
    elif len(parts) == 1:
        features = replace(features, predictions=parts[0])
    levels = {**one.features.levels, **two.features.levels}
    features = replace(features.at(np.array(order, np.int64)), levels=dict(sorted(levels.items())))
    return replace(
        one,
        features=features,
        facts=(),
        thumbnails=tuple(thumbnails[i] for i in order) if thumbnails else (),
        columns=one.columns | two.columns,
        remembered=one.remembered + two.remembered,
    )


def _first(reading: Reading, keep: int) -> Reading:
    few = reading.features.first(keep)
    return replace(reading, features=few, thumbnails=reading.thumbnails[: len(few)])


def _thumbnails(reading: Reading) -> Sequence[bytes]:
    """One for each image; a profile has none."""
    return reading.thumbnails or [b""] * len(reading.features)


def added(ledgers: Sequence[Ledger]) -> Ledger:
    """One account of several passes: counts added."""
    unreadable: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for ledger in ledgers:
        unreadable.update(ledger.unreadable)
        skipped.update(ledger.skipped)
    return Ledger(
        seen=sum(ledger.seen for ledger in ledgers),
        used=sum(ledger.used for ledger in ledgers),
        unreadable=dict(sorted(unreadable.items())),
        skipped=dict(sorted(skipped.items())),
        changed=sum(ledger.changed for ledger in ledgers),
    )
