"""In which order images were made, as far as times and names tell, and how neighbours in it depend on each other."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core import threads
from driftcli.core.features import Features
from driftcli.stats import dependence
from driftcli.stats.dependence import Row

LEAST = 10
"""Images whose paths differ by digits alone, from which on they are a series of their own."""
FEW, LONG = 12, 20
"""So few series, or series of so many images on average, are classes or cameras rather than times of day."""
WIDE, AXES, SAMPLE = 16, 8, 256
"""Of a view with more columns the principal axes are looked at, so many, learnt from so many images."""
_DIGITS = re.compile(r"\d+")
_BEFORE = re.compile(r".*?(?=\d+\D*$)", re.DOTALL)
_FILE = re.compile(r"[^/\\]*$")


@dataclass(frozen=True)
class Order:
    """n images in the order in which they were made, series after series."""

    rows: NDArray[np.int64]
    """[n]: the image at each place."""
    series: NDArray[np.int64]
    """[n], ascending from 0: the series of the image at each place."""
    stratum: NDArray[np.int64]
    """[n], ascending from 0: its stratum; all of one where there are none."""
    place: NDArray[np.float64]
    """[n]: its time in seconds, else the last number of its path; NaN where it has none."""
    timed: bool
    """Every image has its capture time; else names give the order."""


def order_of(features: Features) -> Order:
    """Series by series: images (of one stratum) whose paths differ by their last number alone, in the order of their times.

    So is every good group that the baseline was told of (days, cameras): that groups differ is another matter.
    Without times by name, numbers as numbers (frame2 before frame10). A folder, or another part of a path, may stand for a
    class or a camera: that its images resemble each other is no dependence, so that neighbours are compared within a series
    only. Paths that differ by digits share a series where their other numbers would make many short ones (times of day);
    paths of fewer than LEAST that are alike share one of their folder.
    """
    names = features.names
    parts = [key or ("",) * len(names) for key in (features.stratum, features.group)]
    strata = ["\n".join(keys) for keys in zip(*parts, strict=True)]
    folders = [_FILE.sub("", name) for name in names]
    files = [name.removeprefix(folder) for name, folder in zip(names, folders, strict=True)]
    stems = [
        (s, folder + _DIGITS.sub("#", file)) for s, folder, file in zip(strata, folders, files, strict=True)
    ]
    counts = Counter(stems)
    before = [_BEFORE.match(name) for name in names]
    heads = ["" if match is None else match[0] for match in before]
    several = Counter(stem for stem, _ in set(zip(stems, heads, strict=True)))

    def key(i: int) -> tuple[str, str, str]:
        stratum, stem = stems[i]
        if counts[stems[i]] < LEAST:
            return stratum, folders[i], ""
        long = several[stems[i]] <= FEW or counts[stems[i]] >= LONG * several[stems[i]]
        return stratum, stem, heads[i] if long else ""

    keys = [key(i) for i in range(len(names))]
    numbered = [_DIGITS.sub(_padded, name) for name in names]
    rows = np.array(sorted(range(len(keys)), key=lambda i: (keys[i], numbered[i])), np.int64)
    series = np.zeros(len(rows), np.int64)
    if len(rows):
        series[1:] = np.cumsum([keys[a] != keys[b] for a, b in itertools.pairwise(rows)])
    timed = features.time is not None and bool(np.isfinite(features.time).all())
    place = np.array([_last(name) for name in names], np.float64)
    if timed and features.time is not None:
        place = features.time
        rows = rows[np.lexsort((place[rows], series))]
    place = place[rows]
    kinds = np.unique(np.array([key[0] for key in keys], object)[rows].astype(str), return_inverse=True)[1]
    return Order(rows, series, kinds.astype(np.int64), place, timed)


def _last(name: str) -> float:
    numbers = _DIGITS.findall(name.rpartition(".")[0] or name)
    return float(numbers[-1][-15:]) if numbers else float("nan")


def _padded(digits: re.Match[str]) -> str:
    return digits[0].zfill(20)


@dataclass(frozen=True)
class Look:
    """What neighbours are compared by: columns of some views, or leading principal axes where a view is wide."""

    axes: Mapping[str, NDArray[np.float64] | None]
    """By view, directions [d, k]; None: the columns themselves."""
    spread: NDArray[np.float64]
    """Of good images along all of them."""

    def along(self, features: Features, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """These images [n, all directions]."""
        return _along(self.axes, features, rows)


def _along(
    axes: Mapping[str, NDArray[np.float64] | None], features: Features, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    parts = [
        features.views[view][rows].astype(np.float64)
        if axis is None
        else np.nan_to_num(features.views[view][rows]) @ axis
        for view, axis in axes.items()
    ]
    return np.concatenate([np.empty((len(rows), 0)), *parts], axis=1)


@threads.single
def look_of(good: Features, views: Sequence[str]) -> Look:
    """What these good images vary by, learnt from some of them."""
    axes: dict[str, NDArray[np.float64] | None] = {}
    some = np.unique(np.linspace(0, len(good) - 1, SAMPLE).astype(np.int64))
    for view in views:
        x = good.views[view]
        if x.shape[1] <= WIDE:
            axes[view] = None
            continue
        sample = np.nan_to_num(x[some].astype(np.float64))
        axes[view] = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)[2][:AXES].T
    return Look(axes, dependence.spreads(_along(axes, good, np.arange(len(good)))))


@threads.single
def dependence_of(features: Features, look: Look) -> tuple[Order, NDArray[np.int64], Row]:
    """The order, [n] the place in the row of each image, and how the row's images depend on each other.

    Of copies one is looked at; the others have its place.
    """
    order = order_of(features)
    _, first, inverse = np.unique(features.pixels[order.rows], return_index=True, return_inverse=True)
    kept = np.sort(first)
    z = dependence.scores(look.along(features, order.rows[kept]), look.spread)
    place = np.empty(len(features), np.int64)
    place[order.rows] = np.searchsorted(kept, first[inverse])
    return order, place, dependence.measure(z, order.series[kept], order.stratum[kept], order.place[kept])
