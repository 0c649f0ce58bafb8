"""Sums of Gaussian kernels: row sums, and the sums over the batch of every relabelling."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.detectors._sums import named, sums_of_units
from driftcli.stats.relabelling import Relabellings

# Indices: i, j run over images (C first, then the batch), u, v over units (an image, a bin or a group each), b over
# relabellings, and J is the set of images or units that relabelling b calls "batch". All sums leave out i = j, since
# the unbiased MMD^2 averages over pairs of different images.
#
# Everything is float64: products of float32 features are then exact to 16 digits, and a statistic, the small difference
# of large sums, to 10. It costs twice a float32 product, and half of all products is saved by symmetry.

STRIP = 1 << 19
"""Kernel values that exist at a time (4 MB): near the cache, and memory is flat in the number of images."""
ROWS = 128
"""Fewer rows at a time make a product slow (26: half the speed), so that with many images a strip is larger: 1 kB each."""
COLUMNS, BLOCK = 1024, 96
"""Relabellings and units that a product with 0/1 columns takes at a time: its factors stay near the cache."""
MANY = 1 << 22
"""Of more entries than that (32 MB) such columns are kept as bytes."""
PICKED = 1 << 14
"""Entries of a matrix that are picked at a time: fewer steps in Python, and still near the cache."""
DENSE = 5
"""Where units are at most so many times those of a batch, a product with 0/1 columns is cheaper than picking entries."""
Floats = NDArray[np.float64]
SAME = 1e-9
"""How far from 2 a ratio of neighbouring bandwidths may lie and still count as one half."""


def _is_half(sigmas: Floats) -> list[bool]:
    """Of every sigma whether it is half of the one before it: its kernel is then the fourth power of that one's."""
    ratios = sigmas[:-1] / sigmas[1:]
    return [False, *(np.abs(ratios - 2) < SAME).tolist()]


def gaussians(exponents: Floats, sigmas: Floats) -> Iterator[Floats]:
    """Kernel values exp(-d^2 / (2 sigma^2)), one array for each sigma, from the exponents of the first.

    A sigma half as wide is the fourth power of the kernel before it, exp(-d^2 / (2 (sigma/2)^2)) =
    exp(-d^2 / (2 sigma^2))^4: two multiplications instead of an exponential. Each yielded array is overwritten by the
    next step, and the exponents too; what a caller sets to 0 in an array stays 0 in its powers.
    """
    halves = _is_half(sigmas)
    kernel = np.empty_like(exponents) if sum(halves) < len(halves) - 1 else exponents
    for sigma, is_half in zip(sigmas.tolist(), halves, strict=True):
        if is_half:
            to_half_width(kernel)
        else:
            times = (float(sigmas[0]) / sigma) ** 2
            np.exp(exponents if times == 1 else np.multiply(exponents, times, out=kernel), out=kernel)
        yield kernel


def to_half_width(kernel: Floats) -> None:
    """Kernel values become those of half the sigma, in their place."""
    np.square(kernel, out=kernel)
    np.square(kernel, out=kernel)


class _Points(NamedTuple):
    """Images as points, and half of their squared lengths."""

    at: Floats
    """[..., n, d]."""
    half: Floats
    """[..., n]."""

    def of(self, which: slice | NDArray[np.int64]) -> _Points:
        """Some of them, or as many arrays of some as `which` has rows."""
        return _Points(self.at[which], self.half[which])


def _points(sigmas: Floats, *parts: NDArray[np.float32]) -> list[_Points]:
    """The images of all parts in float64, about their common mean and in units of the first sigma.

    Distances feel no shift, but a.b - |a|^2 / 2 - |b|^2 / 2 does: far from 0 it is a small difference of large numbers.
    """
    middle = np.concatenate(parts).mean(axis=0, dtype=np.float64)
    return [_about(middle, sigmas, part) for part in parts]


def _about(middle: Floats, sigmas: Floats, part: NDArray[np.float32]) -> _Points:
    """The images [n, d] about this point [d], in units of the first sigma."""
    at = (part - middle) / sigmas[0]
    return _Points(at, np.einsum("nd,nd->n", at, at) / 2)


def _exponents(a: _Points, b: _Points) -> Floats:
    """-d^2 / 2 for the distances d between points of a and of b: [..., n, m], never positive.

    a.b - |a|^2 / 2 - |b|^2 / 2: one matrix product, whose round-off may leave tiny positive values, set to 0 here.
    """
    product: Floats = np.matmul(a.at, np.swapaxes(b.at, -1, -2))
    product -= a.half[..., :, None]
    product -= b.half[..., None, :]
    return np.minimum(product, 0, out=product)


def _strips(rows: int, columns: int, least: int = 1) -> Iterator[slice]:
    """All rows of a matrix, so many at a time that a strip holds about STRIP values, and not fewer than `least`."""
    step = max(least, STRIP // max(1, columns))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def _below_the_diagonal(points: _Points, sigmas: Floats) -> Iterator[tuple[slice, int, Floats]]:
    """Of the kernel matrix of [n, d] points the part below the diagonal, strip by strip: (rows, number of the sigma, values).

    Values [rows, rows.stop]: of row i the columns j < i, and 0 in the others. By symmetry that is all there is to
    know, and strips that end at the diagonal cost half of the whole. Each array is overwritten by the next step.
    """
    n = len(points.at)
    for rows in _strips(n, n, ROWS):
        on_or_above = ~np.tri(rows.stop - rows.start, k=-1, dtype=bool)
        for k, kernel in enumerate(
            gaussians(_exponents(points.of(rows), points.of(slice(rows.stop))), sigmas)
        ):
            kernel[:, rows.start :][on_or_above] = 0
            yield rows, k, kernel


@threads.single
def row_sums(x: NDArray[np.float32], sigmas: Floats) -> Floats:
    """Kernel sums of every x_i over all other x_j, [sigmas, n], from x [n, d]."""
    sums = np.zeros((len(sigmas), len(x)))
    (points,) = _points(sigmas, x)
    for rows, k, kernel in _below_the_diagonal(points, sigmas):
        sums[k, rows] += kernel.sum(axis=1)
        sums[k, : rows.stop] += kernel.sum(axis=0)
    return sums


@threads.single
def sums_across(x: NDArray[np.float32], y: NDArray[np.float32], sigmas: Floats) -> tuple[Floats, Floats]:
    """Kernel sums of every x_i over all y_j, [sigmas, n], and of every y_j over all x_i, [sigmas, m]."""
    over_y, over_x = np.empty((len(sigmas), len(x))), np.zeros((len(sigmas), len(y)))
    a, b = _points(sigmas, x, y)
    for rows in _strips(len(x), len(y), ROWS):
        for k, kernel in enumerate(gaussians(_exponents(a.of(rows), b), sigmas)):
            over_y[k, rows] = kernel.sum(axis=1)
            over_x[k] += kernel.sum(axis=0)
    return over_y, over_x


@threads.single
def direction_sums(x: NDArray[np.float32], y: NDArray[np.float32], kappa: float, equal: float) -> Floats:
    """Sums over y [m, d] of exp(kappa (cos(x_i, y_j) - 1)), [n] for x [n, d]; pairs with cos > equal are left out.

    The kernel of a von Mises-Fisher density about the direction of x_i, 1 where directions agree. Float32: it ranks
    images, and no small difference is taken.
    """
    a, b = (side / np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12) for side in (x, y))
    sums = np.empty(len(x))
    for rows in _strips(len(a), len(b)):
        cosine = a[rows] @ b.T
        copies = cosine > equal
        cosine -= 1
        cosine *= kappa
        kernel = np.exp(cosine, out=cosine)
        kernel[copies] = 0
        sums[rows] = kernel.sum(axis=1, dtype=np.float64)
    return sums


@threads.single
def block_sums(x: NDArray[np.float32], labels: NDArray[np.int64], sigmas: Floats) -> Floats:
    """Sum q of every labelling J, [sigmas, rows]: the kernel over ordered pairs of different images i, j in J.

    `x` [n, d]; `labels` [rows, m] are image indices. Only m x m blocks exist, a few rows at a time.
    """
    (points,) = _points(sigmas, x)
    m = labels.shape[1]
    sums = np.empty((len(sigmas), len(labels)))
    itself = np.arange(m)
    for rows in _strips(len(labels), m * max(m, x.shape[1])):
        chosen = points.of(labels[rows])
        for k, kernel in enumerate(gaussians(_exponents(chosen, chosen), sigmas)):
            kernel[:, itself, itself] = 0
            sums[k, rows] = kernel.sum(axis=(1, 2))
    return sums


@threads.single
def unit_sums(x: NDArray[np.float32], relabellings: Relabellings, sigmas: Floats) -> tuple[Floats, Floats]:
    """Kernel sums r of every unit over all images, [sigmas, units], and q within every relabelled batch, [sigmas, rows].

    From x [n, d], for any kind of unit. Both over ordered pairs of different images. The matrix of all pairs is
    computed once, in strips, and each strip is forgotten when its sums are taken.
    """
    # Let L_uv be the sum of k over pairs of images i of u, j of v with j < i: what lies below the diagonal, where images
    # stand in the order of their units, so that L_uv is 0 for v > u. A pair within J has its later image in one u of J and
    # its earlier one in a v <= u of J: q = 2 sum_{u in J} sum_{v in J} L_uv.
    used = np.flatnonzero(relabellings.unit_of >= 0)
    used = used[np.argsort(relabellings.unit_of[used], kind="stable")]
    (points,) = _points(sigmas, x[used])
    labels, units, many = relabellings.labels, len(relabellings.sizes), len(sigmas)
    r, q = np.zeros((many, units + 1)), np.zeros((many, len(labels)))
    sparse = units > DENSE * labels.shape[1]
    adder = _Picked(labels, units) if sparse else _Product(labels, units)
    # How many sigmas from the k-th on the entries of its L are good for: their powers, where an entry is one kernel value.
    runs = _runs(sigmas) if sparse and units == len(used) else dict.fromkeys(range(many), 1)
    for first, k, lower in _units_below(points, relabellings.unit_of[used], sigmas):
        r[k, first : first + len(lower)] += lower.sum(axis=1)
        r[k, : lower.shape[1]] += lower.sum(axis=0)
        if k in runs:
            adder.add(first, lower, q[k : k + runs[k]])
    return r[:, :units], 2 * q


def _runs(sigmas: Floats) -> dict[int, int]:
    """Of every sigma that is not half of the one before it: how many, itself included, halve one another from there."""
    anchors = [k for k, is_half in enumerate(_is_half(sigmas)) if not is_half]
    return {k: until - k for k, until in pairwise([*anchors, len(sigmas)])}


def _units_below(
    points: _Points, unit: NDArray[np.int64], sigmas: Floats
) -> Iterator[tuple[int, int, Floats]]:
    """L of `unit_sums`, some units at a time: (the first of them, number of the sigma, L [units, all up to the last]).

    `points` [n, d] in the order of their units, `unit` [n] ascending from 0 without gaps. The last column of L is 0.
    """
    if (
        len(unit) == unit[-1] + 1
    ):  # every image is a unit: the last column is the last image, which none has after it
        for rows, k, kernel in _below_the_diagonal(points, sigmas):
            yield rows.start, k, kernel
        return
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    # Of a unit that goes on in the next strip, the sums so far; one a sigma.
    begun: list[Floats | None] = [None] * len(sigmas)
    for rows, k, kernel in _below_the_diagonal(points, sigmas):
        first, last = int(unit[rows.start]), int(unit[rows.stop - 1])
        by_column = np.add.reduceat(kernel, starts[: last + 1], axis=1)
        lower = np.zeros((last - first + 1, last + 2))
        inside = np.maximum(starts[first : last + 1] - rows.start, 0)
        np.add.reduceat(by_column, inside, axis=0, out=lower[:, :-1])
        before = begun[k]
        if before is not None:
            lower[0, : len(before)] += before
        goes_on = rows.stop < len(unit) and int(unit[rows.stop]) == last
        begun[k] = lower[-1].copy() if goes_on else None
        yield first, k, lower[: len(lower) - goes_on]


class _Product:
    """z' L z for 0/1 vectors z, by one matrix product: units^2 / 2 a relabelling, however many units a batch has."""

    def __init__(self, labels: NDArray[np.int64], units: int) -> None:
        """`labels` [rows, g] of `units`."""
        # 0/1 columns, some rows of labels at a time: [units + 1, some], the last of 0. As bytes where there are many.
        dtype = np.dtype(np.float64 if labels.shape[0] * units <= MANY else np.int8)
        self.named = [
            named(labels[start : start + COLUMNS], units + 1, dtype).T.copy()
            for start in range(0, len(labels), COLUMNS)
        ]

    def add(self, first: int, lower: Floats, q: Floats) -> None:
        """To q [1, rows] what L [units from the first on, width] adds: the sum of L_uv over the u and v of each row."""
        for start, named_here in zip(range(0, q.shape[1], COLUMNS), self.named, strict=True):
            z = named_here.astype(np.float64, copy=False)
            sums = q[0, start : start + COLUMNS]
            for top in range(0, len(lower), BLOCK):
                some = lower[top : top + BLOCK]
                end = first + top + len(some)  # L ends at the diagonal: short steps leave its zeros out
                sums += np.einsum("ub,ub->b", some[:, :end] @ z[:end], z[first + top : end])


class _Picked:
    """The entries that z names, out of some rows of L after the others: g^2 / 2 a relabelling, however many units there are."""

    def __init__(self, labels: NDArray[np.int64], units: int) -> None:
        """`labels` [rows, g], ascending in each row, of `units`."""
        # For every unit u the rows that name it, and its place there: the v <= u of such a row stand up to that place.
        order = np.argsort(labels.astype(np.min_scalar_type(units)), axis=None, kind="stable")
        self.labels = labels
        self.naming, place = np.divmod(order, labels.shape[1])
        self.unit = labels.ravel()[order]
        self.start = np.searchsorted(self.unit, np.arange(units + 1)).tolist()
        self.last = np.zeros(units, np.int64)
        np.maximum.at(self.last, self.unit, place)
        # So many units at a time that there are about as many entries as a core's cache holds.
        self.step = max(1, PICKED * units // max(1, labels.size * labels.shape[1]))

    def add(self, first: int, lower: Floats, q: Floats) -> None:
        """To q[0] [rows] what L [units from the first on, width] adds; to q[1], q[2], ... with its fourth powers in turn."""
        width = lower.shape[1]
        for start in range(0, len(lower), self.step):
            rows = lower[start : start + self.step]
            u = slice(first + start, first + start + len(rows))
            named = slice(self.start[u.start], self.start[u.stop])
            batches, upto = self.naming[named], int(self.last[u].max()) + 1
            # Units beyond L's width are read in its last column, which is 0, as all after u are.
            others = self.labels[batches, :upto]
            if len(rows) > 1:
                others = np.minimum(others, width - 1, out=others)
                others += (self.unit[named] - u.start)[:, None] * width
            picked = rows.reshape(-1).take(others, mode="clip")
            ones = np.ones(upto)
            for k in range(len(q)):
                if k:
                    to_half_width(picked)
                q[k] += np.bincount(batches, picked @ ones, q.shape[1])


def unbiased(row_sums: Floats, within: Floats, relabellings: Relabellings) -> Floats:
    """MMD^2 of every labelling, [rows, sigmas], from the r [sigmas, units] and q [sigmas, rows] of `unit_sums`."""
    # The complement identity. Let K be the kernel matrix of all images with a zero diagonal, r_i = sum_j K_ij its
    # row sums and S their total; for the relabelled batch J let q = sum of K over J x J and R = sum of r over J.
    # R holds what q holds and every pair across once, hence
    #     inside J: q      across, one direction: R - q      inside the rest: S - 2 (R - q) - q = S - 2R + q
    # and MMD^2 (Gretton et al. 2012, lemma 6) is
    #     T_J = (S - 2R + q) / (n (n - 1)) + q / (m (m - 1)) - 2 (R - q) / (n m),   m = |J|, n the others.
    # r and S are the same in every row, so that a relabelling costs its own q and a sum of m numbers. Bins and
    # groups: r and K are those of units; m and n still count images, and vary with unequal groups.
    # r, q: of every unit and of every labelling, one pair a bandwidth.
    m = relabellings.batch_sizes[:, None]
    n = relabellings.images - m
    q, big_r = within.T, sums_of_units(row_sums.T, relabellings.labels)
    # A side of one image has no pairs: its term is 0 / 1, and the statistic stays finite.
    rest = (row_sums.sum(axis=1) - 2 * big_r + q) / np.maximum(n * (n - 1), 1)
    found: Floats = rest + q / np.maximum(m * (m - 1), 1) - 2 * (big_r - q) / (n * m)
    return found


@threads.single
def median_distance(x: NDArray[np.float32]) -> float:
    """Median Euclidean distance between different rows of x [n, d], n >= 2 (the lower one of an even number of pairs)."""
    (points,) = _points(np.ones(1), x)
    halves = -_exponents(points, points)[np.triu_indices(len(x), 1)]
    middle = (len(halves) - 1) // 2
    return math.sqrt(2 * float(np.partition(halves, middle)[middle]))
