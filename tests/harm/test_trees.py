"""The forest kept as arrays says what scikit-learn's says, and a torn file cannot lead it astray."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor

from driftcli.core import schema
from driftcli.harm import trees
from driftcli.harm.trees import Forest


def _taught() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] ** 2


def test_it_says_what_scikit_learn_says():
    """On rows it learnt from, on new ones, and far outside."""
    x, y = _taught()
    twin = ExtraTreesRegressor(
        trees.TREES,
        min_samples_leaf=trees.LEAF,
        max_features=trees.TRIED,
        max_depth=trees.DEPTH,
        random_state=3,
    ).fit(x.astype(np.float32), y)
    new = np.concatenate([x, np.random.default_rng(1).normal(size=(300, 3)), np.full((1, 3), 1e9)])
    assert Forest.learn(x, y, 3)(new) == pytest.approx(twin.predict(new.astype(np.float32)))


def test_it_says_nothing_beyond_what_it_learnt():
    """However far a row lies from all others."""
    x, y = _taught()
    far = Forest.learn(x, y, 0)(np.random.default_rng(1).normal(scale=1e6, size=(50, 3)))
    assert y.min() <= far.min() <= far.max() <= y.max()


def test_a_constant_is_learnt_as_one():
    """Nothing to split."""
    assert Forest.learn(np.zeros((30, 2)), np.full(30, 0.25), 0)(np.ones((4, 2))) == pytest.approx(0.25)


@pytest.mark.parametrize("name", ["roots", "looked", "onward"])
def test_nodes_that_lead_out_of_the_forest_are_found(name):
    """Before anything walks."""
    x, y = _taught()
    state = Forest.learn(x, y, 0).pack()
    declared = trees.arrays(len(state["looked"]), 3)
    assert schema.check(state, declared, {}).keys() == state.keys()
    wrong = state[name].copy()
    wrong[-1] = len(state["looked"])
    with pytest.raises(schema.ContentError):
        schema.check({**state, name: wrong}, declared, {})


def test_a_walk_ends_whatever_the_nodes_say():
    """Two nodes that send each other every row."""
    circle = Forest(
        np.zeros(1, np.int64),
        np.zeros(2, np.int64),
        np.array([[1, 1], [0, 0]]),
        np.array([[0.0, 1.0], [0.0, 2.0]]),
    )
    assert circle(np.zeros((3, 1))) == pytest.approx(1.0)
