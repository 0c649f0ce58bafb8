"""Bursts: images of a batch that are nearly copies of each other, and so no independent witnesses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.reference.split import NEAR_BITS

LEAST, SHARE = 10, 0.1
MOST = 2_000
"""Images looked at: every pair of them is compared."""


def caution(batch: Features, held_out: Features) -> str:
    """What to say when a tenth of the batch, beyond what is usual among good images, has a near-duplicate in it."""
    excess = burst_share(batch, held_out)
    if excess <= SHARE:
        return ""
    return (
        f"{excess:.0%} of the batch are near-duplicates of others in it (bursts, frames of one video?): they are no "
        "independent witnesses, and the gate may fire too often; name what ties them with --group-by"
    )


def burst_share(batch: Features, held_out: Features) -> float:
    """Share of images with a near-duplicate in the batch, less the share that have one among as many good images.

    Near-duplicates: 64-bit difference hashes that differ in few bits, of images that are not identical.
    The second share is what pictures of this kind (digits, say) have without any burst.
    """
    m = min(len(batch), len(held_out), MOST)
    if m < LEAST:
        return 0.0
    ours, others = batch.first(m), held_out.first(m)
    return float(_has_near(ours, ours).mean() - _has_near(ours, others).mean())


def _has_near(images: Features, among: Features) -> NDArray[np.bool_]:
    close = np.bitwise_count(images.near[:, None] ^ among.near[None, :]) <= NEAR_BITS
    close &= images.pixels[:, None] != among.pixels[None, :]
    found: NDArray[np.bool_] = close.any(axis=1)
    return found
