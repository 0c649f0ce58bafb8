"""Sums over relabelled batches: what every mean, share and distribution function needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.stats.relabelling import Relabellings

CHUNK = 1 << 22
"""Elements of the 0/1 matrix that one step may hold."""
DENSE = 25
"""Where units are at most so many times those of a batch, a product with 0/1 rows is cheaper than adding up rows."""
Values = NDArray[np.floating[Any]]


@threads.single
def subset_sums(values: Values, relabellings: Relabellings) -> NDArray[np.float64]:
    """Sums of `values` [n, d] over the images called "batch" in each relabelling: [rows, d].

    Independent of the size of C where C is large: the sum over the rest is the total less this one, and is never added
    up. Added in the precision of `values`: indicators sum exactly in float32 (it holds whole numbers up to 2^24), and
    what was measured is given in float64.
    """
    units, labels = unit_sums(values, relabellings), relabellings.labels
    sums = np.empty((len(labels), units.shape[1]))
    if len(units) > DENSE * labels.shape[1]:
        ones = np.ones(labels.shape[1], units.dtype)
        for total, row in zip(sums, labels, strict=True):
            total[:] = ones @ units.take(row, axis=0, mode="clip")
        return sums
    step = max(1, CHUNK // len(units))
    for start in range(0, len(labels), step):
        some = slice(start, start + step)
        named = np.zeros((len(labels[some]), len(units)), units.dtype)
        np.put_along_axis(named, labels[some], 1, axis=1)
        sums[some] = named @ units
    return sums


def unit_sums(values: Values, relabellings: Relabellings) -> Values:
    """Sums of `values` [n, d] over the images of each unit: [units, d]; images left out of the test count nowhere."""
    if relabellings.kind == "images":
        return np.ascontiguousarray(values)
    used = np.flatnonzero(relabellings.unit_of >= 0)
    used = used[np.argsort(relabellings.unit_of[used], kind="stable")]
    starts = np.cumsum(relabellings.sizes) - relabellings.sizes
    sums = np.zeros((len(starts), values.shape[1]), values.dtype)
    np.add.reduceat(values[used], starts, axis=0, out=sums)
    return sums
