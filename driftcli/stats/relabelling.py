"""Relabellings: which images could as well have been the batch; one set of them serves all families."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.stats import thinning

Kind = Literal["images", "bins", "groups"]
Matrix = NDArray[np.float32]
PERMUTATIONS = (999, 1999, 4999, 9999, 19999, 49999)
SINGLE_IMAGES = 200
"""Up to this batch size single images are permuted; above it, bins of images."""
BATCH_BINS = 128
"""About so many bins make up a large batch: enough for p-values of any alpha, few enough for their pairwise sums."""
AT_ONCE = (50_000, 30_000)
"""More rows than the first are worked through in parts of at most the second."""
MAX_UNITS = 5_000
"""Bins grow so that there are no more: relabelling the pairs of more units would cost more than their images do."""
CELLS = 1 << 21
"""Of a table of rows by units that says what was drawn before: 2 MB, near the cache."""
SHUFFLED = (10_000, 20)
"""Of more than so many numbers numpy draws more than one in so many otherwise: by shuffling them."""


@dataclass(frozen=True)
class Blocks:
    """Which images may change sides: exchangeability blocks (Winkler et al. 2015, NeuroImage 123), none by default."""

    groups: Sequence[str] | None = None
    """[n], C first: images of one name (on one side) depend on each other and are moved as a whole.

    Groups may have any sizes: larger ones are thinned, so that those of equal size change sides (`thinning`).
    """
    strata: Sequence[str] | None = None
    """[n], C first: images change sides only within their stratum, so that every row has the observed numbers."""
    content: NDArray[np.bytes_] | None = None
    """S64[n], C first: content hashes, which decide what a thinned group keeps; without them it keeps its first images."""
    alpha: float = 0.01
    """So small a p-value should stay possible when groups are thinned."""
    left_out: NDArray[np.bool_] | None = None
    """[n], C first: images that the test does without; none by default."""

    def of(self, used: NDArray[np.bool_]) -> Blocks:
        """Those of these images alone, [n]."""

        def some(values: Sequence[str] | None) -> list[str] | None:
            return None if values is None else [v for v, u in zip(values, used, strict=True) if u]

        content = None if self.content is None else self.content[used]
        return replace(
            self, groups=some(self.groups), strata=some(self.strata), content=content, left_out=None
        )


FREE = Blocks()
"""Every image may change sides with every other."""


@dataclass(frozen=True)
class Relabellings:
    """Labellings of n = n_c + m images (C first, then Y) that are equally likely when nothing drifted.

    The exchangeable thing is a *unit*: an image, a bin of images, or a dependence group. If C and Y come from one
    distribution, the images given, each choice of units called "batch" was as likely as the observed one; a
    statistic's rank among all choices is then uniform, and its p-value exact for any statistic and any n (Fisher's
    permutation test; Lehmann & Romano 2005, Testing Statistical Hypotheses, section 15.2). A random sample of choices
    keeps that as long as the observed one is counted among them (Phipson & Smyth 2010).
    """

    unit_of: NDArray[np.int64]
    """[n]: the unit of each image; -1 for images that the test leaves out (rest of a bin, thinned groups)."""
    labels: NDArray[np.int64]
    """[rows, g]: the units called "batch", ascending; row 0 is the observed labelling."""
    sizes: NDArray[np.int64]
    """[units]: images in each unit, those left out not counted."""
    n_held_out: int
    kind: Kind
    smallest_p: float
    """The smallest p-value this set can give: 1/rows, more when few relabellings exist."""

    @property
    def rows(self) -> int:
        """Relabellings, the observed one included."""
        return len(self.labels)

    def parts(self) -> Iterator[Relabellings]:
        """Itself, or where memory would suffer runs of rows of about equal number: a row's statistics know no other row."""
        count = 1 if self.rows <= AT_ONCE[0] else math.ceil(self.rows / AT_ONCE[1])
        for labels in np.array_split(self.labels, count):
            yield self if count == 1 else replace(self, labels=labels)

    @cached_property
    def batch_sizes(self) -> NDArray[np.float64]:
        """[rows]: images called "batch" in each row: the same number in all of them, since equal units change places."""
        sizes: NDArray[np.float64] = self.sizes[self.labels].sum(axis=1).astype(np.float64)
        return sizes

    @property
    def images(self) -> int:
        """Images in the test: those of C and Y that belong to a unit."""
        return int(self.sizes.sum())

    def tested(self, held_out: Matrix, batch: Matrix) -> tuple[Matrix, Matrix, Relabellings]:
        """Values of C [n_c, d] and Y [m, d] without what thinned groups leave out, and their own relabellings.

        Whatever a statistic sees of an image left out would be a trace of its group's observed side.
        """
        kept = self.unit_of >= 0
        if self.kind != "groups" or kept.all():
            return held_out, batch, self
        c, y = kept[: self.n_held_out], kept[self.n_held_out :]
        return held_out[c], batch[y], replace(self, unit_of=self.unit_of[kept], n_held_out=int(c.sum()))


def choose_permutations(setting: int | Literal["auto"], alpha: float, families: int) -> int:
    """The number of relabellings B: the setting, or for `auto` the smallest in PERMUTATIONS with (B+1) alpha >= 10 families.

    The smallest p, 1/(B+1), is then a tenth of what Bonferroni would leave to each family.
    Raises UsageError for a fixed B with (B+1) alpha < families, which could not resolve alpha.
    """
    # 1e-9: (B + 1) * alpha is a whole number in decimals and may fall short of it in floats.
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
    n_held_out: int, n_batch: int, permutations: int, rng: np.random.Generator, blocks: Blocks = FREE
) -> Relabellings:
    """Relabellings of n_held_out images of C followed by n_batch of Y: the observed one, then `permutations` drawn.

    `blocks` says what is moved whole and what stays within which stratum. Where no more than `permutations` + 1
    relabellings exist, each of them is listed once instead. Raises NotAuditedError when there is only the observed
    one, UsageError when a group lies in several strata.
    """
    if blocks.left_out is not None:
        return _without(n_held_out, permutations, rng, blocks, ~blocks.left_out)
    n = n_held_out + n_batch
    strata = np.zeros(n, np.int64) if blocks.strata is None else _codes(blocks.strata)
    is_batch = np.arange(n) >= n_held_out
    unit_of, kind = _units(is_batch, strata, blocks.groups)
    if kind == "groups":
        unit_of, strata = _thinned(unit_of, is_batch, strata, blocks)
    used = unit_of >= 0
    n_units = int(unit_of.max()) + 1
    sizes = np.bincount(unit_of[used], minlength=n_units)
    # A unit lies on one side and in one stratum as a whole, so that its first image speaks for it.
    first = np.full(n_units, n)
    np.minimum.at(first, unit_of[used], np.flatnonzero(used))
    batch_unit, stratum = is_batch[first], strata[first]
    pools = [np.flatnonzero(stratum == s) for s in np.unique(stratum)]
    takes = [int(batch_unit[pool].sum()) for pool in pools]
    # A labelling names, in each stratum, as many batch units as were observed there: product of binomials.
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
    return Relabellings(unit_of, labels, sizes, n_held_out, kind, smallest)


def _without(
    n_held_out: int, permutations: int, rng: np.random.Generator, blocks: Blocks, used: NDArray[np.bool_]
) -> Relabellings:
    """Relabellings of the images `used` [n] alone, and of all: those that are left out have no unit."""
    c, y = int(used[:n_held_out].sum()), int(used[n_held_out:].sum())
    drawn = draw(c, y, permutations, rng, blocks.of(used))
    unit_of = np.full(len(used), -1, np.int64)
    unit_of[used] = drawn.unit_of
    return replace(drawn, unit_of=unit_of, n_held_out=n_held_out)


def _thinned(
    unit_of: NDArray[np.int64], is_batch: NDArray[np.bool_], strata: NDArray[np.int64], blocks: Blocks
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Units without the images that groups of unequal size leave out, and strata [n] in which all have equal sizes."""
    _, first, unit, sizes = np.unique(unit_of, return_index=True, return_inverse=True, return_counts=True)
    kept = thinning.kept_sizes(sizes, is_batch[first], strata[first], blocks.alpha)
    stays = thinning.kept_images(unit, kept, blocks.content)
    both = np.unique(np.stack([strata, kept[unit]]), axis=1, return_inverse=True)[1]
    return np.where(stays, unit_of, -1), both.reshape(-1).astype(np.int64)


def _units(
    is_batch: NDArray[np.bool_], strata: NDArray[np.int64], groups: Sequence[str] | None
) -> tuple[NDArray[np.int64], Kind]:
    """[n]: the unit of each image, and what the units are: groups if there are any, bins of large batches."""
    n, n_batch = len(is_batch), int(is_batch.sum())
    if groups is not None:
        return _group_units(groups, is_batch, strata), "groups"
    if n_batch > SINGLE_IMAGES:
        return _bin_units(is_batch, strata, n, n_batch), "bins"
    return np.arange(n), "images"


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    """[n]: each name's place among the sorted names."""
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
    """[n]: equal bins within C and within Y (and stratum), in the given order; -1 for remainders, which stay out.

    Images come in the order of their content hashes, so that a bin is a random part of its side: under "nothing has
    drifted" bins of one size are as exchangeable as images, and relabelling them is exact. Coarser, not wrong.
    """
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
    """[total, g]: every labelling once, the observed one first."""
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
    """[permutations + 1, g]: the observed labelling, then labellings drawn uniformly with repetition, each sorted."""
    labels = np.empty((permutations + 1, len(observed)), np.int64)
    labels[0] = observed
    start = 0
    for pool, take in zip(pools, takes, strict=True):
        if take:
            labels[1:, start : start + take] = pool[_subsets(len(pool), take, permutations, rng)]
        start += take
    labels[1:].sort(axis=1)
    return labels


def _subsets(n: int, take: int, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """[rows, take]: in each row different numbers below n, all sets equally likely; what `rng.choice` would draw row by row.

    Floyd's algorithm (Bentley & Floyd 1987, Commun. ACM 30): for j = n - take, ..., n - 1 a number of 0..j, or j
    itself where that number was there before. `rng.choice` does the same, one call a row.
    """
    drawn = np.empty((rows, take), np.int64)
    if n > SHUFFLED[0] and take > n // SHUFFLED[1]:
        for row in drawn:
            row[:] = rng.choice(n, take, replace=False, shuffle=False)
        return drawn
    highest = np.arange(n - take, n)
    step = max(1, CELLS // n)
    for start in range(0, rows, step):
        some = drawn[start : start + step]
        there = np.zeros(len(some) * n, bool)
        row = np.arange(len(some)) * n
        numbers = np.ascontiguousarray(rng.integers(0, highest, some.shape, endpoint=True).T)
        for j, number in zip(highest.tolist(), numbers, strict=True):
            np.copyto(number, j, where=there[row + number])
            there[row + number] = True
        some[:] = numbers.T
    return drawn


def p_values(statistic: NDArray[np.float64]) -> NDArray[np.float64]:
    """For every row the share of rows, itself included, whose statistic is at least as large: [rows] in (0, 1].

    Exact for exchangeable rows (Phipson & Smyth 2010): at most a share u of the rows, whatever the values, has
    p <= u; so a row that is equally likely to be any of them has P(p <= u) <= u. Equal values count as extreme.
    """
    # In ascending order, all rows from the first that equals this one on ("left") are at least as large.
    ascending = np.sort(statistic)
    at_least = len(statistic) - np.searchsorted(ascending, statistic, side="left")
    shares: NDArray[np.float64] = at_least / len(statistic)
    return shares
