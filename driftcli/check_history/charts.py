"""Control charts of a series of checks: Shewhart, EWMA and CUSUM on p-values, with the false alarms of a year simulated.

Pictures, not the gate: their usual limits promise an average run length, not a year.

A p-value of B relabellings is a rank, one of 1/(B+1), 2/(B+1), ..., 1, equally likely on good images. The middle of
its step, p − ½/(B+1), never is 0 or 1, so that z = Φ⁻¹(1 − p + ½/(B+1)) is finite and, on good images, standard
normal up to the step. All three charts look upwards only: small p, large z.

With z_t the score of check t: Shewhart plots z_t against 3; EWMA plots s_t = λ·z_t + (1 − λ)·s_{t−1}, s_0 = 0, against
L·√(λ/(2 − λ)), L times its stationary standard deviation; CUSUM plots Page's c_t = max(0, c_{t−1} + z_t − k), c_0 = 0,
against h. Montgomery, Introduction to Statistical Quality Control, ch. 6 and 9; λ = 0.2, L = 2.962, k = ½, h = 5.
"""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.check_history.records import Chart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftcli.check_history.records import PastCheck

Floats = NDArray[np.float64]
Name = Literal["shewhart", "ewma", "cusum"]
WEIGHT, WIDTH = 0.2, 2.962
"""EWMA: λ, the share of the newest score; L, the limit in its own standard deviations (average run length 500)."""
SLACK, HEIGHT = 0.5, 5.0
"""CUSUM: k, half the shift that it is made for, and h, its limit, in standard deviations of one score."""
SIGMAS = 3.0
TOGETHER = 4_000_000
"""Simulated checks, at most: of longer years there are fewer. And relabellings."""
MOST = 10_000
"""Checks of a simulated year, at most."""
YEARS = 4_000


def scores(p: Floats, permutations: Floats) -> Floats:
    """Normal scores z of rank p-values (module text), any shape; `permutations`: B of each of them."""
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    normal: Floats = inverse(np.clip(1 - (p - 0.5 / (permutations + 1)), 1e-12, 1 - 1e-12))
    return normal


def shewhart(z: Floats) -> Floats:
    """The scores [..., t] as they are: every check by itself."""
    return z


def ewma(z: Floats) -> Floats:
    """Exponentially weighted means s_t of the scores [..., t] along the last axis, s_0 = 0: [..., t]."""
    means, mean = np.empty_like(z), np.zeros(z.shape[:-1])
    for t in range(z.shape[-1]):
        mean = WEIGHT * z[..., t] + (1 - WEIGHT) * mean
        means[..., t] = mean
    return means


def cusum(z: Floats) -> Floats:
    """Page's cumulative sums c_t of the scores [..., t] along the last axis, never below 0: [..., t]."""
    sums, total = np.empty_like(z), np.zeros(z.shape[:-1])
    for t in range(z.shape[-1]):
        total = np.maximum(0, total + z[..., t] - SLACK)
        sums[..., t] = total
    return sums


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
    """The three charts over the checks that have a p-value and are no repetition; none for fewer than two checks.

    Limits of a simulated year are those of the newest check's relabellings and horizon.
    """
    used = [check for check in checks if check.p_value is not None and not check.duplicate]
    if len(used) < 2:  # noqa: PLR2004  # a chart of one point says nothing
        return ()
    z = scores(
        np.array([check.p_value for check in used], np.float64),
        np.array([check.permutations or 999 for check in used], np.float64),
    )
    finest = min(used[-1].permutations or 999, TOGETHER)
    per_year = min(used[-1].horizon, MOST)
    years = min(YEARS, TOGETHER // per_year)
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
                yearly(name, finest, per_year, years),
                years,
                per_year,
            )
        )
    return tuple(charts)


@cache
def yearly(name: Name, permutations: int, per_year: int, years: int = YEARS, seed: int = 0) -> float:
    """Share of simulated good years in which the chart passes its limit at least once.

    A year is `per_year` independent checks of good images, each with a p-value uniform on the B + 1 ranks of
    `permutations`: what the chart's false alarms are where nothing is wrong and batches do not share their C.
    """
    rng = np.random.default_rng([seed, permutations, per_year])
    ranks = np.arange(1, permutations + 2)
    every = scores(ranks / (permutations + 1), np.full(len(ranks), float(permutations)))
    _, follow, limit = CHARTS[name]
    z = every[rng.integers(0, len(every), (years, per_year))]
    return float((follow(z).max(axis=1) > limit).mean())
