"""What a batch has too little of: good images that resemble other good images more than they do the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftcli.explain._standard import Views, learn, squared_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 8
COMPARED = 2_000
"""Good images, and images of the batch, that each candidate is compared with at most."""
CROWD = 0.05
"""A candidate among this share of all that lie nearest to a chosen one is of a kind that is shown already."""


@dataclass(frozen=True)
class Missed:
    """One good image that the batch has too little of."""

    row: int
    """Its row in the held-out set."""
    score: float
    """Share of the candidates that are better represented."""


def missing(good: Views, candidates: Sequence[int], batch: Views) -> tuple[Missed, ...]:
    """Up to eight of `candidates` (rows of the held-out set), the most missed first, each of another kind.

    An image is missed as far as the witness function of MMD is positive there: mean Gaussian kernel to the
    held-out set less mean kernel to the batch, in standardised features, bandwidth the median distance. It is
    the function whose means differ most between both sets. "Of another kind": not among the 5 % of candidates
    nearest to one that was chosen before. Views come with the best portrait first. Reference: Gretton et al. 2012,
    section 2.3; Lloyd & Ghahramani 2015.
    """
    standard = learn(good)
    if standard is None or len(candidates) < 2:  # noqa: PLR2004 - a median needs two
        return ()
    rows = np.asarray(candidates, np.int64)
    x = standard({standard.view: good[standard.view][rows]})
    c = standard({standard.view: good[standard.view][:COMPARED]})
    y = standard({standard.view: batch[standard.view][:COMPARED]})
    witness, apart = _witness(x, rows, c, y), squared_distances(x, x)
    near = max(1, round(CROWD * len(rows)))
    reach = np.partition(apart, near, axis=1)[:, near]  # itself is the nearest
    chosen: list[int] = []
    for i in np.argsort(-witness, kind="stable"):
        if witness[i] <= 0 or len(chosen) == MOST:
            break
        if all(apart[i, j] > reach[j] for j in chosen):
            chosen.append(int(i))
    return tuple(Missed(int(rows[i]), float((witness < witness[i]).mean())) for i in chosen)


def _witness(
    x: NDArray[np.float32], rows: NDArray[np.int64], c: NDArray[np.float32], y: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The witness function at k candidates x [k, d]: mean kernel to the *other* rows of c less that to the rows of y.

    `rows` [k]: the candidates' rows in the held-out set, of which `c` is the first part; distance 0 of an image
    to itself would make each its own best friend, and is left out by an infinite distance (kernel 0).
    """
    to_good, to_batch = squared_distances(x, c), squared_distances(x, y)
    in_c = rows < len(c)
    to_good[np.flatnonzero(in_c), rows[in_c]] = np.inf  # an image is no witness for itself
    width = 2 * max(float(np.median(to_good[np.isfinite(to_good)])), 1e-12)
    others = np.isfinite(to_good).sum(axis=1)
    similar = np.exp(-to_good / width).sum(axis=1, dtype=np.float64) / np.maximum(others, 1)
    witness: NDArray[np.float64] = similar - np.exp(-to_batch / width).mean(axis=1, dtype=np.float64)
    return witness
