"""Images that are the same or nearly so: inside the batch, and in the batch and the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.findings import DuplicateResult

BITS = 4
"""Difference hashes (64 bits) at most so far apart. Photos that were blurred, made noisy or compressed anew
stay at 0; of 60,000 pairs of different photos none was closer than 9."""
LEAKED = 3
"""The same where a few pairs among very many are an accusation: a picture reduced and saved anew is mostly so near."""
FLAT = 6
"""A hash with fewer ones, or fewer zeros, is of a picture without structure: it says nothing."""
USUAL = 0.05
"""Where a larger share of good images has a look-alike among them (digits on black), likeness is no finding."""
LOOKED_AT = 2_000
"""Good images that this share is measured on."""
MOST = 50
"""Entries of each kind and place."""
CHUNK = 500_000
"""Pairs compared at a time, nine bytes each."""
Kind = Literal["exact", "near"]
Pairs = NDArray[np.int64]


def search(batch: Features, held_out: Features) -> tuple[DuplicateResult, ...]:
    """Images of the batch that are copies, or nearly, of each other or of held-out ones; at most 50 of each sort.

    Exact ones first, the batch's own before those in the baseline. exact: equal decoded pixels, whatever the
    files. near: other pixels and difference hashes at most 4 of 64 bits apart; left out where held-out images
    look alike anyway.
    Inside the batch an entry holds all images that are tied; with the baseline, one of each.
    """
    exact = [
        *_groups(_equal(batch), batch, "exact"),
        *_across(_equal_across(batch, held_out), batch, held_out, "exact"),
    ]
    if _usual(held_out.first(LOOKED_AT)):
        return tuple(exact)
    inside, across = (
        np.concatenate(list(_near(batch, other)) or [np.empty((0, 2), np.int64)])
        for other in (batch, held_out)
    )
    return (*exact, *_groups(inside, batch, "near"), *_across(across, batch, held_out, "near"))


def leaked(held_out: Features, pixels: NDArray[np.uint64], near: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Rows of held-out images that are nearly images of the fit set, ascending: one picture in another size, crop or file.

    `pixels`, `near` [k]: hashes of the fit set. As in `search`; none where held-out images look alike anyway. Those of
    equal pixels are not among them: they are left out of a baseline.
    """
    if _usual(held_out.first(LOOKED_AT)):
        return np.empty(0, np.int64)
    theirs = np.flatnonzero(_structured(near))
    ours = np.flatnonzero(_structured(held_out.near))
    pairs = list(_pairs(held_out, ours, pixels[theirs], near[theirs], LEAKED))
    return np.unique(np.concatenate([np.empty(0, np.int64), *(rows for rows, _ in pairs)]))


def _equal(batch: Features) -> Pairs:
    """Pairs [k, 2] inside the batch: the first image of equal pixels, and each of its later copies."""
    _, first, code = np.unique(batch.pixels, return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[code] != np.arange(len(batch)))
    return np.stack([first[code[copies]], copies], axis=1)


def _equal_across(batch: Features, held_out: Features) -> Pairs:
    """Pairs [k, 2]: an image of the batch, and the first held-out image with the same pixels."""
    known, first = np.unique(held_out.pixels, return_index=True)
    at = np.minimum(np.searchsorted(known, batch.pixels), len(known) - 1)
    rows = np.flatnonzero(known[at] == batch.pixels)
    return np.stack([rows, first[at[rows]]], axis=1)


def _near(images: Features, others: Features) -> Iterator[Pairs]:
    """Pairs of different pixels and near hashes, a strip of images at a time."""
    ours, theirs = (np.flatnonzero(_structured(side.near)) for side in (images, others))
    for rows, place in _pairs(images, ours, others.pixels[theirs], others.near[theirs]):
        yield np.stack([rows, theirs[place]], axis=1)


def _pairs(
    images: Features, ours: Pairs, pixels: NDArray[np.uint64], near: NDArray[np.uint64], bits: int = BITS
) -> Iterator[tuple[Pairs, Pairs]]:
    """Rows of `ours` and places in `near` that are near each other and of different pixels, a strip at a time."""
    step = max(1, CHUNK // max(1, len(near)))
    for start in range(0, len(ours), step):
        rows = ours[start : start + step]
        close = np.bitwise_count(images.near[rows, None] ^ near) <= bits
        close &= images.pixels[rows, None] != pixels
        i, j = np.nonzero(close)
        yield rows[i], j


def _structured(near: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which hashes have enough ones and zeros to tell pictures apart (FLAT)."""
    ones = np.bitwise_count(near)
    structured: NDArray[np.bool_] = (ones >= FLAT) & (ones <= 64 - FLAT)
    return structured


def _usual(held_out: Features) -> bool:
    """Whether pictures of this kind look alike anyway."""
    tied = {int(i) for pairs in _near(held_out, held_out) for i in pairs[:, 0]}
    return len(tied) > USUAL * len(held_out)


def _groups(pairs: Pairs, batch: Features, kind: Kind) -> list[DuplicateResult]:
    """Images tied by pairs, directly or through others; the largest group first."""
    root = np.arange(len(batch))
    for _ in range(len(batch)):
        before = root.copy()
        np.minimum.at(root, pairs[:, 0], root[pairs[:, 1]])
        np.minimum.at(root, pairs[:, 1], root[pairs[:, 0]])
        if np.array_equal(root, before):
            break
    tied = np.unique(pairs)
    names: dict[int, list[str]] = {}
    for i in tied.tolist():
        names.setdefault(int(root[i]), []).append(batch.names[i])
    listed = sorted((sorted(group) for group in names.values()), key=lambda group: (-len(group), group))
    return [DuplicateResult(kind, "batch", tuple(group)) for group in listed[:MOST]]


def _across(pairs: Pairs, batch: Features, held_out: Features, kind: Kind) -> list[DuplicateResult]:
    """One entry for each image of the batch, with the first of the baseline that is like it."""
    first: dict[str, str] = {}
    for i, j in pairs.tolist():
        first.setdefault(batch.names[i], held_out.names[j])
    listed = sorted(first.items())[:MOST]
    return [DuplicateResult(kind, "baseline", pair) for pair in listed]
