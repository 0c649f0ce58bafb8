"""Is the error rate higher than it may be, watched day by day for as long as one likes: an anytime-valid test.

Podkopaev & Ramdas 2022 (arXiv 2110.06177): alarm when the error rate is, beyond doubt, above what the baseline's may be plus what
is tolerated. Here by betting (Waudby-Smith & Ramdas 2024), and with labels that were taken with unequal chances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BETS = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Shares of the largest bet that cannot lose everything; the evidence is the mean over them."""


@dataclass(frozen=True)
class Labelled:
    """The labels of one day, as draws that are right on average."""

    draws: Floats
    """[n]: each has the day's error rate as its mean (`draws`)."""
    least: float
    """What no draw can fall below; known before anything was labelled."""


@dataclass(frozen=True)
class Evidence:
    """Against an error rate at or below the limit on every day."""

    limit: float
    values: tuple[float, ...]
    """After each day. At most a share alpha of all runs in which the limit was kept ever reach 1 / alpha, whenever one looks."""

    def alarm(self, alpha: float) -> int | None:
        """The first day, from 0, whose evidence reaches 1 / alpha; None where none does."""
        return next((day for day, value in enumerate(self.values) if value >= 1 / alpha), None)


def draws(
    right: Floats,
    correctness: Floats,
    probability: Floats,
    all_correctness: Floats,
    all_probability: Floats,
    *,
    most: float = 1.0,
) -> Labelled:
    """One day's n labels as n draws, each with the error rate of the day's N images as its mean.

    (mean of 1 - c) + n (c - y) / (pi N): the difference estimator, label by label. `right`, `correctness`, `probability`: [n]; the others: [N].
    `most`: what `right` is at most; above 1 where wrong labels are allowed for.
    """
    n, total = len(right), len(all_correctness)
    expected = float((1 - all_correctness).mean())
    scale = n / total
    parts = expected + scale * (correctness - right) / probability
    worth = scale * (all_correctness - most) / all_probability  # of an image that is found right
    return Labelled(parts, expected + float(worth.min()))


def watch(days: Sequence[Labelled], limit: float) -> Evidence:
    """Evidence that on some day the error rate was above `limit`, after each day.

    Each bet multiplies 1 + b (draw - limit), whose mean is at most 1 while the limit is kept; betting starts anew on every day, with
    capital 1/2, 1/6, 1/12, ... of the whole for starting on the first, second, third, so that good days before a bad one cost little. Labels of a day
    must be a random sample, taken before anybody knew them. With equal chances the bound is exact at the ends of days (draws without replacement
    are negatively associated: Joag-Dev & Proschan 1983); with unequal ones it is measured, `tests/labelling/test_monitor.py`.
    """
    started = np.zeros((0, len(BETS)))
    values = []
    for number, day in enumerate(days):
        started = np.vstack([started, np.full(len(BETS), 1 / ((number + 1) * (number + 2)))])
        most = 1 / max(limit - day.least, 1e-9)
        growth = [np.prod(1 + bet * most * (day.draws - limit)) for bet in BETS]
        started *= np.maximum(growth, 0.0)
        values.append(float(started.mean(axis=1).sum() + 1 / (number + 2)))
    return Evidence(limit, tuple(values))
