"""The good image that is most like each image of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftcli.explain._standard import Views, learn, squared_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STRIP = 256
"""Images of a batch whose distances are in memory together: all of ten thousand to 500 good ones took 60 MB."""


def nearest(good: Views, candidates: Sequence[int], batch: Views) -> NDArray[np.int64] | None:
    """For each image of the batch [m] the row of the held-out set that lies nearest in standardised features.

    `good`: views of the whole held-out set, the best portrait first, whose spread is the unit; `candidates`: rows
    of it to choose from. None without candidates or views.
    """
    standard = learn(good)
    if standard is None or not candidates:
        return None
    views = {standard.view: good[standard.view][list(candidates)]}
    ours, theirs = standard(batch), standard(views)
    strips = (ours[start : start + STRIP] for start in range(0, len(ours), STRIP))
    nearest_of = [squared_distances(strip, theirs).argmin(axis=1) for strip in strips]
    rows: NDArray[np.int64] = np.asarray(candidates, np.int64)[np.concatenate(nearest_of)]
    return rows
