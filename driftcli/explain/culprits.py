"""Which images carry the drift: every image ranked by how strange it is to all families that have a say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core import sentences
from driftcli.core.features import Features
from driftcli.core.findings import ImageResult, Outside
from driftcli.stats import conformal


@dataclass(frozen=True)
class Strangeness:
    """What one family says of every image, in nats (-ln of the share of good images as strange)."""

    family: str
    held_out: NDArray[np.float64]
    """[n_c], each image judged by the others."""
    batch: NDArray[np.float64]
    """[m]"""


def rank(
    said: Sequence[Strangeness], batch: Features, outside: Sequence[tuple[Outside, ...]], alpha: float
) -> list[ImageResult]:
    """All images of the batch, most drifted first: by the sum of their strangeness over the families in `said`.

    score: the share of C whose sum is smaller; p-value: its rank among those of C, so that the sum needs no
    correction for being one; `significant`: at a false discovery rate of alpha. `family`: the one that finds
    the image rarest. `outside`: for each image of the batch the facts that its reasons are made of.
    """
    own, theirs = _sum(said)
    p = conformal.p_values(own, theirs)
    found = conformal.discoveries(p, alpha)
    score = np.searchsorted(np.sort(own), theirs, side="left") / len(own)
    rarest = _rarest(said)
    return [
        ImageResult(
            batch.names[i],
            place,
            float(score[i]),
            said[rarest[i]].family,
            tuple(map(sentences.outside, outside[i])),
            p_value=float(p[i]),
            significant=bool(found[i]),
            content=batch.content[i].decode(),
            outside=outside[i],
        )
        for place, i in enumerate(order(said, batch.names), 1)
    ]


def order(said: Sequence[Strangeness], names: Sequence[str]) -> list[int]:
    """Positions in the batch, the most drifted image first; of equals the first name."""
    theirs = _sum(said)[1]
    return sorted(range(len(names)), key=lambda i: (-theirs[i], names[i]))


def _sum(said: Sequence[Strangeness]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[n_c], [m]: over the families."""
    own: NDArray[np.float64] = np.sum([one.held_out for one in said], axis=0)
    theirs: NDArray[np.float64] = np.sum([one.batch for one in said], axis=0)
    return own, theirs


def _rarest(said: Sequence[Strangeness]) -> NDArray[np.int64]:
    """[m]: the family in which fewest good images are as strange; of equals the one that is farther out."""
    p = np.stack([conformal.p_values(one.held_out, one.batch) for one in said])
    nats = np.stack([one.batch for one in said])
    best: NDArray[np.int64] = np.where(p == p.min(axis=0), nats, -np.inf).argmax(axis=0)
    return best
