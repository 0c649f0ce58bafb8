"""In which order images were made, as far as times and names tell, and how neighbours in it depend on each other."""

from __future__ import annotations

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
"""Images of one folder whose names differ by digits alone, from which on they are a series of their own."""
WIDE, AXES, SAMPLE = 16, 8, 256
"""Of a view with more columns the principal axes are looked at, so many, learnt from so many images."""
_DIGITS = re.compile(r"\d+")
_FILE = re.compile(r"[^/\\]*$")


@dataclass(frozen=True)
class Order:
    """n images in the order in which they were made, series after series."""

    rows: NDArray[np.int64]
    """[n]: the image at each place."""
    series: NDArray[np.int64]
    """[n], ascending from 0: the series of the image at each place."""
    timed: bool
    """Every image has its capture time; else names give the order."""


def order_of(features: Features) -> Order:
    """Series by series: images of one folder (and stratum) whose names differ by digits alone, in the order of their times.

    Without times by name, digits as numbers (frame2 before frame10). A folder, or a word of a name, may stand for a class
    or a camera: that its images resemble each other is no dependence, so that neighbours are compared within a series
    only. Names of which fewer than LEAST are alike share one series of their folder.
    """
    files = [_FILE.search(name) for name in features.names]
    starts = [0 if file is None else file.start() for file in files]
    folders = [name[:start] for name, start in zip(features.names, starts, strict=True)]
    strata = features.stratum or ("",) * len(features)
    stems = [_DIGITS.sub("#", name[start:]) for name, start in zip(features.names, starts, strict=True)]
    counts = Counter(zip(folders, strata, stems, strict=True))
    keys = [key if counts[key] >= LEAST else (*key[:2], "") for key in zip(folders, strata, stems, strict=True)]
    numbered = [_DIGITS.sub(_padded, name) for name in features.names]
    rows = np.array(sorted(range(len(keys)), key=lambda i: (keys[i], numbered[i])), np.int64)
    series = np.zeros(len(rows), np.int64)
    if len(rows):
        series[1:] = np.cumsum([keys[a] != keys[b] for a, b in zip(rows[:-1], rows[1:], strict=True)])
    timed = features.time is not None and bool(np.isfinite(features.time).all())
    if timed and features.time is not None:
        rows = rows[np.lexsort((features.time[rows], series))]
    return Order(rows, series, timed)


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
    return np.concatenate(parts, axis=1)


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
def dependence_of(features: Features, look: Look) -> tuple[NDArray[np.int64], Row]:
    """[n], the place in the row of each image, and how the row's images depend on each other; of copies one is looked at.

    Copies have the place of the first of them.
    """
    order = order_of(features)
    _, first, inverse = np.unique(features.pixels[order.rows], return_index=True, return_inverse=True)
    kept = np.sort(first)
    z = dependence.scores(look.along(features, order.rows[kept]), look.spread)
    place = np.empty(len(features), np.int64)
    place[order.rows] = np.searchsorted(kept, first[inverse])
    return place, dependence.measure(z, order.series[kept])
