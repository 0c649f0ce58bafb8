"""[torch] Sums over relabelled batches: what every mean, share and distribution function needs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from driftcli.stats.relabelling import Relabellings

CHUNK = 64_000_000
"""Elements of the product that one step may hold."""


def subset_sums(values: NDArray[np.float32], relabellings: Relabellings) -> NDArray[np.float64]:
    """Sums of `values` [n, d] over the images called "batch" in each relabelling: [rows, d].

    O(rows * batch * d), independent of the size of C: the sum over the rest is the total less this one, and is never
    added up. Indicator columns sum exactly (float32 holds whole numbers up to 2^24).
    """
    units = unit_sums(values, relabellings)
    table, labels = torch.from_numpy(units), torch.from_numpy(relabellings.labels)
    step = max(1, CHUNK // max(1, units.shape[1]))
    # embedding_bag adds up, for each row of labels, the rows of the table that it names, without copying them out.
    parts = [
        torch.nn.functional.embedding_bag(labels[i : i + step], table, mode="sum")
        for i in range(0, len(labels), step)
    ]
    return torch.cat(parts).numpy().astype(np.float64)


def unit_sums(values: NDArray[np.float32], relabellings: Relabellings) -> NDArray[np.float32]:
    """Sums of `values` [n, d] over the images of each unit: [units, d]; images left out of the test count nowhere."""
    if relabellings.kind == "images":
        return np.ascontiguousarray(values, np.float32)
    used = relabellings.unit_of >= 0
    sums = np.zeros((len(relabellings.sizes), values.shape[1]), np.float32)
    np.add.at(sums, relabellings.unit_of[used], values[used])
    return sums
