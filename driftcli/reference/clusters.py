"""Clusters of the fit set: a stand-in for classes where nobody has labelled anything.

Found at `fit`, by scikit-learn; a check only asks which stored centroid is nearest, and loads no library for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import State
from driftcli.core.schema import Array
from driftcli.extractors.base import portraits
from driftcli.extractors.base import views as declared_views

Floats = NDArray[np.float64]
SIZES = (2, 4, 8, 16, 32)
PER_CLUSTER = 40
"""Good images a cluster should hold on average, twice what it needs: a held-out set of 400 gets eight."""
LEAST = 20
"""Fewer good images for each cluster than this: a clustering is not used (issue: K <= n_c / 20)."""
MOST_IMAGES = 5_000
RESTARTS = 4


def learn(views: Mapping[str, NDArray[np.float32]], wanted: Literal["auto"] | int, seed: int) -> State:
    """Centroids of the fit set for several numbers K of clusters, keys `VIEW/K` -> float32 [K, d].

    Of the best portrait among the views that are declared fit for it, as it is: neither z-scores nor PCA
    told classes apart better.

    `wanted`: 0 learns none, a number only that one. Nothing is learnt without a network's features.
    """
    view = next((name for name in portraits(views) if declared_views()[name].clustered), None)
    if view is None or wanted == 0:
        return {}
    x = views[view].astype(np.float64)
    chosen = np.random.default_rng(seed).permutation(len(x))[:MOST_IMAGES]
    x = x[np.sort(chosen)]
    sizes = SIZES if wanted == "auto" else (wanted,)
    return {
        f"{view}/{k}": kmeans(x, k, _seed(seed, k)).astype(np.float32) for k in sizes if k * LEAST <= len(x)
    }


def arrays(views: Iterable[str]) -> list[Array]:
    """Of what `learn` returns, for whichever of these views it was."""
    return [Array(f"{view}/*", "float32", ("*", f"columns of {view}")) for view in views]


def choose(learnt: State, held_out: int) -> tuple[str, NDArray[Any]] | None:
    """View and centroids [K, d] for a held-out set of so many images; None where it is too small for any.

    The largest K that leaves 40 held-out images to each cluster on average; else the smallest that leaves 20.
    """
    allowed = sorted((len(c), key) for key, c in learnt.items() if len(c) * LEAST <= held_out)
    if not allowed:
        return None
    roomy = [pair for pair in allowed if pair[0] * PER_CLUSTER <= held_out]
    key = (roomy[-1] if roomy else allowed[0])[1]
    return key.partition("/")[0], learnt[key]


def assign(x: NDArray[Any], centroids: NDArray[Any]) -> NDArray[np.int64]:
    """The nearest of centroids [K, d] for each row of x [n, d]: int64 [n]; the first of equally near ones."""
    nearest: NDArray[np.int64] = distances(x, centroids).argmin(axis=1)
    return nearest


def distances(x: NDArray[Any], centroids: NDArray[Any]) -> Floats:
    """Squared Euclidean distances of x [n, d] to centroids [K, d]: float64 [n, K]."""
    x, centroids = x.astype(np.float64), centroids.astype(np.float64)
    crossed = x @ centroids.T
    squared: Floats = (x**2).sum(axis=1)[:, None] - 2 * crossed + (centroids**2).sum(axis=1)
    return np.maximum(squared, 0.0)


def _seed(seed: int, k: int) -> int:
    """One 32-bit number of its own for every clustering: all that scikit-learn takes."""
    return int(np.random.SeedSequence([seed, k]).generate_state(1)[0])


def kmeans(x: Floats, k: int, seed: int) -> Floats:
    """Centroids [k, d] of x [n, d]: scikit-learn's KMeans, of four descents the one with the smallest sum of squares.

    In one thread: with several the sums' last bits would depend on which is done first. Where fewer rows differ
    than k, some centroids are the same.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found: Floats = KMeans(k, n_init=RESTARTS, tol=0, random_state=seed).fit(x).cluster_centers_
    return found
