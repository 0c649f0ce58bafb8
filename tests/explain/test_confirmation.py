"""What a network's view confirms: shifts that corruptions make, and chance; not shifts of another kind."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from driftcli.explain import confirmation
from driftcli.explain.confirmation import Confirmation
from tests.statistical import binomial_bound

DIMENSIONS = 40


def good(count: int, seed: int) -> np.ndarray:
    """Correlated features, some of them a hundred times as wide as others."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(1).normal(size=(DIMENSIONS, DIMENSIONS)) / 6
    widths = np.logspace(-1, 1, DIMENSIONS)
    return ((rng.normal(size=(count, DIMENSIONS)) @ (np.eye(DIMENSIONS) + mixing)) * widths).astype(
        np.float32
    )


SPREAD = good(2000, 99).std(axis=0)
MOVES = np.random.default_rng(2).normal(size=(3, DIMENSIONS)) * SPREAD * 0.4


@pytest.fixture(scope="module")
def learnt() -> Confirmation:
    few = good(6, 3)
    return confirmation.learn("v", good(200, 4), few, [[few + s * m for s in (1.0, 2.0)] for m in MOVES])


def batch(move: np.ndarray, seed: int, count: int = 50) -> np.ndarray:
    return (good(count, 1000 + seed) + move).astype(np.float32)


@pytest.mark.parametrize(("one", "amount"), list(product(range(3), (0.5, 1.0, 1.5, 3.0))))
def test_its_own_corruption_explains_a_shift_at_any_severity(learnt, one, amount):
    assert all(learnt.explains(batch(amount * MOVES[one], seed), [one]) for seed in range(5))


@pytest.mark.parametrize("one", range(3))
def test_another_corruption_does_not(learnt, one):
    others = [other for other in range(3) if other != one]
    assert not any(
        learnt.explains(batch(2 * MOVES[one], seed), [other]) for seed in range(5) for other in others
    )


def test_two_explain_what_one_does_not(learnt):
    both = batch(2 * MOVES[0] + 4 * MOVES[1], 0)
    assert learnt.explains(both, [0, 1])
    assert not learnt.explains(both, [0])


def test_the_opposite_is_no_explanation(learnt):
    """Weights are not negative: what a corruption takes away is not what it does."""
    assert not learnt.explains(batch(-2 * MOVES[0], 0), [0])


def test_chance_is_never_held_against_a_likeness(learnt):
    """Batches without any shift: what is left is what sampling gives (200 batches, at most 1 in 100)."""
    refused = sum(not learnt.explains(batch(np.zeros(DIMENSIONS), seed), [0]) for seed in range(200))
    assert refused <= binomial_bound(200, 0.01)


def test_least_squares_with_weights_that_are_not_negative():
    """Against a slow twin: the best of very many weights on a grid."""
    rng = np.random.default_rng(5)
    grid = np.array(list(product(np.linspace(0, 3, 61), repeat=2)))
    for _ in range(20):
        points, shift = rng.normal(size=(2, 5)), rng.normal(size=5)
        left = ((shift - grid @ points) ** 2).sum(axis=1).min()
        best = confirmation.explained(points, shift)
        assert shift @ shift - left - 1e-9 <= best <= shift @ shift - left + 0.02
    assert confirmation.explained(-points, points[0]) == 0
    assert confirmation.explained(np.stack([points[0], points[0]]), points[0]) == pytest.approx(
        points[0] @ points[0]
    )


def test_constant_columns_and_few_images_stay_finite():
    few = good(9, 7)
    few[:, :5] = 1.0
    found = confirmation.learn("v", few, few[:4], [[few[:4] + MOVES[0]]])
    assert np.isfinite(found.points).all()
    assert found.axes.shape == (DIMENSIONS, 3)
    assert found.explains(few, [0])


def test_it_survives_the_artifact(learnt):
    state = confirmation.pack([learnt], "p/")
    (again,) = confirmation.unpack({**state, "other": np.zeros(1)}, ["v"], "p/")
    assert all(
        again.explains(batch(a * MOVES[0], 1), [0]) == learnt.explains(batch(a * MOVES[0], 1), [0])
        for a in range(4)
    )
    assert np.allclose(again.points, learnt.points, rtol=1e-5)
    assert confirmation.unpack({}, [], "p/") == ()
