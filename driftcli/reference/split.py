"""Which images are learnt from and which are held out: no copy, no group, no neighbours that depend on each other on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.extractors.base import views
from driftcli.reference.order import dependence_of, look_of, order_of

NEAR_BITS = 6
"""Difference hashes (64 bits) at most so far apart call two images near-duplicates."""
BLOCKS, LEAST_BLOCKS, TIMES = 40, 8, 10
"""Stretches of the order that are held out, or fewer where one would not hold so many correlation times."""
FEW = 3


@dataclass(frozen=True)
class Split:
    """A division of n images into fit set and held-out set."""

    held_out: NDArray[np.bool_]
    """[n]: True for the held-out set."""
    caution: str | None
    """Says when blocks of time or path had to serve as units."""


def split(features: Features, share: float, seed: int, *, dependence: bool = True) -> Split:
    """The division that holds back about `share` of the images; deterministic, independent of file order.

    Units are dependence groups where given, else contiguous blocks of capture time (else path
    order) when neighbours are near-duplicates or resemble each other, else single images; copies of one image always
    share a unit. Strata are split in proportion. Raises NotAuditedError when all images are one unit.
    """
    n = len(features)
    caution = None
    if features.group is not None:
        units: Sequence[str] = features.group
    elif (near := neighbour_excess(features)) > 0.1:  # noqa: PLR2004 - a tenth of the pairs
        units = _blocks(features, BLOCKS)
        caution = (
            f"{near:.0%} of neighbouring images are near-duplicates: held out in {BLOCKS} contiguous blocks; "
            "name the real units with --group-by"
        )
    elif dependence and (blocks := _dependent(features)) is not None:
        units = _blocks(features, blocks)
        caution = (
            f"neighbouring images resemble each other: held out in {blocks} contiguous blocks; "
            "name the real units with --group-by"
        )
    else:
        units = [f"{pixels:016x}" for pixels in features.pixels.tolist()]
    units = _join_copies(units, features.pixels)
    strata = features.stratum or ("",) * n
    held_out = np.zeros(n, bool)
    for stratum in sorted(set(strata)):
        members = np.flatnonzero(np.asarray(strata, object) == stratum)
        held_out[members] = _take([units[i] for i in members], share, seed)
    if features.stratum is not None:  # a unit that spans strata goes where its first image went
        first: dict[str, bool] = {}
        held_out = np.array([first.setdefault(u, bool(h)) for u, h in zip(units, held_out, strict=True)])
    if share and held_out.all():
        raise NotAuditedError(
            f"all {n} images belong together ({_why_one(features)}): none is left to learn from",
            "name images of several groups, or --holdout 0 and calibrate on others with driftcli baseline",
        )
    return Split(held_out, caution)


def _why_one(features: Features) -> str:
    if features.group is not None and len(groups := set(features.group)) <= FEW:
        return f"--group-by finds {', '.join(repr(g) for g in sorted(groups))}"
    return f"{len(np.unique(features.pixels))} distinct images"


def _take(units: Sequence[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Units in the order of their seeded hash, until `share` of the images is reached."""
    counts: dict[str, int] = {}
    for unit in units:
        counts[unit] = counts.get(unit, 0) + 1
    order = sorted(
        counts, key=lambda u: hashlib.sha256(f"{seed}:{u}".encode("utf-8", "surrogateescape")).digest()
    )
    wanted, taken, chosen = share * len(units), 0, set()
    for unit in order:
        if taken + counts[unit] / 2 > wanted:
            continue
        chosen.add(unit)
        taken += counts[unit]
    return np.array([unit in chosen for unit in units], bool)


def _join_copies(units: Sequence[str], pixels: NDArray[np.uint64]) -> list[str]:
    """Units that share an identical image become one unit: union-find over the units, [n] roots."""
    parent: dict[str, str] = {}

    def root(unit: str) -> str:
        while (up := parent.setdefault(unit, unit)) != unit:
            unit = up
        return unit

    first: dict[int, str] = {}
    for unit, key in zip(units, pixels.tolist(), strict=True):
        other = first.setdefault(key, unit)
        a, b = sorted((root(unit), root(other)))
        parent[b] = a
    return [root(unit) for unit in units]


def _capture_order(features: Features) -> NDArray[np.int64]:
    """Positions by capture time, if every image has one, then by name."""
    names = order_of(features).rows
    if features.time is None or not np.isfinite(features.time).all():
        return names
    return names[np.argsort(features.time[names], kind="stable")]


def neighbour_excess(features: Features) -> float:
    """Share of near-duplicates among neighbours in capture order, less the share among pairs half the set apart.

    The second share is what images of this kind (digits on black) have without being neighbours. 0 for fewer than
    20 images. Equal pixels do not count: copies are dealt with by themselves.
    """
    order = _capture_order(features)
    if len(order) < 20:  # noqa: PLR2004 - too few pairs to tell
        return 0.0
    near, pixels = features.near[order], features.pixels[order]
    half = len(order) // 2

    def close(a: slice, b: slice) -> float:
        return float(((np.bitwise_count(near[a] ^ near[b]) <= NEAR_BITS) & (pixels[a] != pixels[b])).mean())

    return close(slice(None, -1), slice(1, None)) - close(slice(None, half), slice(half, 2 * half))


def _dependent(features: Features) -> int | None:
    """How many stretches to hold out where neighbours were found to depend on each other; None where they were not."""
    known = views()
    looked_at = [v for v in features.views if v in known and known[v].gate == "on" and not known[v].of_file]
    if not looked_at or not len(features):
        return None
    _, _, row = dependence_of(features, look_of(features, looked_at))
    if not row.dependent:
        return None
    return int(np.clip(len(features) / (TIMES * row.time), LEAST_BLOCKS, BLOCKS))


def _blocks(features: Features, blocks: int) -> list[str]:
    """For each image its unit: one of so many stretches of the capture order."""
    order = _capture_order(features)
    block = np.empty(len(order), np.int64)
    block[order] = np.arange(len(order)) * blocks // len(order)
    return [f"block-{b:02d}" for b in block.tolist()]
