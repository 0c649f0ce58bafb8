"""Imagined batches against the same good images: how the gate would judge each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftcli.reference.families import Family
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

PERMUTATIONS = 999
Views = Mapping[str, NDArray[np.float32]]


class Bench:
    """Good images, and what all statistics look like for clean batches of m images against them.

    The relabellings are those of one clean batch; every other batch is ranked among them. The gate of
    `check` relabels each batch's own images instead: with many good images the two hardly differ
    (tests/test_trials.py compares them), and here a trial costs one row instead of a thousand.
    """

    def __init__(
        self, families: Sequence[Family], kept: Views, clean: Views, rng: np.random.Generator
    ) -> None:
        """`kept`, `clean`: views of the good images and of one clean batch of m. One family at least is `on`."""
        self.families = [
            replace(f, state={**f.state, **f.detector.calibrate(f.state, kept[f.view])}) for f in families
        ]
        self.kept = kept
        n, m = (len(next(iter(side.values()))) for side in (kept, clean))
        drawn = draw(n, m, PERMUTATIONS, rng)
        self._null = [
            (
                f.detector.values(f.state, pooled, drawn, f.columns)[1:],
                f.detector.names(f.state, pooled, f.columns),
            )
            for f, pooled in self._pooled(clean)
        ]
        self._drawn = drawn

    def p(self, batch: Views) -> NDArray[np.float64]:
        """[1 + families]: p of the gate, then each family's own, for one batch of m images."""
        only = replace(self._drawn, labels=self._drawn.labels[:1])
        tables = []
        for (f, pooled), (null, known) in zip(self._pooled(batch), self._null, strict=True):
            row = f.detector.values(f.state, pooled, only, f.columns)[0]
            tables.append(_joined(null, known, row, f.detector.names(f.state, pooled, f.columns)))
        return minp.observed_p(tables, [f.gate for f in self.families])

    def _pooled(self, batch: Views) -> list[tuple[Family, NDArray[np.float32]]]:
        return [(f, np.concatenate([self.kept[f.view], batch[f.view]])) for f in self.families]


def _joined(
    null: NDArray[np.float64], known: Sequence[str], row: NDArray[np.float64], found: Sequence[str]
) -> NDArray[np.float64]:
    """The row above the null rows; a statistic that only one of them has is 0 (constant) in the other."""
    names = list(dict.fromkeys([*known, *found]))
    table = np.zeros((len(null) + 1, len(names)))
    table[1:, [names.index(name) for name in known]] = null
    table[0, [names.index(name) for name in found]] = row
    return table
