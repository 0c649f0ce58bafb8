"""Imagined batches against the same good images: how the gate would judge each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    (tests/calibration/test_bench.py compares them), and here a trial costs one row instead of a thousand.
    """

    # Two null distributions of T(batch against good images). The gate's: all m + n images in a hat, m drawn. Here: the
    # same, but with another, clean batch in the hat in place of the judged one. The hats share n of their n + m images,
    # and for a clean batch the judged row is one more clean batch against the same n; so p is a rank among nearly
    # exchangeable rows, exact only in the limit m / n -> 0. For a drifted batch the null here lacks the batch's own
    # strange images, which widen the gate's null a little: power is, if anything, slightly overstated.

    def __init__(
        self, families: Sequence[Family], kept: Views, clean: Views, rng: np.random.Generator
    ) -> None:
        """`kept`, `clean`: views [n, d] of the good images and [m, d] of one clean batch. One family at least is `on`."""
        n, m = (len(next(iter(side.values()))) for side in (kept, clean))
        drawn = draw(n, m, PERMUTATIONS, rng)
        self.families = list(families)
        self._against = [
            f.detector.among(f.state, np.concatenate([kept[f.view], clean[f.view]]), f.columns).against(
                np.arange(n)
            )
            for f in families
        ]
        batch = np.arange(n, n + m)
        # [1:]: without the observed row, whose place each judged batch takes in turn.
        self._null = [(one.values(batch, drawn)[1:], one.names(batch)) for one in self._against]
        self._drawn = drawn

    def p(self, batch: Views) -> NDArray[np.float64]:
        """The p-values of the gate, then of each family, for one batch of m images: [1 + families], each >= 1/1000."""
        tables = []  # of each family: the judged batch's row, then the null rows
        for f, one, (null, known) in zip(self.families, self._against, self._null, strict=True):
            measured, row = one.observed(batch[f.view], self._drawn)
            tables.append(f.evidence(_joined(null, known, row, measured)))
        return minp.observed_p(tables, [f.gate for f in self.families])


def _joined(
    null: NDArray[np.float64], known: Sequence[str], row: NDArray[np.float64], measured: Sequence[str]
) -> NDArray[np.float64]:
    """The row of one batch above the null rows, [1 + rows, statistics]; what only one of them has is 0 in the other.

    `known` names the columns of `null`, `measured` those of `row`: which statistics there are depends on the images
    (a missing value, a new level), and the null was computed with other images.
    """
    names = list(dict.fromkeys([*known, *measured]))
    table = np.zeros((len(null) + 1, len(names)))
    table[1:, [names.index(name) for name in known]] = null
    table[0, [names.index(name) for name in measured]] = row
    return table
