"""Histograms in one line of text: two on one scale, so that the eye may compare them."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = ".,:;+*%#"


def sparks(
    edges: Sequence[float], shares: Sequence[Sequence[float]], width: int, *, plain: bool = False
) -> tuple[str, ...]:
    """One line of `width` characters for each histogram; empty where there is nothing to draw.

    Unequal bins are spread over equal cells, so a quantile histogram does not look flat.
    """
    bins = len(edges) - 1
    drawable = bins > 0 and all(
        len(share) == bins and all(0 <= mass <= 1 for mass in share) for share in shares
    )
    if not drawable or not any(any(share) for share in shares):
        return ("",) * len(shares)
    edges = _usable(edges)
    cells = [_spread(edges, share, width) for share in shares]
    top = max(max(line) for line in cells)
    ramp = PLAIN if plain else BLOCKS
    return tuple("".join(ramp[_level(cell, top)] for cell in line) for line in cells)


def _usable(edges: Sequence[float]) -> Sequence[float]:
    """The edges, or their ranks where they do not rise (open ends, categories)."""
    finite = all(map(math.isfinite, edges))
    rising = finite and all(left <= right for left, right in pairwise(edges))
    return edges if rising and 0 < edges[-1] - edges[0] < math.inf else range(len(edges))


def _spread(edges: Sequence[float], share: Sequence[float], width: int) -> list[float]:
    """Mass in `width` equal cells; a bin's mass lies evenly over it, a bin of no width in one cell."""
    low, span = edges[0], edges[-1] - edges[0]
    cells = [0.0] * width
    for left, right, mass in zip(edges, edges[1:], share, strict=False):
        start, stop = (left - low) / span * width, (right - low) / span * width
        first, last = min(int(start), width - 1), min(int(stop), width - 1)
        for cell in range(first, last + 1):
            overlap = min(stop, cell + 1) - max(start, cell)
            cells[cell] += mass * overlap / (stop - start) if stop > start else mass
    return cells


def _level(cell: float, top: float) -> int:
    return max(0, min(7, math.ceil(cell / top * 8 - 1e-9) - 1)) if top > 0 else 0
