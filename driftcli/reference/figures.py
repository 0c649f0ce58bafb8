"""The figures that a baseline keeps of its own gate, measured on halves of C: their names, sizes and shapes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftcli.core.schema import Array

SIZES = (10, 20, 50, 100, 200)
"""Batches that are measured."""
SHIFTS = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0])
"""Of properties, in standard deviations."""


def arrays(yardstick: str | None) -> Iterator[Array]:
    """Of what `calibration` measures; `yardstick`: the symbol of the columns that are shifted, None: none are.

    `p_m` [splits, batches]: p-values of clean batches of m images, against a half of C of `half_m` images. `peak_m`: the
    largest of `count_m` null peaks of the properties; `reach_m` [columns, shifts]: how high a shift lifts them, NaN where
    that cannot be told. `power_m` [changes, trials]: p-values of changed batches.
    """
    for m in SIZES:
        yield Array(
            f"p_{m}", "float64", (f"splits of {m}", f"batches of {m}"), least=0.0, most=1.0, group=f"p_{m}"
        )
        yield Array(f"half_{m}", "float64", (1,), least=1.0, group=f"p_{m}")
        yield Array(
            f"power_{m}", "float64", ("changes", f"trials of {m}"), least=0.0, most=1.0, group=f"power_{m}"
        )
        if yardstick is not None:
            group = f"reach_{m}"
            yield Array(f"peak_{m}", "float64", (f"peaks of {m}",), rising=True, group=group)
            yield Array(f"count_{m}", "float64", (1,), least=1.0, group=group)
            yield Array(f"reach_{m}", "float64", (yardstick, len(SHIFTS)), nan=True, group=group)
