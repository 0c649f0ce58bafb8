"""What a detector says under every relabelling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DisplayEffect:
    """A familiar effect size beside the shifted share: `sd_shift`, `auc`, `kernel_d`, ..."""

    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic of a family: its values on both sides and its effect as a shifted share."""

    name: str
    batch: float | None = None
    baseline: float | None = None
    effect: float | None = None
    effect_lower: float | None = None
    display_effect: DisplayEffect | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """How the statistics of a family become one number, and how much that counts among families: set by kinds, never by data."""

    statistics: tuple[float, ...] = ()
    """How much each counts in a weighted sum of all; empty: the family is as extreme as the largest of them."""
    weight: float = 1.0
    """Of the family's p-value in the verdict, above 0: with 2 it counts as if it were half as large."""


@dataclass(frozen=True)
class Evidence:
    """All statistics of one family under all relabellings; row 0 is the observed labelling."""

    family: str
    values: NDArray[np.float64]
    """[relabellings + 1, k]; larger is more extreme."""
    statistics: tuple[Statistic, ...]
    """k of them, in the order of the columns."""
    join: Join = Join()
