"""Sums and means over relabelled batches: what every share, mean and distribution function needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.stats.relabelling import Relabellings

STRIP = 1 << 17
"""Numbers that one step makes (1 MB): they stay in a core's cache until whatever is made of them is made."""
DENSE = 25
"""Where units are at most so many times those of a batch, a product with 0/1 rows is cheaper than adding up rows."""
Values = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]


@threads.single
def sums_of_units(units: Values, labels: NDArray[np.int64]) -> Floats:
    """Sums of `units` [units, d] over those that each row of `labels` [rows, g] names: [rows, d].

    Independent of the size of C where C is large: the sum over the rest is the total less this one, and is never added
    up. Added in the precision of `units`: indicators sum exactly in float32 (it holds whole numbers up to 2^24), and
    what was measured is given in float64.
    """
    sums = np.empty((len(labels), units.shape[1]))
    for rows, some in _strips(units, labels):
        sums[rows] = some
    return sums


@threads.single
def of_mean_differences(
    values: Values, relabellings: Relabellings, statistics: Callable[[Floats], Floats], k: int
) -> Floats:
    """`statistics` of the means of `values` [n, d] over the batch less those over the rest, in each relabelling: [rows, k].

    They are asked for some rows at a time, [some, k] of differences [some, d], which they may overwrite: differences of
    all rows would be tens of megabytes, to be read from memory at every step.
    """
    found = np.empty((relabellings.rows, k))
    n, m = relabellings.images, relabellings.batch_sizes[:, None]
    mean = values[relabellings.unit_of >= 0].sum(axis=0, dtype=np.float64) / n
    # With s the sum over the batch: s / m - (n mean - s) / (n - m) = (s - m mean) n / (m (n - m)).
    times = n / (m * (n - m))
    for rows, sums in _strips(unit_sums(values, relabellings), relabellings.labels):
        delta = sums - m[rows] * mean
        delta *= times[rows]
        found[rows] = statistics(delta)
    return found


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


def named(labels: NDArray[np.int64], units: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """[rows, units]: 1 for the units that each row of `labels` [rows, g] names, else 0."""
    table = np.zeros((len(labels), units), dtype)
    table.reshape(-1)[labels + np.arange(len(labels))[:, None] * units] = 1
    return table


def _strips(units: Values, labels: NDArray[np.int64]) -> Iterator[tuple[slice, Values]]:
    """The sums of `sums_of_units`, some rows at a time, in the precision of `units`."""
    step = max(1, STRIP // max(units.shape))
    dense = len(units) <= DENSE * labels.shape[1]
    ones = np.ones(labels.shape[1], units.dtype)
    for start in range(0, len(labels), step):
        rows = slice(start, min(start + step, len(labels)))
        if dense:
            yield rows, named(labels[rows], len(units), units.dtype) @ units
        else:
            yield rows, np.stack([ones @ units.take(row, axis=0, mode="clip") for row in labels[rows]])
