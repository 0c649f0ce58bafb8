"""Anomaly scores of images, family by family: histograms of batch and baseline, and where alarm begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driftcli.core.findings import ScoreResult
from driftcli.explain.culprits import AnomalyScores
from driftcli.stats.conformal import threshold

BINS = 40
FAR = 0.99
"""The quantile of either side at which the last bin begins to hold all that is farther out."""


def of(scores: Sequence[AnomalyScores], alpha: float) -> tuple[ScoreResult, ...]:
    """For every family whose scores vary: the share of images per bin, of batch and held-out set, on common edges.

    `limit` of a result is the score that a good image exceeds with probability `alpha` at most; None where the
    held-out set is too small to know it.
    """
    results = []
    for family in scores:
        sides = family.batch, family.held_out
        low = min(float(side.min()) for side in sides)
        high = max(float(np.quantile(side, FAR)) for side in sides)
        limit = threshold(family.held_out, alpha)
        high = max(high, low if limit is None else limit)
        if not high > low:
            continue
        edges = np.linspace(low, high, BINS + 1)
        batch, baseline = (
            tuple((np.histogram(np.clip(side, low, high), edges)[0] / len(side)).tolist()) for side in sides
        )
        results.append(ScoreResult(family.family, tuple(edges.tolist()), batch, baseline, limit))
    return tuple(results)
