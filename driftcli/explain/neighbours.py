"""The good image that is most like each image of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftcli.explain._standard import Views, learn, squared_distances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def nearest(good: Views, candidates: Sequence[int], batch: Views) -> NDArray[np.int64] | None:
    """[m]: the row of C, out of `candidates`, that lies nearest in standardised features.

    `good`: views of all of C, the best portrait first, whose spread is the unit. None without candidates or views.
    """
    standard = learn(good)
    if standard is None or not candidates:
        return None
    offered = {standard.view: good[standard.view][list(candidates)]}
    apart = squared_distances(standard(batch), standard(offered))
    found: NDArray[np.int64] = np.asarray(candidates, np.int64)[apart.argmin(axis=1)]
    return found
