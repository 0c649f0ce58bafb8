"""Control charts of a series of checks: Shewhart, EWMA and CUSUM on p-values, with the false alarms of a year simulated.

Pictures, not the gate: their usual limits promise an average run length, not a year. A p-value becomes a normal
score, z = Φ⁻¹(1 − p), with half a step of the rank taken off: standard normal on good images. All three look
upwards only. Montgomery, Introduction to Statistical Quality Control, ch. 6 and 9.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.history.records import Chart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftcli.history.records import PastCheck

Floats = NDArray[np.float64]
Name = Literal["shewhart", "ewma", "cusum"]
WEIGHT, WIDTH = 0.2, 2.962
"""EWMA: share of the newest score, and limit in its own standard deviations (average run length 500)."""
SLACK, HEIGHT = 0.5, 5.0
"""CUSUM: half the shift that it is made for, and its limit, in standard deviations of one score."""
SIGMAS = 3.0
YEARS = 4_000


def scores(p: Floats, permutations: Floats) -> Floats:
    """Normal scores of rank p-values; `permutations` says how fine each p is."""
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    normal: Floats = inverse(np.clip(1 - (p - 0.5 / (permutations + 1)), 1e-12, 1 - 1e-12))
    return normal


def shewhart(z: Floats) -> Floats:
    """Every score by itself."""
    return z


def ewma(z: Floats) -> Floats:
    """[..., t]: exponentially weighted mean along the last axis, starting at 0."""
    out, held = np.empty_like(z), np.zeros(z.shape[:-1])
    for t in range(z.shape[-1]):
        held = WEIGHT * z[..., t] + (1 - WEIGHT) * held
        out[..., t] = held
    return out


def cusum(z: Floats) -> Floats:
    """[..., t]: Page's cumulative sum along the last axis, never below 0."""
    out, held = np.empty_like(z), np.zeros(z.shape[:-1])
    for t in range(z.shape[-1]):
        held = np.maximum(0, held + z[..., t] - SLACK)
        out[..., t] = held
    return out


CHARTS: dict[Name, tuple[str, Callable[[Floats], Floats], float]] = {
    "shewhart": ("Shewhart: each check's score, limit 3 sigma", shewhart, SIGMAS),
    "ewma": (
        "EWMA: weighted mean of the scores, newest 20 %",
        ewma,
        WIDTH * math.sqrt(WEIGHT / (2 - WEIGHT)),
    ),
    "cusum": ("CUSUM: sum of the scores above 0.5", cusum, HEIGHT),
}
"""Title, how it is computed, limit."""


def of(checks: Sequence[PastCheck]) -> tuple[Chart, ...]:
    """All charts over the checks that have a p-value and are no repetition; none for fewer than two."""
    used = [check for check in checks if check.p_value is not None and not check.duplicate]
    if len(used) < 2:  # noqa: PLR2004  # a chart of one point says nothing
        return ()
    z = scores(
        np.array([check.p_value for check in used], np.float64),
        np.array([check.permutations or 999 for check in used], np.float64),
    )
    finest, per_year = used[-1].permutations or 999, used[-1].horizon
    charts = []
    for name, (title, follow, limit) in CHARTS.items():
        values = follow(z)
        over = np.flatnonzero(values > limit)
        charts.append(
            Chart(
                name,
                title,
                tuple(check.id for check in used),
                tuple(values.tolist()),
                limit,
                used[int(over[0])].id if len(over) else None,
                yearly(name, finest, per_year),
                YEARS,
                per_year,
            )
        )
    return tuple(charts)


@cache
def yearly(name: Name, permutations: int, per_year: int, years: int = YEARS, seed: int = 0) -> float:
    """Share of simulated years of independent checks of good images in which the chart passes its limit."""
    rng = np.random.default_rng([seed, permutations, per_year])
    ranks = np.arange(1, permutations + 2)
    every = scores(ranks / (permutations + 1), np.full(len(ranks), float(permutations)))
    _, follow, limit = CHARTS[name]
    z = every[rng.integers(0, len(every), (years, per_year))]
    return float((follow(z).max(axis=1) > limit).mean())
