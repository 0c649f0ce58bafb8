"""Which images carry the drift: every image ranked by how strange it is to the families that fired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.explain.images import reasons
from driftcli.records import FamilyResult, Features, GroupResult, ImageResult

if TYPE_CHECKING:
    from driftcli.families import Family


def rank(
    families: Sequence[Family],
    results: Sequence[FamilyResult],
    held_out: Mapping[str, NDArray[np.float32]],
    batch: Features,
) -> list[ImageResult]:
    """All images of the batch, most drifted first.

    score: the highest share of C that an image is stranger than, over the gating families that are
    significant (over all gating ones when none is); ties by how far beyond C's middle it lies.
    Descriptive: a rank, not a test.
    """
    gating = [(f, r) for f, r in zip(families, results, strict=True) if f.gate == "on"]
    chosen = [(f, r) for f, r in gating if r.significant] or gating
    n = len(batch)
    score, excess, named = np.full(n, -1.0), np.zeros(n), np.zeros(n, np.int64)
    for index, (family, _) in enumerate(chosen):
        own, theirs = family.detector.scores(
            family.state, held_out[family.view], batch.views[family.view], family.columns
        )
        share = np.searchsorted(np.sort(own), theirs, side="left") / len(own)
        middle = np.median(own)
        far = (theirs - middle) / max(np.quantile(own, 0.95) - middle, 1e-12)
        better = (share > score) | ((share == score) & (far > excess))
        score, excess = np.where(better, share, score), np.where(better, far, excess)
        named[better] = index
    why = _reasons(families, held_out, batch)
    order = sorted(range(n), key=lambda i: (-score[i], -excess[i], batch.names[i]))
    return [
        ImageResult(batch.names[i], place, float(score[i]), chosen[named[i]][0].name, why[i])
        for place, i in enumerate(order, 1)
    ]


def _reasons(
    families: Sequence[Family], held_out: Mapping[str, NDArray[np.float32]], batch: Features
) -> list[tuple[str, ...]]:
    family = next((f for f in families if f.view == "properties"), None)
    if family is None:
        return [()] * len(batch)
    return reasons(batch.views["properties"], held_out["properties"], family.columns)


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
