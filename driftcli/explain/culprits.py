"""Which images carry the drift: every image ranked by how strange it is to the families that fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.records import Features, GroupResult, ImageResult


@dataclass(frozen=True)
class Strangeness:
    """What one family says of every image, larger is stranger."""

    family: str
    held_out: NDArray[np.float64]
    """[n_c]"""
    batch: NDArray[np.float64]
    """[m]"""


def rank(
    said: Sequence[Strangeness], batch: Features, reasons: Sequence[tuple[str, ...]]
) -> list[ImageResult]:
    """All images of the batch, most drifted first.

    score: the highest share of C that an image is stranger than, over the families in `said`; ties by
    how far beyond C's middle it lies, in units of C's upper spread. Descriptive: a rank, not a test.
    """
    n = len(batch)
    score, excess, named = np.full(n, -1.0), np.zeros(n), np.zeros(n, np.int64)
    for index, family in enumerate(said):
        own, theirs = family.held_out, family.batch
        share = np.searchsorted(np.sort(own), theirs, side="left") / len(own)
        middle = np.median(own)
        far = (theirs - middle) / max(np.quantile(own, 0.95) - middle, 1e-12)
        better = (share > score) | ((share == score) & (far > excess))
        score, excess = np.where(better, share, score), np.where(better, far, excess)
        named[better] = index
    order = sorted(range(n), key=lambda i: (-score[i], -excess[i], batch.names[i]))
    return [
        ImageResult(batch.names[i], place, float(score[i]), said[named[i]].family, reasons[i])
        for place, i in enumerate(order, 1)
    ]


def by_slice(images: Sequence[ImageResult], batch: Features) -> tuple[GroupResult, ...]:
    """Rows of the report for `--slice-by` (else `--group-by`): count and mean score; descriptive."""
    keys = batch.slice or batch.group
    if keys is None:
        return ()
    of_name: dict[str, list[float]] = {}
    key_of = dict(zip(batch.names, keys, strict=True))
    for image in images:
        of_name.setdefault(key_of[image.path], []).append(image.score)
    return tuple(
        GroupResult(name, len(scores), float(np.mean(scores))) for name, scores in sorted(of_name.items())
    )
