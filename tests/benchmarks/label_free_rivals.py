"""Other tests of harm and drift on the very batches of label_free_accuracy.py: Detectron, D3M and the drift gate's MMD, on frozen features.

    python tests/benchmarks/label_free_rivals.py --data DATA --cache FOLDER [--sets catsdogs cifar10] [--draws 200:220]

One file a draw, which `label_free_accuracy.py --tables` reads. Batches of 10, 20 and 50. Nothing here sees corrupted images before the batch.
Detectron and D3M are re-implemented from their papers as linear heads on frozen features: the published ones train the whole network.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import label_free_accuracy as benchmark
import numpy as np
from _lab import data_folder, machine
from label_free_accuracy import World

NULL = 20
"""Clean batches that a statistic is held against: p is at least 1 / 21."""
STEPS, RATE, HEADS = 60, 0.05, 3
TAUGHT = 300
"""Images of the classifier's own training that a head must still agree on."""
BAGGED = 30
RELABELLINGS = 199


@dataclass(frozen=True)
class Heads:
    """What both re-implementations keep of the images that the classifier was trained on."""

    centre: np.ndarray
    scale: np.ndarray
    taught: np.ndarray
    """[TAUGHT, d + 1]"""
    said: np.ndarray
    """[TAUGHT]: the classifier's answers on them, as the clone gives them."""
    clone: np.ndarray
    """[d + 1, K]: logistic regression, which starts every Detectron head."""
    bagged: np.ndarray
    """[BAGGED, d + 1, K]"""

    @staticmethod
    def learn(world: World) -> Heads:
        x = world.arrays["learnt/features"].astype(float)
        label = world.arrays["learnt/label"]
        centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
        z = np.column_stack([(x - centre) / scale, np.ones(len(x))])
        rng = np.random.default_rng(0)
        count = int(label.max()) + 1
        clone = _fitted(z, label, count)
        rows = rng.permutation(len(z))[:TAUGHT]
        draws = [rng.integers(len(z), size=len(z)) for _ in range(BAGGED)]
        bagged = np.array([_fitted(z[i], label[i], count) for i in draws])
        return Heads(centre, scale, z[rows], (z[rows] @ clone).argmax(axis=1), clone, bagged)

    def inputs(self, features: np.ndarray) -> np.ndarray:
        return np.column_stack([(features - self.centre) / self.scale, np.ones(len(features))])

    def detectron(self, z: np.ndarray, said: np.ndarray) -> float:
        """Share of a batch on which heads that agree on the training images can be made to disagree with the classifier.

        Ginsberg, Liang & Krishnan 2023 (ICLR), arXiv 2212.02742: lambda = 1 / (m + 1); each head learns on what the ones before left.
        """
        left = np.ones(len(z), bool)
        soft = 0.0
        for _ in range(HEADS):
            if not left.any():
                break
            p = _softmax(z @ _disagreeing(self, z[left], said[left]))
            soft += 1 - float(p[np.arange(len(z)), said].mean())
            left &= p.argmax(axis=1) == said
        return 1 - float(left.mean()) + 1e-3 * soft  # the second breaks ties

    def d3m(self, z: np.ndarray, said: np.ndarray) -> float:
        """The largest disagreement of bagged heads with the classifier: posterior samples of a last layer in arXiv 2506.05047."""
        apart = (np.einsum("nd,bdk->bnk", z, self.bagged).argmax(axis=2) != said).mean(axis=1)
        return float(apart.max() + 1e-3 * apart.mean())


def _fitted(z: np.ndarray, label: np.ndarray, count: int) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=0.01, max_iter=300, fit_intercept=False).fit(z, label)
    weights = model.coef_ if count > 2 else np.concatenate([-model.coef_, model.coef_]) / 2
    return weights.T


def _disagreeing(heads: Heads, z: np.ndarray, said: np.ndarray) -> np.ndarray:
    weights, count = heads.clone.copy(), heads.clone.shape[1]
    agree = np.eye(count)[heads.said]
    other = (1 - np.eye(count)[said]) / (count - 1)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        pull = heads.taught.T @ (_softmax(heads.taught @ weights) - agree) / len(agree)
        # All of the batch weighs as one of the training images: lambda = 1 / (m + 1), of sums over both.
        push = z.T @ (_softmax(z @ weights) - other) / (len(z) + 1)
        gradient = pull + push / len(agree)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return weights


def _softmax(o: np.ndarray) -> np.ndarray:
    p = np.exp(o - o.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def mmd(good: np.ndarray, batch: np.ndarray, rng: np.random.Generator) -> float:
    """The p of the kernel two-sample test by relabelling: what the drift gate's `content` family asks, Gaussian kernel, median bandwidth."""
    both = np.concatenate([good, batch])
    squared = (both**2).sum(1)[:, None] + (both**2).sum(1) - 2 * both @ both.T
    kernel = np.exp(-squared / np.median(squared[squared > 1e-9]))
    n, m = len(both), len(batch)
    sums, whole = kernel.sum(axis=1), kernel.sum()
    taken = [np.arange(n - m, n), *(rng.choice(n, m, replace=False) for _ in range(RELABELLINGS))]

    def statistic(rows: np.ndarray) -> float:
        own, across = kernel[np.ix_(rows, rows)].sum(), sums[rows].sum()
        rest = whole - 2 * across + own
        return own / m**2 + rest / (n - m) ** 2 - 2 * (across - own) / (m * (n - m))

    found = np.array([statistic(rows) for rows in taken])
    return float((found >= found[0] - 1e-12).mean())


def draw(world: World, heads: Heads, number: int) -> list[dict]:
    """The p of every batch of at most 50 images, in the order of label_free_accuracy.py; an empty entry for the others."""
    good, rest, kind, rng = benchmark.divided(world, number)
    luck = np.random.default_rng((number, 1))
    z = heads.inputs(world.arrays["clean:0/features"].astype(float))
    said = world.arrays["clean:0/logits"].argmax(axis=1)
    null: dict[int, list[tuple[float, float]]] = {}
    for m in (10, 20, 50):
        rows = [luck.choice(good, m, replace=False) for _ in range(NULL)]
        null[m] = [(heads.detectron(z[r], said[r]), heads.d3m(z[r], said[r])) for r in rows]
    found = []
    for _, corruption, severity, rows in benchmark.batches(world, rest, kind, rng):
        if len(rows) > 50:
            found.append({})
            continue
        key = f"{corruption}:{severity}"
        batch = heads.inputs(world.arrays[f"{key}/features"][rows].astype(float))
        answers = world.arrays[f"{key}/logits"][rows].argmax(axis=1)
        own = np.array([heads.detectron(batch, answers), heads.d3m(batch, answers)])
        p = (1 + (np.array(null[len(rows)]) >= own).sum(axis=0)) / (1 + NULL)
        found.append({"Detectron": p[0], "D3M": p[1], "MMD": mmd(z[good][:, :-1], batch[:, :-1], luck)})
    return found


def main() -> None:
    """Draws that are not yet recorded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(benchmark.cached.NAMES))
    parser.add_argument("--draws", default="200:220", help="FIRST:END")
    asked = parser.parse_args()
    first, end = (int(n) for n in asked.draws.split(":"))
    print(machine())
    for name in asked.sets:
        world = World.open(name, data_folder(asked.data), asked.cache, features=False)
        heads = Heads.learn(world)
        for number in range(first, end):
            kept = asked.cache / f"{name}-rivals-{number}.json"
            if not kept.is_file():
                kept.write_text(json.dumps(draw(world, heads, number)))
                print(kept.stem, flush=True)


if __name__ == "__main__":
    sys.exit(main())
