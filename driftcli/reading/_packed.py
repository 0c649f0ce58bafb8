"""Rows of numbers in one block of memory that grows with them, and is put in order in its place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_FEWEST = 64
"""Rows that there is room for at first."""
_GROWTH = 1.25
"""How much larger a full block becomes: an eighth of it is empty on average, and a system that moves pages copies nothing."""
_SLABS = 8
_AT_ONCE = 16 << 20
"""Sorting takes so much of a block at a time: an eighth of its columns, at most 16 MiB."""


class PackedRows:
    """Rows of one shape and dtype; `[slot] = row` writes one, at most one behind the last.

    A row is copied, so that it keeps nothing else alive. Bytes a row: those of its numbers, and a quarter more at
    most while rows are coming.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._shape = shape
        self._block: NDArray[Any] = np.empty((_FEWEST, *shape), dtype)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def __setitem__(self, slot: int, row: NDArray[Any]) -> None:
        if slot == len(self._block):
            # not np.concatenate: realloc moves pages instead of copying them
            self._block.resize((int(len(self._block) * _GROWTH) + 1, *self._shape), refcheck=False)
        self._block[slot] = row
        self._used = max(self._used, slot + 1)

    def ordered(self, order: NDArray[np.int64]) -> NDArray[Any]:
        """The rows in this order, [n, ...], each once; the block itself, so that nothing is left here.

        Little is held twice: some columns at a time are sorted in their place.
        """
        block, self._block, self._used = self._block, np.empty((0, *self._shape), self._block.dtype), 0
        block.resize((len(order), *self._shape), refcheck=False)
        flat = block.reshape(len(order), -1)
        width = max(1, min(flat.shape[1] // _SLABS, _AT_ONCE // max(1, len(order) * block.dtype.itemsize)))
        for start in range(0, flat.shape[1], width):
            flat[:, start : start + width] = flat[order, start : start + width]
        return block
