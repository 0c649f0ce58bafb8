"""The difference of means in F's own units: each direction counts by how little it varies in good images."""

# In F's principal axes the covariance is diagonal, Sigma = V diag(lambda) V', so that the regularised Hotelling form
# needs no inverse: with delta = mean(Y) - mean(C) and a_j = (V' delta)_j its j-th coordinate,
#     delta' (Sigma + r I)^-1 delta = sum_j a_j^2 / (lambda_j + r).
# Of wider features than MOST columns only the leading axes are kept: the sum runs over those.
# Sigma is F's and the same for every relabelling. A pooled covariance would have to be computed anew for each of them,
# and where features outnumber images it has no inverse; any fixed matrix leaves the permutation test exact.

from __future__ import annotations

import numpy as np

from driftcli.core import threads
from driftcli.core.features import State
from driftcli.core.schema import Array
from driftcli.detectors.base import Floats, Matrix
from driftcli.stats.relabelling import Relabellings

MOST = 512
"""Directions kept of wider features: those that vary most."""

ARRAYS = (
    Array("mean", "float32", ("columns",), group="axes"),
    Array("axes", "float32", ("columns", "axes"), least=-2.0, most=2.0, group="axes"),
    Array("variance", "float64", ("axes",), least=0.0, group="axes"),
)
"""Of what `learn` returns."""


@threads.single
def learn(reference: Matrix) -> State:
    """What F [n, d] teaches: its `mean` [d], principal `axes` [d, k] and the `variance` [k] along them, largest first.

    k is d, at most MOST. Variances are of n - 1 degrees of freedom and never negative.
    """
    centre = reference.mean(axis=0, dtype=np.float64)
    away = reference.astype(np.float64) - centre
    variance, axes = np.linalg.eigh(away.T @ away / max(len(reference) - 1, 1))
    # eigh lists eigenvalues in ascending order; round-off makes those of a singular covariance slightly negative.
    variance, axes = np.maximum(variance[::-1][:MOST], 0.0), axes[:, ::-1][:, :MOST]
    return {
        "mean": centre.astype(np.float32),
        "axes": np.ascontiguousarray(axes, np.float32),
        "variance": variance,
    }


def mean_shifts(
    state: State, pooled: Matrix, relabellings: Relabellings, ridges: tuple[float, ...]
) -> Floats:
    """Squared distances between the means of batch and rest, [rows, ridges]: sum over axes of delta^2 / (variance + ridge).

    `pooled` [n, d]: C, then Y. A ridge is a multiple of the mean variance: a large one trusts the axes that vary much
    (as the plain difference of means does), a small one those in which good images hardly differ. Regularised
    Hotelling T^2 with F's covariance in place of the batch's (Chen, Paul, Prentice & Wang 2011, JASA 106).
    """
    return shifts_along(state, _along(state, pooled), relabellings, ridges)


def shifts_along(state: State, x: Floats, relabellings: Relabellings, ridges: tuple[float, ...]) -> Floats:
    """As `mean_shifts`, of images that are coordinates along the axes already: `x` [n, k]."""
    from driftcli.detectors._sums import of_mean_differences

    return of_mean_differences(x, relabellings, lambda delta: squared(state, delta, ridges), len(ridges))


def squared(state: State, delta: Floats, ridges: tuple[float, ...]) -> Floats:
    """Of differences [rows, k] along the axes, which are overwritten, the squared lengths under each ridge: [rows, ridges]."""
    variance = state["variance"]
    weights = 1 / (variance[:, None] + np.asarray(ridges) * max(float(variance.mean()), 1e-12))
    lengths: Floats = np.square(delta, out=delta) @ weights
    return lengths


def coordinates(state: State, x: Matrix, ridge: float) -> Matrix:
    """Images along F's principal axes, each in units of its own spread: [n, k] of x [n, d]; `ridge` as in `mean_shifts`.

    Euclidean distance between rows is then the ridged Mahalanobis distance under F's covariance.
    """
    variance = state["variance"]
    spread = np.sqrt(variance + ridge * max(float(variance.mean()), 1e-12))
    whitened: Matrix = (_along(state, x) / spread).astype(np.float32)
    return whitened


@threads.single
def _along(state: State, x: Matrix) -> Floats:
    """Coordinates of images [n, d] along F's principal axes: [n, k]."""
    coordinates: Floats = (x.astype(np.float64) - state["mean"]) @ state["axes"].astype(np.float64)
    return coordinates


def direction(state: State, shift: Floats, ridge: float) -> Floats:
    """Weights [d] of the linear function that separates a mean shift [d] best: (Sigma + ridge)^-1 shift.

    Fisher's linear discriminant with F's covariance; `ridge` as in `mean_shifts`.
    """
    axes, variance = state["axes"].astype(np.float64), state["variance"]
    weights: Floats = axes @ ((axes.T @ shift) / (variance + ridge * max(float(variance.mean()), 1e-12)))
    return weights
