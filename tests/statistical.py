"""Exact bounds for tests that count alarms: how many a promised rate passes, whether p is uniform."""

from __future__ import annotations

from math import comb, sqrt

import numpy as np

from driftcli.core.evidence import Evidence


def plain(*values: np.ndarray) -> list[Evidence]:
    """Families of these [rows, k] statistics, of equal weight, each as extreme as the largest of its own."""
    return [Evidence(f"family {i}", table, ()) for i, table in enumerate(values)]


def binomial_bound(trials: int, rate: float, level: float = 0.99) -> int:
    """The largest count that stays within a rate: P(count <= bound) >= level, as small as possible."""
    total, count = (1 - rate) ** trials, 0
    while total < level:
        count += 1
        total += comb(trials, count) * rate**count * (1 - rate) ** (trials - count)
    return count


def kolmogorov_p(p: np.ndarray, steps: int) -> float:
    """p-value of p-values against the uniform law on 1/steps, ..., 1 (Kolmogorov's series, Stephens 1970).

    For a discrete law it errs towards accepting by at most 1/steps of distance.
    """
    n = len(p)
    grid = np.arange(1, steps + 1) / steps
    found = np.searchsorted(np.sort(p), grid + 1e-9, side="right") / n
    distance = float(np.abs(found - grid).max())
    scaled = distance * (sqrt(n) + 0.12 + 0.11 / sqrt(n))
    terms = [(-1) ** (k - 1) * np.exp(-2 * k * k * scaled * scaled) for k in range(1, 101)]
    return float(min(1.0, max(0.0, 2 * sum(terms)))) if scaled > 0.2 else 1.0
