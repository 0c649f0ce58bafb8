"""F's principal axes: whitened distances are Mahalanobis distances, the discriminant is the inverse's."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.detectors import _whitened

F = (np.random.default_rng(0).normal(size=(60, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 2).astype(
    "f"
)
"""Four correlated columns, mean 2."""


def ridged(ridge):
    covariance = np.cov(F.T.astype(float))
    return covariance + ridge * np.trace(covariance) / 4 * np.eye(4)


def test_axes_come_in_falling_order_and_rebuild_the_covariance():
    state = _whitened.learn(F)
    assert (np.diff(state["variance"]) <= 0).all()
    axes = state["axes"].astype(float)
    assert (axes * state["variance"]) @ axes.T == pytest.approx(np.cov(F.T.astype(float)), rel=1e-4, abs=1e-4)
    assert state["mean"] == pytest.approx(F.mean(axis=0), rel=1e-6)


@pytest.mark.parametrize("ridge", [0.03, 1.0])
def test_distances_of_coordinates_are_mahalanobis_distances(ridge):
    coordinates = _whitened.coordinates(_whitened.learn(F), F[:6], ridge).astype(float)
    for i in range(6):
        for j in range(i):
            away = (F[i] - F[j]).astype(float)
            expected = away @ np.linalg.solve(ridged(ridge), away)
            assert ((coordinates[i] - coordinates[j]) ** 2).sum() == pytest.approx(expected, rel=1e-4)
    middle = _whitened.coordinates(_whitened.learn(F), F.mean(axis=0, keepdims=True), ridge)
    assert middle == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("ridge", [0.03, 1.0])
def test_the_direction_is_the_ridged_inverse_times_the_shift(ridge):
    shift = np.array([0.5, -0.2, 0.1, 0.4])
    weights = _whitened.direction(_whitened.learn(F), shift, ridge)
    assert weights == pytest.approx(np.linalg.solve(ridged(ridge), shift), rel=1e-3)


def test_one_image_and_constant_images_are_no_division_by_zero():
    for reference in (F[:1], np.ones((9, 4), "f")):
        state = _whitened.learn(reference)
        assert (state["variance"] == 0).all()
        assert np.isfinite(_whitened.coordinates(state, F, 0.03)).all()
