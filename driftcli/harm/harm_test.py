"""The harm test: has the batch lost more than good images, harmless changes and harmless class mixes seem to?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

SIZES = (5, 10, 20, 50, 100, 200)
"""Harmless batches are drawn at these sizes. A batch is held against those of the largest size that it reaches, whose spread is not
smaller than its own."""
DRAWS = 199
"""Harmless batches of each size and kind: p is at least 1 / 200."""
RELABELLINGS = 1999
"""Where nothing was simulated."""
HARMLESS = 0.01
"""A change that costs the good images at most so much accuracy is harmless."""
KINDS = ("unchanged", "changed", "mixed")
"""Of harmless batches: good images as they are, under changes, and with other class shares."""
CHUNK = 1 << 22
"""Numbers drawn at once."""


@dataclass(frozen=True)
class HarmTest:
    """A one-sided test of its own, beside the gate and outside its alpha."""

    p_value: float
    """The larger of the next two."""
    p_unchanged: float
    """Share of batches of good images, the batch included, that seem to have lost as much."""
    p_harmless: float | None
    """The same of batches under harmless changes and with harmless class shares; None where nothing was simulated."""
    alpha: float
    alarm: bool


@dataclass(frozen=True)
class Harmless:
    """What batches that lost nothing seem to have lost."""

    drops: Numbers
    """[kinds, sizes, draws]: estimates for a free mix, none by a regression that knew the batch's class of corruptions."""

    def test(self, drop: float, images: int, alpha: float) -> HarmTest | None:
        """The test of a batch of so many images with an estimated drop; None for fewer images than were ever drawn."""
        if images < SIZES[0]:
            return None
        at = int(np.searchsorted(SIZES, images, side="right")) - 1
        hits = (self.drops[:, at] >= drop - 1e-12).sum(axis=1)
        draws = self.drops.shape[2]
        unchanged = (1 + int(hits[0])) / (1 + draws)
        harmless = (1 + int(hits[1:].sum())) / (1 + (len(KINDS) - 1) * draws)
        p = max(unchanged, harmless)
        return HarmTest(p, unchanged, harmless, alpha, p <= alpha)

    def pack(self) -> dict[str, Numbers]:
        """Its array, as `ARRAYS` declares it."""
        return {"drops": self.drops}

    @staticmethod
    def unpack(state: State) -> Harmless:
        """The inverse of `pack`."""
        return Harmless(state["drops"])


ARRAYS = (Array("drops", "float64", (len(KINDS), len(SIZES), "harmless batches"), least=-1.0, most=1.0),)


def stretched(drops: Numbers, images: int, good: int) -> Numbers:
    """The drops, farther from their mean by the root of 1 + images/good.

    The good images are a sample themselves, which batches drawn from them do not feel.
    """
    found: Numbers = np.clip(drops.mean() + np.sqrt(1 + images / good) * (drops - drops.mean()), -1, 1)
    return found


def by_scores(good: Numbers, batch: Numbers, alpha: float, rng: np.random.Generator) -> HarmTest:
    """The test where nothing was simulated: of mean scores [m] against those of good images [n], by relabelling.

    Exact where nothing changed at all; whether a change that lowers them costs accuracy it cannot know.
    """
    batch = np.sort(batch)  # the p-value knows no order of images
    m, both = len(batch), np.concatenate([good, batch])
    observed = batch.sum()
    hits, left = 0, RELABELLINGS
    while left:
        count = min(left, max(1, CHUNK // len(both)))
        order = rng.random((count, len(both)))
        taken = np.argpartition(order, m - 1, axis=1)[:, :m]
        hits += int((both[taken].sum(axis=1) <= observed + 1e-9).sum())
        left -= count
    p = (1 + hits) / (1 + RELABELLINGS)
    return HarmTest(p, p, None, alpha, p <= alpha)
