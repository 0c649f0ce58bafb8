"""Which images carry the drift: every image ranked by its anomaly score in all families that have a say.

An image's anomaly score in one family is -ln p, where p estimates the share of good images that lie as far out. Such
scores of different families have one unit (nats), and their sum over families is half of Fisher's statistic (1932)
for combining p-values. Families depend on each other, so the sum is not compared with a chi-squared table but with
the same sum of each held-out image: that rank is a conformal p-value, valid whatever the dependence.
"""

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
class AnomalyScores:
    """The anomaly score of every image in one family, in nats: -ln of the share of good images as far out."""

    family: str
    held_out: NDArray[np.float64]
    """[n_c], of the held-out set; each of its images judged by the others."""
    batch: NDArray[np.float64]
    """[m]"""


def rank(
    scores: Sequence[AnomalyScores], batch: Features, outside: Sequence[tuple[Outside, ...]], alpha: float
) -> list[ImageResult]:
    """All images of the batch, most drifted first: by the sum of their anomaly scores over the families.

    `scores`: one entry a family, all of the same images. `outside`: for each image of the batch the facts that its
    reasons are made of.

    Of each result, `score` is the share of held-out images whose sum is smaller; `p_value` its conformal rank
    among their sums, so that no correction for the number of families is due; `significant` whether it is among
    the images that may be called drifted at a false discovery rate of `alpha` (Benjamini & Hochberg 1995);
    `family` the one in which fewest held-out images are as far out.
    """
    held_out, of_batch = _sum(scores)
    p = conformal.p_values(held_out, of_batch)
    significant = conformal.discoveries(p, alpha)
    share = np.searchsorted(np.sort(held_out), of_batch, side="left") / len(held_out)
    rarest = _rarest(scores)
    return [
        ImageResult(
            batch.names[i],
            place,
            float(share[i]),
            scores[rarest[i]].family,
            tuple(map(sentences.outside, outside[i])),
            p_value=float(p[i]),
            significant=bool(significant[i]),
            content=batch.content[i].decode(),
            outside=outside[i],
        )
        for place, i in enumerate(order(scores, batch.names), 1)
    ]


def order(scores: Sequence[AnomalyScores], names: Sequence[str]) -> list[int]:
    """Positions in the batch, the most drifted image first; of equally drifted ones the first name."""
    sums = _sum(scores)[1]
    return sorted(range(len(names)), key=lambda i: (-sums[i], names[i]))


def _sum(scores: Sequence[AnomalyScores]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over the families: of the held-out set [n_c], of the batch [m]."""
    held_out: NDArray[np.float64] = np.sum([family.held_out for family in scores], axis=0)
    batch: NDArray[np.float64] = np.sum([family.batch for family in scores], axis=0)
    return held_out, batch


def _rarest(scores: Sequence[AnomalyScores]) -> NDArray[np.int64]:
    """For each image [m] the position of the family with the smallest conformal p-value.

    p-values of images beyond all held-out ones tie at 1/(n_c + 1): there the larger score decides.
    """
    p = np.stack([conformal.p_values(family.held_out, family.batch) for family in scores])
    nats = np.stack([family.batch for family in scores])
    best: NDArray[np.int64] = np.where(p == p.min(axis=0), nats, -np.inf).argmax(axis=0)
    return best
