"""A forest of regression trees as plain arrays: learnt by scikit-learn, kept and walked without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

TREES = 40
LEAF = 10
"""Fewest batches in a leaf."""
TRIED = 0.5
"""Share of the inputs among which a node chooses."""
DEPTH = 12
"""A walk takes so many steps, whatever a file says."""


@dataclass(frozen=True)
class Forest:
    """Extremely randomised trees. What they say lies between the smallest and the largest value that they learnt from.

    Source: Geurts, Ernst & Wehenkel 2006, Machine Learning 63.
    """

    roots: NDArray[np.int64]
    """[trees]: the first node of each."""
    looked: NDArray[np.int64]
    """[nodes]: the input that a node looks at."""
    onward: NDArray[np.int64]
    """[nodes, 2]: the next node where it is at most the threshold, and where it is above; a leaf goes on to itself."""
    numbers: Numbers
    """[nodes, 2]: threshold, and the mean of what was learnt there."""

    @staticmethod
    def learn(inputs: Numbers, values: Numbers, seed: int) -> Forest:
        """From inputs [r, p] and values [r]."""
        from sklearn.ensemble import ExtraTreesRegressor

        model = ExtraTreesRegressor(
            TREES, min_samples_leaf=LEAF, max_features=TRIED, max_depth=DEPTH, random_state=seed
        )
        model.fit(_rounded(inputs), values)
        trees = [tree.tree_ for tree in model.estimators_]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
        looked, onward, numbers = [], [], []
        for root, tree in zip(roots, trees, strict=True):
            own = root + np.arange(tree.node_count)
            leaf = tree.children_left < 0
            sides = [np.where(leaf, own, root + side) for side in (tree.children_left, tree.children_right)]
            looked.append(np.maximum(tree.feature, 0))
            onward.append(np.stack(sides, axis=1))
            numbers.append(np.stack([tree.threshold, tree.value[:, 0, 0]], axis=1))
        return Forest(
            roots.astype(np.int64),
            np.concatenate(looked).astype(np.int64),
            np.concatenate(onward).astype(np.int64),
            np.concatenate(numbers),
        )

    def __call__(self, inputs: Numbers) -> Numbers:
        """[r]: the mean of what all trees say of inputs [r, p]."""
        x = _rounded(inputs)
        rows = np.arange(len(x))[:, None]
        at = np.broadcast_to(self.roots, (len(x), len(self.roots)))
        for _ in range(DEPTH):
            above = x[rows, self.looked[at]] > self.numbers[at, 0]
            at = self.onward[at, above.astype(np.int64)]
        found: Numbers = self.numbers[at, 1].mean(axis=1)
        return found

    def pack(self) -> dict[str, NDArray[Any]]:
        """Its arrays, as `arrays` declares them."""
        return {
            "roots": self.roots,
            "looked": self.looked,
            "onward": self.onward,
            "numbers": self.numbers,
        }

    @staticmethod
    def unpack(state: State) -> Forest:
        """The inverse of `pack`."""
        return Forest(state["roots"], state["looked"], state["onward"], state["numbers"])


def arrays(nodes: int, inputs: int) -> tuple[Array, ...]:
    """Of what `Forest.pack` makes. No node leads out of the forest, and none looks at an input that is not there."""
    return (
        Array("roots", "int64", (TREES,), least=0, most=nodes - 1),
        Array("looked", "int64", (nodes,), least=0, most=inputs - 1),
        Array("onward", "int64", (nodes, 2), least=0, most=nodes - 1),
        Array("numbers", "float64", (nodes, 2)),
    )


def _rounded(inputs: Numbers) -> NDArray[np.float32]:
    """As scikit-learn holds inputs against thresholds."""
    return np.asarray(inputs, np.float32)
