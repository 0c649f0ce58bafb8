"""The pictures that an artifact keeps of good images: packed when a baseline is made, found again by their row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from driftcli.core.features import State
from driftcli.core.schema import Array, ContentError

ARRAYS = (
    Array("image", "int64", ("thumbnails",), least=0),
    Array("offsets", "int64", ("thumbnails + 1",), least=0, rising=True),
    Array("webp", "uint8", ("bytes of thumbnails",)),
)
"""Of what `pack` makes."""


def agree(state: State, images: int) -> None:
    """Raise ContentError where a thumbnail is of none of so many images, or is cut off."""
    if int(state["image"].max()) >= images:
        raise ContentError(f"has a thumbnail of image {int(state['image'].max())} of {images}")
    if int(state["offsets"][-1]) != len(state["webp"]):
        raise ContentError(f"has {len(state['webp'])} bytes of thumbnails, not {int(state['offsets'][-1])}")


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
