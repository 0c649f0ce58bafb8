"""The fewest of the most drifted images without which the gate passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from driftcli.core.findings import RemovalResult

SURE = 3
"""Runs of the full gate at most, once the quick one has found the place."""
Gate = Callable[[int], float | None]
"""p of the gate without the first k images of the ranking; None where it cannot be run."""


@dataclass(frozen=True)
class Gates:
    """The gate with few relabellings, to find the place, and the very gate, to be sure of it."""

    quick: Gate
    full: Gate


def shortest(ranking: Sequence[str], gates: Gates, alpha: float, most: int) -> RemovalResult:
    """The fewest of the most drifted images without which the gate passes: a prefix of `ranking`, of at most `most`.

    Doubling and bisection with the quick gate; then the full gate must pass without k images and fire without
    k - 1. p need not fall steadily: where the full gate was not seen to fire without k - 1, the reason says that
    fewer may do.
    """
    if most < 1:
        return RemovalResult((), None, "the batch is too small to do without any image")

    def passes(k: int) -> bool:
        p = gates.quick(k)
        return p is not None and p > alpha

    if not passes(most):
        return RemovalResult((), None, f"without the {most:,} most drifted images the gate still fires")
    return _sure(ranking, gates, alpha, _first(passes, most), most)


def _first(passes: Callable[[int], bool], most: int) -> int:
    """The smallest k that doubling and bisection find; `most` is known to pass."""
    low, high = 0, 1
    while high < most and not passes(high):
        low, high = high, 2 * high
    high = min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def _sure(ranking: Sequence[str], gates: Gates, alpha: float, start: int, most: int) -> RemovalResult:
    """One step at a time from `start`, until the full gate fires without k - 1 images and passes without k."""
    p_without: dict[int, float | None] = {}
    k = start
    while len(p_without) < SURE and 0 < k <= most and k not in p_without:
        p_without[k] = gates.full(k)
        k += -1 if _passes(p_without[k], alpha) else 1
    passing = [k for k, p in p_without.items() if _passes(p, alpha)]
    if not passing:
        return RemovalResult(
            (), None, f"no prefix of {min(p_without):,} to {max(p_without):,} images made the gate pass"
        )
    k = min(passing)
    proven = k == 1 or (k - 1 in p_without)
    return RemovalResult(
        tuple(ranking[:k]), p_without[k], None if proven else "fewer may do: not every number was tried"
    )


def _passes(p: float | None, alpha: float) -> bool:
    return p is not None and p > alpha
