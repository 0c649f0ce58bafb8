"""The difference of means in F's own units: each direction counts by how little it varies in good images."""

from __future__ import annotations

import numpy as np

from driftcli.core.features import State
from driftcli.detectors.base import Floats, Matrix
from driftcli.stats.relabelling import Relabellings

MOST = 512
"""Directions kept of wider features: those that vary most."""


def learn(reference: Matrix) -> State:
    """From F [n, d]: `mean` [d], principal `axes` [d, k] and the `variance` [k] along them, k <= MOST."""
    centre = reference.mean(axis=0, dtype=np.float64)
    away = reference.astype(np.float64) - centre
    variance, axes = np.linalg.eigh(away.T @ away / max(len(reference) - 1, 1))
    variance, axes = np.maximum(variance[::-1][:MOST], 0.0), axes[:, ::-1][:, :MOST]
    return {
        "mean": centre.astype(np.float32),
        "axes": np.ascontiguousarray(axes, np.float32),
        "variance": variance,
    }


def mean_shifts(
    state: State, pooled: Matrix, relabellings: Relabellings, ridges: tuple[float, ...]
) -> Floats:
    """[rows, ridges]: squared distance of the means of batch and rest, sum over axes of delta^2 / (variance + ridge).

    A ridge is a multiple of the mean variance: a large one trusts the axes that vary much (as the plain
    difference of means does), a small one those in which good images hardly differ. Regularised Hotelling
    T^2 with F's covariance in place of the batch's (Chen, Paul, Prentice & Wang 2011, JASA 106).
    """
    from driftcli.detectors._sums import subset_sums

    x = ((pooled - state["mean"]) @ state["axes"]).astype(np.float32)
    sums = subset_sums(x, relabellings)
    total = x[relabellings.unit_of >= 0].sum(axis=0, dtype=np.float64)
    m = relabellings.batch_sizes[:, None]
    delta = sums / m - (total - sums) / (relabellings.images - m)
    variance = state["variance"]
    weights = 1 / (variance[:, None] + np.asarray(ridges) * max(float(variance.mean()), 1e-12))
    shifts: Floats = delta**2 @ weights
    return shifts


def coordinates(state: State, x: Matrix, ridge: float) -> Matrix:
    """[n, k]: images along F's principal axes, each in units of its own spread; `ridge` as in `mean_shifts`."""
    variance = state["variance"]
    spread = np.sqrt(variance + ridge * max(float(variance.mean()), 1e-12))
    found: Matrix = ((x - state["mean"]) @ state["axes"] / spread).astype(np.float32)
    return found


def direction(state: State, shift: Floats, ridge: float) -> Floats:
    """[d]: weights of the linear function that a mean shift [d] is steepest along, whitened as above."""
    axes, variance = state["axes"].astype(np.float64), state["variance"]
    found: Floats = axes @ ((axes.T @ shift) / (variance + ridge * max(float(variance.mean()), 1e-12)))
    return found
