"""The pictures that an artifact keeps of good images: packed when a baseline is made, found again by their row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from driftcli.core.features import State


def pack(thumbnails: Sequence[bytes], limit: int) -> State | None:
    """The first `limit` thumbnails (lowest content hash) as one State: WebP bytes joined, their offsets and rows.

    None where there is none.
    """
    chosen = [(i, t) for i, t in enumerate(thumbnails) if t][:limit]
    if not chosen:
        return None
    sizes = np.array([len(t) for _, t in chosen], np.int64)
    return {
        "webp": np.frombuffer(b"".join(t for _, t in chosen), np.uint8),
        "offsets": np.concatenate([[0], np.cumsum(sizes)]),
        "image": np.array([i for i, _ in chosen], np.int64),
    }


def unpack(state: State, images: int) -> Mapping[int, bytes]:
    """WebP bytes by the image's row in the held-out set; rows beyond its `images` are left out."""
    rows, ends = (state[name].reshape(-1).tolist() for name in ("image", "offsets"))
    return {
        row: state["webp"][start:end].tobytes()
        for row, (start, end) in zip(rows, pairwise(ends), strict=False)
        if 0 <= row < images
    }
