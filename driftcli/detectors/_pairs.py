"""Kernel statistics of many samples of the same images: the kernel of every pair is computed once, and looked up after."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from driftcli.core import threads
from driftcli.core.features import Column, State
from driftcli.detectors import _kernels, _whitened
from driftcli.detectors.base import Against, Among, Detector, Floats, Matrix, Rows
from driftcli.stats.relabelling import Relabellings

# Indices as in _kernels: i, j are images, J the images that a relabelling calls "batch", k runs over bandwidths.

MOST = 3_200
"""Images whose pairs are kept at a time: 82 MB for each kernel that is not a power of another."""


class Pairs(Among):
    """Kernel values of all pairs of n images, and the images along F's principal axes."""

    def __init__(
        self,
        detector: Detector,
        state: State,
        images: Matrix,
        columns: Sequence[Column],
        scaled: Callable[[Matrix], Matrix],
        white: State,
        ridges: tuple[float, ...],
    ) -> None:
        """`scaled`: images in the units that kernels and axes are for; `white`: what `_whitened` learnt, if anything."""
        super().__init__(detector, state, images, columns)
        self.scaled, self.points = scaled, scaled(images)
        self.sigmas: Floats = state["sigma"]
        self.ridges = ridges if white else ()
        # In float64 once: converting the axes costs more than projecting one mean on them.
        self.white = {**white, "axes": white["axes"].astype(np.float64)} if white else white
        self.along = _whitened._along(self.white, self.points) if white else np.zeros((len(images), 0))
        self._kernels = _all_pairs(self.points, self.sigmas)

    def against(self, held_out: Rows) -> Against:
        """The images of these rows as C."""
        return _Against(self, held_out)

    def across(self, a: Rows, b: Rows) -> Iterator[tuple[int, Floats]]:
        """Number of the bandwidth and kernels [a, b] of images of these rows; each array is overwritten by the next step."""
        for first, (many, kernel) in self._kernels.items():
            picked = kernel.take(a, axis=0).take(b, axis=1)
            for k in range(first, first + many):
                if k > first:
                    _kernels.to_half_width(picked)
                yield k, picked

    def within(self, named: Rows) -> Floats:
        """Sums of the kernel over ordered pairs of different images of each row of `named` [rows, m]: [bandwidths, rows]."""
        sums = np.zeros((len(self.sigmas), len(named)))
        ones = np.ones(named.shape[1])
        place = named * len(self.images)
        for first, (many, kernel) in self._kernels.items():
            for i in range(1, named.shape[1]):  # its pairs with the images before it
                picked = kernel.take(place[:, i, None] + named[:, :i], mode="clip")
                for k in range(first, first + many):
                    if k > first:
                        _kernels.to_half_width(picked)
                    sums[k] += picked @ ones[:i]
        return 2 * sums


class _Against(Against):
    def __init__(self, among: Pairs, held_out: Rows) -> None:
        self.among: Pairs = among
        self.held_out = held_out
        self.state = among.state
        self.own = np.zeros((len(among.sigmas), len(held_out)))
        step = max(1, _kernels.STRIP // len(held_out))
        for start in range(0, len(held_out), step):
            some = slice(start, start + step)
            for k, kernel in among.across(held_out[some], held_out):
                self.own[k, some] = kernel.sum(axis=1)
        # Of batches from elsewhere: what C contributes to every one of them.
        self.middle = among.points[held_out].mean(axis=0, dtype=np.float64)
        self.mean = among.along[held_out].mean(axis=0)
        self._good: _kernels._Points | None = None

    @threads.single
    def values(self, batch: Rows, relabellings: Relabellings) -> Floats:
        """From looked up kernels, where single images are relabelled."""
        if relabellings.kind != "images":
            return super().values(batch, relabellings)
        among, n = self.among, len(self.held_out)
        rows = np.concatenate([self.held_out, batch])
        row_sums = np.zeros((len(self.own), len(rows)))
        row_sums[:, :n] = self.own
        for k, kernel in among.across(batch, self.held_out):
            row_sums[k, n:] += kernel.sum(axis=1)
            row_sums[k, :n] += kernel.sum(axis=0)
        for k, kernel in among.across(batch, batch):
            row_sums[k, n:] += kernel.sum(axis=1)
        found = _kernels.unbiased(row_sums, among.within(rows[relabellings.labels]), relabellings)
        if not among.white:
            return found
        shifts = _whitened.shifts_along(among.white, among.along[rows], relabellings, among.ridges)
        return np.concatenate([found, shifts], axis=1)

    def names(self, batch: Rows) -> tuple[str, ...]:
        """The same for all images."""
        return self.among.detector.names(self.state, self.among.images, self.among.columns)

    @threads.single
    def observed(self, batch: Matrix, relabellings: Relabellings) -> tuple[tuple[str, ...], Floats]:
        """From total sums: one labelling needs no row by itself."""
        if relabellings.kind != "images":
            return super().observed(batch, relabellings)
        y = self.among.scaled(batch)
        n, m = len(self.held_out), len(y)
        good, strange = self._about_the_middle(y)
        found = np.empty(len(self.own))
        across = np.zeros(len(found))
        for rows in _kernels._strips(n, m, _kernels.ROWS):
            exponents = _kernels._exponents(good.of(rows), strange)
            for k, kernel in enumerate(_kernels.gaussians(exponents, self.among.sigmas)):
                across[k] += kernel.sum()
        for k, kernel in enumerate(
            _kernels.gaussians(_kernels._exponents(strange, strange), self.among.sigmas)
        ):
            np.fill_diagonal(kernel, 0)
            rest, inside = self.own[k].sum() / (n * (n - 1)), kernel.sum() / max(m * (m - 1), 1)
            found[k] = rest + inside - 2 * across[k] / (n * m)
        names = self.names(self.held_out)
        white = self.among.white
        if not white:
            return names, found
        shift = _whitened._along(white, y.mean(axis=0, keepdims=True, dtype=np.float64)) - self.mean
        return names, np.concatenate([found, _whitened.squared(white, shift, self.among.ridges)[0]])

    def _about_the_middle(self, batch: Matrix) -> tuple[_kernels._Points, _kernels._Points]:
        """C and a batch as points about the mean of C."""
        if self._good is None:
            self._good = _kernels._about(self.middle, self.among.sigmas, self.among.points[self.held_out])
        return self._good, _kernels._about(self.middle, self.among.sigmas, batch)


@threads.single
def _all_pairs(points: Matrix, sigmas: Floats) -> dict[int, tuple[int, Floats]]:
    """Kernels [n, n] with 0 on the diagonal, by number of a bandwidth; and how many, it included, are powers of each."""
    (x,) = _kernels._points(sigmas, points)
    exponents = _kernels._exponents(x, x)
    runs, found = _kernels._runs(sigmas), {}
    for first, many in reversed(runs.items()):  # the first sigma's, which needs no factor, last and in place
        times = (float(sigmas[0]) / float(sigmas[first])) ** 2
        kernel = np.exp(exponents * times) if first else np.exp(exponents, out=exponents)
        np.fill_diagonal(kernel, 0)
        found[first] = (many, kernel)
    return found
