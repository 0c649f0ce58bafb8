"""How far annotators agree beyond what chance would make of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Z = 1.959963984540054
_PAIR = 2


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha: 1 is agreement, 0 what chance gives, below 0 is worse than chance."""

    alpha: float | None
    low: float | None
    high: float | None
    images: int
    """With labels of two or more annotators: only those say anything."""
    reason: str | None = None
    """Why there is no alpha."""


def counts(ratings: NDArray[np.int64], classes: int) -> Floats:
    """[images, classes]: how many annotators gave each label. `ratings`: [images, annotators], -1 where there is no label."""
    found: Floats = (ratings[:, :, None] == np.arange(classes)).sum(axis=1).astype(np.float64)
    return found


def krippendorff(ratings: NDArray[np.int64], classes: int) -> Agreement:
    """Alpha for labels without an order (Krippendorff 2011), its 95 % interval by leaving out one image at a time.

    `ratings`: [images, annotators], -1 where there is no label. The jackknife: Hughes 2022, arXiv 2210.13265. Undefined where nobody
    labelled what another did, and where all labels are one class: then chance would agree as well.
    """
    table = counts(ratings, classes)
    table = table[table.sum(axis=1) >= _PAIR]
    images = len(table)
    if not images:
        return Agreement(None, None, None, 0, "no image has labels of two annotators")
    of_image, of_class = table.sum(axis=1), table.sum(axis=0)
    apart = (of_image**2 - (table**2).sum(axis=1)) / (of_image - 1)
    if (of_class > 0).sum() < _PAIR:
        return Agreement(None, None, None, images, "all labels are of one class: chance would agree as well")
    alpha = float(_alpha(apart.sum(), of_class))
    without = _alpha(apart.sum() - apart, of_class - table)
    without = without[np.isfinite(without)]
    if len(without) < _PAIR:
        return Agreement(alpha, None, None, images)
    se = np.sqrt((len(without) - 1) * without.var())
    return Agreement(alpha, float(alpha - Z * se), min(1.0, float(alpha + Z * se)), images)


def _alpha(apart: Floats | float, of_class: Floats) -> Floats:
    """From disagreement within images, and counts of classes in the last axis; NaN where only one class is left."""
    total = of_class.sum(axis=-1)
    by_chance = total**2 - (of_class**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = 1 - (total - 1) * apart / np.where(by_chance > 0, by_chance, np.nan)
    return found
