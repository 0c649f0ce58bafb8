"""Relabellings: which images could as well have been the batch; one set of them serves all families."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError, UsageError

PERMUTATIONS = (999, 1999, 4999, 9999, 19999, 49999)
SINGLE_IMAGES = 200
"""Up to this batch size single images are permuted; above it, bins of images."""
BATCH_BINS = 128
MAX_UNITS = 5_000
"""Bins grow so that the unit-by-unit kernel sums stay below 5,000 x 5,000 floats."""


@dataclass(frozen=True)
class Relabellings:
    """Labellings of n = n_c + m images (C first, then Y) that are equally likely when nothing drifted.

    The exchangeable thing is a *unit*: an image, a bin of images, or a dependence group.
    """

    unit_of: NDArray[np.int64]
    """[n]: the unit of each image; -1 for images that the test leaves out (rest of a bin)."""
    labels: NDArray[np.int64]
    """[rows, g]: the units called "batch", ascending; row 0 is the observed labelling."""
    sizes: NDArray[np.int64]
    """[units]: images in each unit."""
    n_held_out: int
    kind: Literal["images", "bins", "groups"]
    smallest_p: float
    """The smallest p-value this set can give: 1/rows, more when few relabellings exist."""

    @property
    def rows(self) -> int:
        """Relabellings, the observed one included."""
        return len(self.labels)

    @property
    def batch_sizes(self) -> NDArray[np.float64]:
        """[rows]: images called "batch" in each row (varies only with unequal groups)."""
        sizes: NDArray[np.float64] = self.sizes[self.labels].sum(axis=1).astype(np.float64)
        return sizes

    @property
    def images(self) -> int:
        """Images in the test: those of C and Y that belong to a unit."""
        return int(self.sizes.sum())


def choose_permutations(setting: int | Literal["auto"], alpha: float, families: int) -> int:
    """B: the smallest standard number with (B+1) * alpha >= 10 * families (contract: `--permutations`).

    A fixed B with (B+1) * alpha < families is refused (exit 2): it could not resolve alpha.
    """
    if setting == "auto":
        fitting = (b for b in PERMUTATIONS if (b + 1) * alpha >= 10 * families - 1e-9)
        return next(fitting, PERMUTATIONS[-1])
    if (setting + 1) * alpha < families - 1e-9:
        raise UsageError(
            f"{setting} permutations cannot resolve alpha {alpha:g} over {families} families",
            f"use --permutations auto, or at least {math.ceil(families / alpha) - 1}",
        )
    return setting


def draw(
    n_held_out: int,
    n_batch: int,
    permutations: int,
    rng: np.random.Generator,
    *,
    groups: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
) -> Relabellings:
    """Relabellings for n_held_out images of C followed by n_batch of Y.

    `groups` (length n): dependence units, permuted whole. `strata` (length n): relabelled only
    within each stratum. When no more than `permutations` + 1 relabellings exist, all of them are
    listed instead of drawn. Raises NotAuditedError when only one labelling exists.
    """
    n = n_held_out + n_batch
    strata_of_image = np.zeros(n, np.int64) if strata is None else _codes(strata)
    is_batch = np.arange(n) >= n_held_out
    if groups is not None:
        unit_of, kind = _group_units(groups, is_batch, strata_of_image), "groups"
    elif n_batch > SINGLE_IMAGES:
        unit_of, kind = _bin_units(is_batch, strata_of_image, n, n_batch), "bins"
    else:
        unit_of, kind = np.arange(n), "images"
    used = unit_of >= 0
    n_units = int(unit_of.max()) + 1
    sizes = np.bincount(unit_of[used], minlength=n_units)
    first = np.full(n_units, n)
    np.minimum.at(first, unit_of[used], np.flatnonzero(used))
    batch_unit, stratum = is_batch[first], strata_of_image[first]
    pools = [np.flatnonzero(stratum == s) for s in np.unique(stratum)]
    takes = [int(batch_unit[pool].sum()) for pool in pools]
    total = math.prod(math.comb(len(p), t) for p, t in zip(pools, takes, strict=True))
    if total < 2:  # noqa: PLR2004 - one labelling is no test
        raise NotAuditedError(
            "no relabelling is possible: every stratum or group lies on one side only",
            "use --stratify-by and --group-by columns whose values occur in both baseline and batch",
        )
    observed = np.flatnonzero(batch_unit)
    if total <= permutations + 1:
        labels = _all_labels(pools, takes, observed)
        smallest = 1.0 / total
    else:
        labels = _drawn_labels(pools, takes, observed, permutations, rng)
        smallest = 1.0 / (permutations + 1)
    return Relabellings(unit_of, labels, sizes, n_held_out, kind, smallest)  # type: ignore[arg-type]


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)[1]
    return codes


def _group_units(
    groups: Sequence[str], is_batch: NDArray[np.bool_], strata: NDArray[np.int64]
) -> NDArray[np.int64]:
    """One unit a group; a name on both sides is two units. A group must lie in one stratum."""
    keys = [(bool(b), str(g)) for b, g in zip(is_batch, groups, strict=True)]
    index = {key: i for i, key in enumerate(sorted(set(keys)))}
    units = np.array([index[key] for key in keys], np.int64)
    for unit in range(len(index)):
        if len(np.unique(strata[units == unit])) > 1:
            name = next(key[1] for key, i in index.items() if i == unit)
            raise UsageError(
                f"group {name!r} contains several strata",
                "use --group-by and --stratify-by that nest: every group inside one stratum",
            )
    return units


def _bin_units(
    is_batch: NDArray[np.bool_], strata: NDArray[np.int64], n: int, n_batch: int
) -> NDArray[np.int64]:
    """Equal bins within C and within Y (and stratum), in the given order; remainders stay out."""
    size = max(math.ceil(n_batch / BATCH_BINS), math.ceil(n / MAX_UNITS))
    units = np.full(n, -1, np.int64)
    count = 0
    for side in (False, True):
        for stratum in np.unique(strata):
            members = np.flatnonzero((is_batch == side) & (strata == stratum))
            bins = len(members) // size
            units[members[: bins * size]] = count + np.repeat(np.arange(bins), size)
            count += bins
    return units


def _all_labels(
    pools: Sequence[NDArray[np.int64]], takes: Sequence[int], observed: NDArray[np.int64]
) -> NDArray[np.int64]:
    choices = [itertools.combinations(pool.tolist(), take) for pool, take in zip(pools, takes, strict=True)]
    rows = [sorted(itertools.chain(*parts)) for parts in itertools.product(*choices)]
    rows.remove(observed.tolist())
    return np.array([observed.tolist(), *rows], np.int64)


def _drawn_labels(
    pools: Sequence[NDArray[np.int64]],
    takes: Sequence[int],
    observed: NDArray[np.int64],
    permutations: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    labels = np.empty((permutations + 1, len(observed)), np.int64)
    labels[0] = observed
    start = 0
    for pool, take in zip(pools, takes, strict=True):
        if take:
            block = labels[1:, start : start + take]
            for row in block:
                row[:] = pool[rng.choice(len(pool), take, replace=False, shuffle=False)]
        start += take
    labels[1:].sort(axis=1)
    return labels


def p_values(statistic: NDArray[np.float64]) -> NDArray[np.float64]:
    """[rows]: for every row the share of rows (itself included) at least as large; never 0.

    Exact for exchangeable rows (Phipson & Smyth 2010); equality counts as extreme.
    """
    order = np.sort(statistic)
    at_least = len(statistic) - np.searchsorted(order, statistic, side="left")
    shares: NDArray[np.float64] = at_least / len(statistic)
    return shares
