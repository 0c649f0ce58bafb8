"""Distances of named scalars for many samples of the same images: each value is looked up among its edges once, then counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Column, State
from driftcli.detectors import _scalars
from driftcli.detectors._sums import of_mean_differences
from driftcli.detectors.base import Against, Among, Detector, Floats, Matrix, Rows
from driftcli.stats.relabelling import Relabellings

# Indices: b runs over relabellings, s over scalars (a column's values, or which of them are missing), e over its edges.
# "At most edge e" is told by a place: the number of edges below the value is at most e. So a histogram of places, added
# up, is the distribution function at all edges, and a relabelling costs one addition for each of its values.

STRIP = 1 << 17
"""Places that one step looks up (1 MB)."""
Places = NDArray[np.int64]
Counts = NDArray[np.int64]


def countable(columns: Sequence[Column]) -> bool:
    """Whether every scalar of an image is the same whoever is tested with it: levels of categories are not."""
    return all(column.kind != "category" for column in columns)


class _Scalar(NamedTuple):
    name: str
    kind: _scalars.Kind
    column: int
    edges: Matrix
    """Ascending; empty for a missing value's indicator."""

    def places(self, images: Matrix, median: float) -> Places:
        """[n]: how many edges lie below each image's value; of a missing value's indicator 0 where it is missing."""
        x = images[:, self.column]
        finite = np.isfinite(x)
        if self.kind == "missing":
            return finite.astype(np.int64)
        return np.searchsorted(self.edges, np.where(finite, x, np.float32(median)), side="left")


class Counted(Among):
    """Places of all values of n images among their edges."""

    def __init__(self, detector: Detector, state: State, images: Matrix, columns: Sequence[Column]) -> None:
        super().__init__(detector, state, images, columns)
        self.scalars = [scalar for j, column in enumerate(columns) for scalar in _of_column(state, j, column)]
        self.kinds = np.array([scalar.kind for scalar in self.scalars])
        self.width = max(len(scalar.edges) for scalar in self.scalars) + 1
        self.places = self.placed(images)

    def against(self, held_out: Rows) -> Against:
        """The images of these rows as C; counted here."""
        return CountedAgainst(self, held_out)

    def placed(self, images: Matrix) -> Places:
        """[n, scalars]: the place of each value among its scalar's edges."""
        medians = self.state["median"]
        return np.stack(
            [scalar.places(images, float(medians[scalar.column])) for scalar in self.scalars], axis=1
        )

    def counts(self, places: Places) -> Counts:
        """[rows, s, width]: of `places` [rows, m, s] how many of each row are at most at each edge; beyond the last edge, m."""
        rows, _, many = places.shape
        first = np.arange(rows)[:, None, None] * many + np.arange(many)
        histogram = np.bincount((first * self.width + places).ravel(), minlength=rows * many * self.width)
        return histogram.reshape(rows, many, self.width).cumsum(axis=2)

    def distances(self, places: Places, labels: Rows, together: Counts, chosen: Rows) -> Floats:
        """[rows, s] of these scalars: distance of batch and rest, as `_scalars.distance`, for every row of `labels` [rows, m].

        `places` [n, scalars] of all images, `together` [scalars, width]: their counts.
        """
        n, m = len(places), labels.shape[1]
        places, together, kinds = (
            np.ascontiguousarray(places[:, chosen]),
            together[chosen],
            self.kinds[chosen],
        )
        linear, circular, missing = (
            np.flatnonzero(kinds == kind) for kind in ("linear", "circular", "missing")
        )
        # Where c of the batch's m and t of all n lie at most at an edge, the shares of batch and rest differ by
        # c / m - (t - c) / (n - m) = (c - t m / n) n / (m (n - m)).
        expected, apart = together * (m / n), n / (m * (n - m))
        heights = apart * np.sqrt(_weights(together[linear], n))
        found = np.empty((len(labels), len(chosen)))
        step = max(1, STRIP // max(1, len(chosen) * max(m, self.width)))
        for start in range(0, len(labels), step):
            some = slice(start, start + step)
            differences = self.counts(places[labels[some]]) - expected
            scaled = differences[:, linear] * heights
            found[some, linear] = np.sqrt(np.einsum("bse,bse->bs", scaled, scaled))
            arcs = differences[:, circular] * apart
            found[some, circular] = arcs.max(axis=2, initial=0) - arcs.min(axis=2, initial=0)
            found[some, missing] = np.abs(differences[:, missing, 0]) * apart
        return found


def _weights(together: Counts, n: int) -> Floats:
    """[scalars, width]: what a squared difference of shares at an edge adds to a squared distance; 0 where all agree."""
    differ = (together > 0) & (together < n)
    pooled = np.clip(together / n, 0.5 / n, 1 - 0.5 / n)
    weights: Floats = differ / (pooled * (1 - pooled)) / np.maximum(differ.sum(axis=1, keepdims=True), 1)
    return weights


def varying(together: Counts, n: int) -> Rows:
    """The scalars [k] of which some images lie at most at an edge and some beyond it."""
    return np.flatnonzero(((together > 0) & (together < n)).any(axis=1))


class CountedAgainst(Against):
    """C as counts."""

    def __init__(self, among: Counted, held_out: Rows) -> None:
        self.among: Counted = among
        self.held_out = held_out
        self.state = among.state
        (self.good,) = among.counts(among.places[held_out][None])
        self._rests: dict[int, tuple[Floats, Floats]] = {}

    def together(self, batch: Rows) -> Counts:
        """[scalars, width]: counts of C and these images."""
        (ours,) = self.among.counts(self.among.places[batch][None])
        together: Counts = self.good + ours
        return together

    def values(self, batch: Rows, relabellings: Relabellings) -> Floats:
        """From counts, where single images are relabelled."""
        if relabellings.kind != "images":
            return super().values(batch, relabellings)
        together, rows = self.together(batch), np.concatenate([self.held_out, batch])
        places, chosen = self.among.places[rows], varying(together, len(rows))
        return self.among.distances(places, relabellings.labels, together, chosen)

    def names(self, batch: Rows) -> tuple[str, ...]:
        """The scalars that vary."""
        chosen = varying(self.together(batch), len(self.held_out) + len(batch))
        return tuple(self.among.scalars[s].name for s in chosen)

    def observed(self, batch: Matrix, relabellings: Relabellings) -> tuple[tuple[str, ...], Floats]:
        """From the counts of the batch alone."""
        if relabellings.kind != "images":
            return super().observed(batch, relabellings)
        ours = self.among.placed(batch)
        together = self.good + self.among.counts(ours[None])[0]
        places = np.concatenate([self.among.places[self.held_out], ours])
        chosen = varying(together, len(places))
        observed = relabellings.labels[:1]
        names = tuple(self.among.scalars[s].name for s in chosen)
        return names, self.among.distances(places, observed, together, chosen)[0]

    def if_shifted(self, batch: Rows, shifts: Floats) -> Floats:
        """As `Detector.if_shifted`: from C's counts, and the batch's values in order."""
        found = np.full(shifts.shape, np.nan)
        n, m = len(self.held_out), len(batch)
        for j, column in enumerate(self.among.columns):
            if column.kind == "linear":
                edges, rest = self._rest(j)
                y = np.sort(self._filled(j, batch))
                moved = np.array([np.searchsorted(y + by, edges, side="right") for by in shifts[j]]) / m
                pooled = np.clip((n * rest + m * moved) / (n + m), 0.5 / (n + m), 1 - 0.5 / (n + m))
                found[j] = np.sqrt(((moved - rest) ** 2 / (pooled * (1 - pooled))).mean(axis=1))
        return found

    def _rest(self, j: int) -> tuple[Floats, Floats]:
        """Edges of a column, in full precision, and C's distribution function there."""
        if j not in self._rests:
            edges = np.unique(self.state["edges"][j])
            x = np.sort(self._filled(j, self.held_out))
            self._rests[j] = edges, np.searchsorted(x, edges, side="right") / len(x)
        return self._rests[j]

    def _filled(self, j: int, rows: Rows) -> Floats:
        """A column of these images, F's median where a value is missing."""
        x = self.among.images[rows, j]
        filled: Floats = np.where(np.isfinite(x), x, float(self.state["median"][j])).astype(np.float64)
        return filled


class WithMeans(Counted):
    """The same and, behind the distances, how far the means of the same columns lie apart."""

    def against(self, held_out: Rows) -> Against:
        """The images of these rows as C."""
        return _MeansAgainst(self, held_out)

    def centred(self, images: Matrix, chosen: Rows) -> Floats:
        """[n, k]: the columns of these scalars, from F's median on and in its spread."""
        columns = [self.scalars[s].column for s in chosen]
        centred: Floats = ((images - self.state["median"]) / self.state["spread"])[:, columns].astype(
            np.float64
        )
        return centred


class _MeansAgainst(CountedAgainst):
    among: WithMeans

    def values(self, batch: Rows, relabellings: Relabellings) -> Floats:
        if relabellings.kind != "images":
            return super().values(batch, relabellings)
        rows = np.concatenate([self.held_out, batch])
        x = self.among.centred(self.among.images[rows], varying(self.together(batch), len(rows)))
        means = of_mean_differences(x, relabellings, np.abs, x.shape[1])
        return np.concatenate([super().values(batch, relabellings), means], axis=1)

    def names(self, batch: Rows) -> tuple[str, ...]:
        names = super().names(batch)
        return (*names, *(f"{name}.mean" for name in names))

    def observed(self, batch: Matrix, relabellings: Relabellings) -> tuple[tuple[str, ...], Floats]:
        names, distances = super().observed(batch, relabellings)
        if relabellings.kind != "images":
            return names, distances
        known = [scalar.name for scalar in self.among.scalars]
        chosen = np.array([known.index(name) for name in names], np.int64)
        sides = (self.among.images[self.held_out], batch)
        x, y = (self.among.centred(side, chosen).mean(axis=0) for side in sides)
        return (*names, *(f"{name}.mean" for name in names)), np.concatenate([distances, np.abs(y - x)])

    def if_shifted(self, batch: Rows, shifts: Floats) -> Floats:
        return Against.if_shifted(self, batch, shifts)


def _of_column(state: State, j: int, column: Column) -> list[_Scalar]:
    """A column's values, then which of them are missing."""
    edges = np.unique(state["edges"][j]).astype(np.float32)
    missing = _Scalar(f"{column.name}.missing", "missing", j, edges[:1])
    return [_Scalar(column.name, column.kind, j, edges), missing]
