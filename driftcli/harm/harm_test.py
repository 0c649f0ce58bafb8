"""The harm test: has the mean correctness score fallen, further than good images and harmless changes let it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS = 1999
"""Relabellings, and batches drawn from harmless conditions in all."""
HARMLESS = 0.01
"""A simulated condition that costs the good images at most so much accuracy is harmless."""
CHUNK = 1 << 22
"""Numbers drawn at once."""


@dataclass(frozen=True)
class HarmTest:
    """A one-sided test of its own, beside the gate and outside its alpha."""

    p_value: float
    """The larger of the next two."""
    p_unchanged: float
    """By relabelling good images and batch: exact where nothing changed at all."""
    p_harmless: float | None
    """Share of batches drawn from conditions known to be harmless whose score fell as far; None where nothing was simulated."""
    alpha: float
    alarm: bool
    fall: float
    """By how much the mean score of the batch lies below that of the good images."""


def tested(
    good: Numbers, batch: Numbers, harmless: list[Numbers] | None, alpha: float, rng: np.random.Generator
) -> HarmTest:
    """The test of scores [m] against those of good images [n].

    `harmless`: for each condition that costs next to nothing its scores, the unchanged one among them; a batch is then held
    against whichever is harder to pass.
    """
    batch = np.sort(batch)  # the p-value knows no order of images
    fall = float(good.mean() - batch.mean())
    unchanged = _permuted(good, batch, rng)
    known = None if harmless is None else _drawn(good, len(batch), harmless, fall, rng)
    p = unchanged if known is None else max(unchanged, known)
    return HarmTest(p, unchanged, known, alpha, p <= alpha, fall)


def _permuted(good: Numbers, batch: Numbers, rng: np.random.Generator) -> float:
    """Share of relabellings, the observed one included, whose batch has a mean as low."""
    m, both = len(batch), np.concatenate([good, batch])
    observed = batch.sum()
    hits, left = 0, DRAWS
    while left:
        count = min(left, max(1, CHUNK // len(both)))
        order = rng.random((count, len(both)))
        taken = np.argpartition(order, m - 1, axis=1)[:, :m]
        hits += int((both[taken].sum(axis=1) <= observed + 1e-9).sum())
        left -= count
    return (1 + hits) / (1 + DRAWS)


def _drawn(good: Numbers, m: int, harmless: list[Numbers], fall: float, rng: np.random.Generator) -> float:
    """Share of drawn harmless batches, the observed one included, whose mean fell as far.

    With replacement, and their spread stretched by the root of 1 + m/n: the good images are a sample themselves, which batches
    drawn from them do not feel.
    """
    hits = total = 0
    each = -(-DRAWS // len(harmless))
    for scores in harmless:
        left = each
        stretch = np.sqrt(1 + m / len(scores))
        while left:
            count = min(left, max(1, CHUNK // m))
            means = scores[rng.integers(len(scores), size=(count, m))].mean(axis=1)
            falls = good.mean() - scores.mean() + stretch * (scores.mean() - means)
            hits += int((falls >= fall - 1e-9).sum())
            total += count
            left -= count
    return (1 + hits) / (1 + total)
