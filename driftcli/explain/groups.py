"""Which part of the batch it is: folders, days, cameras, each against the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from driftcli.core.addresses import folder_of
from driftcli.core.features import Features

FEWEST, MOST = 2, 50
"""Folders that make a breakdown nobody asked for; and groups, asked for or not, that get p-values."""


def members(batch: Features) -> dict[str, NDArray[np.int64]]:
    """Positions in the batch by group, names ascending: of `--slice-by`, else `--group-by`, else of its folders.

    Folders, which nobody asked for, make groups only where there are 2 to 50 of them; else the result is empty.
    """
    keys: Sequence[str] | None = batch.slice or batch.group
    if keys is None:
        keys = [folder_of(name) for name in batch.names]
        if not FEWEST <= len(set(keys)) <= MOST:
            return {}
    names, code = np.unique(np.array(keys, dtype=object).astype(str), return_inverse=True)
    return {str(name): np.flatnonzero(code == number) for number, name in enumerate(names)}


def adjusted(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm's step-down p-values (1979) by name: those <= alpha may be named with a familywise error of alpha.

    The k-th smallest of K p-values is multiplied by K - k + 1, and never made smaller than the one before it.
    None (no p-value) stays None and does not count.
    """
    known = sorted((value, name) for name, value in p.items() if value is not None)
    holm: dict[str, float | None] = dict.fromkeys(p)
    floor = 0.0
    for step, (value, name) in enumerate(known):
        floor = max(floor, min(1.0, (len(known) - step) * value))
        holm[name] = floor
    return holm
