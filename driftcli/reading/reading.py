"""What one pass over the sources gave: features, and what became of every entry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import FileFacts, Ledger, Skipped
from driftcli.reading import holdings

_AT_ONCE = 1 << 14
"""Distinct images that a digest looks at together: as numbers of Python they take ten times as much."""


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
    """Row for row with `features`, without what cameras wrote: the view `file` has read that."""
    thumbnails: tuple[bytes, ...] = ()
    columns: frozenset[str] = frozenset()
    """Names of the manifests' columns that any used image has."""
    remarks: tuple[str, ...] = ()
    """Sentences for the report on profiles (shards that are missing) and on predictions."""
    remembered: int = 0
    """Images of which no pixel was read, because a cache knew them."""

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted (content hash, count) pairs (contract: digest)."""
        return digest(self.contents)

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences for the report on images that could not be read, were skipped and need not be, or have no key."""
        count = self.ledger.skipped.get("heic_needs_extra", 0)
        heic = f"{count} HEIC images were skipped: pip install 'driftcli[heif]' to read them"
        bad, images = self.failed, self.failed + self.ledger.used
        lost = [f"{bad:,} of {images:,} images could not be read: {self.failed_by_name}"] if bad else []
        closed = holdings.closed(self.skipped, self.ledger.unlisted, 0)
        return (*self.remarks, *(closed or ())[:1], *lost, *([heic] if count else []), *self._without_key())

    def _without_key(self) -> Iterator[str]:
        """What becomes of images whose name, time or manifest does not say to which group or stratum they belong."""
        kinds = (
            ("group-by", "group", self.features.group),
            ("stratify-by", "stratum", self.features.stratum),
        )
        for option, word, keys in kinds:
            count = sum(key == "" for key in keys or ())
            if count:
                yield (
                    f"{count:,} of {len(self.features):,} images have no key for --{option}: together they are one {word}"
                )

    @property
    def failed(self) -> int:
        """How many entries look like images and could not be read, or changed while they were."""
        return self.ledger.failed

    @property
    def failed_by_name(self) -> str:
        """The first of them with their reasons."""
        return holdings.named(holdings.failed(self.skipped), self.failed)

    @property
    def distinct(self) -> int:
        """How many images differ in their pixels."""
        return len(np.unique(self.seen))

    def only(self, chosen: NDArray[np.int64]) -> Reading:
        """The reading as if only these of its features' images, and those beyond `keep`, had been there."""
        features = self.features
        left = np.setdiff1d(np.arange(len(features)), chosen)
        gone, counts = np.unique(features.content[left], return_counts=True)
        first = np.searchsorted(self.contents, gone)
        rows = np.concatenate(
            [start + np.arange(count) for start, count in zip(first, counts, strict=True)] or [first]
        )
        return replace(self, features=features.at(chosen), contents=np.delete(self.contents, rows))


def digest(contents: NDArray[np.bytes_]) -> str:
    """SHA-256, in hexadecimal, over the sorted (content hash, count) pairs of S64[n]: names a set of images."""
    if (contents[1:] < contents[:-1]).any():
        contents = np.sort(contents)
    first = np.ones(len(contents), bool)
    first[1:] = contents[1:] != contents[:-1]
    starts = np.append(np.flatnonzero(first), len(contents))
    sha = hashlib.sha256()
    for at in range(0, len(starts) - 1, _AT_ONCE):
        for start, end in pairwise(starts[at : at + _AT_ONCE + 1].tolist()):
            sha.update(b"%s %d\n" % (contents[start], end - start))
    return sha.hexdigest()
