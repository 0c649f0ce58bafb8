"""How strange images are, family by family: histograms of batch and baseline, and where alarm begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from driftcli.core.findings import ScoreResult
from driftcli.explain.culprits import Strangeness
from driftcli.stats.conformal import threshold

BINS = 40
FAR = 0.99
"""The quantile of either side at which the last bin begins to hold all that is farther out."""


def of(said: Sequence[Strangeness], alpha: float) -> tuple[ScoreResult, ...]:
    """Shares per bin on common edges, for every family whose scores vary."""
    found = []
    for one in said:
        sides = one.batch, one.held_out
        low = min(float(side.min()) for side in sides)
        high = max(float(np.quantile(side, FAR)) for side in sides)
        limit = threshold(one.held_out, alpha)
        high = max(high, low if limit is None else limit)
        if not high > low:
            continue
        edges = np.linspace(low, high, BINS + 1)
        batch, baseline = (
            tuple((np.histogram(np.clip(side, low, high), edges)[0] / len(side)).tolist()) for side in sides
        )
        found.append(ScoreResult(one.family, tuple(edges.tolist()), batch, baseline, limit))
    return tuple(found)
