"""How often a class left out can be found at all: the gate beside tests that know every image's true class.

    python tests/benchmarks/failing_loudly.py --cache DIR --features-only
    python tests/benchmarks/knock_out.py --cache DIR [--n 100 1000] [--runs 10]

The knock-out of "Failing Loudly" (10, 50 and 100 % of class 0 removed, n source images against n target images, MNIST
and CIFAR-10, alpha 0.05; draws of our own, so that runs are as many as wanted). Three tests are given the true labels:
`labels, largest` (of ten differences of shares the largest, each over its sd), `labels, chi2` (of all ten) and
`class known` (the share of class 0 alone, one-sided). No test without labels can be expected to find more. Without
labels: the gate, its families, and shares of clusters of F's content (k-means; hard, and soft by exp(-d^2 / T), T the median
gap between the nearest and the second centroid), by chi2. Same relabellings for all. Prints Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _failing_loudly_cache import DELTAS, RUNS, Sets, Views
from _lab import machine
from failing_loudly import ALPHA, fitted

from driftcli.core.evidence import Evidence
from driftcli.detectors._sums import of_mean_differences
from driftcli.reference import clusters
from driftcli.stats import minp
from driftcli.stats.relabelling import Relabellings, draw

CLASSES, PERMUTATIONS, LEARNT = 10, 999, 3_000
CLUSTERS = (16, 32)


class Pools:
    """Images of source and target without their order, so that any number of runs can be drawn."""

    def __init__(self, folder: Path, dataset: str, side: int) -> None:
        self.sets = Sets(folder, dataset, side)
        self.source, self.source_labels, _ = self.sets.stored("source")
        self.target, self.target_labels, _ = self.sets.stored("clean")
        learnt = self.sets.stored("fit")[0]["content"][:LEARNT].astype(np.float64)
        self.centroids = {k: clusters.kmeans(learnt, k, 0) for k in CLUSTERS}
        self.width = {}
        for k, centroids in self.centroids.items():
            nearest = np.sort(clusters.distances(learnt, centroids), axis=1)
            self.width[k] = float(np.median(nearest[:, 1] - nearest[:, 0]))

    def drawn(self, n: int, run: int, delta: float) -> tuple[Views, Views, np.ndarray]:
        """C, the batch, and the labels of both."""
        rng = np.random.default_rng([17, run, n, round(10 * delta)])
        c = rng.permutation(len(self.source_labels))[:n]
        zeros = rng.permutation(np.flatnonzero(self.target_labels == 0))
        gone = zeros[: int(np.ceil(delta * len(zeros)))]
        y = rng.permutation(np.setdiff1d(np.arange(len(self.target_labels)), gone))[:n]
        labels = np.concatenate([self.source_labels[c], self.target_labels[y]])
        return {k: x[c] for k, x in self.source.items()}, {k: x[y] for k, x in self.target.items()}, labels


def chi2(shares: np.ndarray, drawn: Relabellings) -> np.ndarray:
    """Squared differences of mean shares [n, k] over their mean, summed: [rows, 1]."""
    expected = np.maximum(shares.mean(axis=0), 0.5 / len(shares))
    return of_mean_differences(shares, drawn, lambda d: (d**2 / expected).sum(axis=1, keepdims=True), 1)


def answers(pools: Pools, n: int, run: int, delta: float) -> Iterator[tuple[str, float]]:
    """P-values by name."""
    c, y, labels = pools.drawn(n, run, delta)
    drawn = draw(n, n, PERMUTATIONS, np.random.default_rng([run, n]))
    pooled = {k: np.concatenate([c[k], y[k]]) for k in c}
    families = fitted(pools.sets, "n", ())
    said = [f.evidence(f.detector.values(f.state, pooled[f.view], drawn, f.columns)) for f in families]
    yield "the gate", minp.joint_p(said)
    yield from ((f"`{e.family}` alone", minp.joint_p([e])) for e in said)
    for k, centroids in pools.centroids.items():
        apart = clusters.distances(pooled["content"], centroids)
        soft = np.exp(-(apart - apart.min(axis=1, keepdims=True)) / pools.width[k])
        yield f"shares of {k} clusters, hard", p(chi2(np.eye(k)[apart.argmin(axis=1)], drawn))
        yield f"shares of {k} clusters, soft", p(chi2(soft / soft.sum(axis=1, keepdims=True), drawn))
    known = np.eye(CLASSES)[labels]
    moved = of_mean_differences(known, drawn, lambda d: d, CLASSES)
    yield "labels, largest", p(np.abs(moved))
    yield "labels, chi2", p(chi2(known, drawn))
    yield "class known", p(-moved[:, :1])


def p(values: np.ndarray) -> float:
    return minp.joint_p([Evidence("", values, ())])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--n", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--runs", type=int, default=2 * RUNS)
    given = parser.parse_args()
    pools = [Pools(given.cache, dataset, given.side) for dataset in ("mnist", "cifar10")]
    for n in given.n:
        found: dict[str, dict[float, list[bool]]] = {}
        for one in pools:
            for run in range(given.runs):
                for delta in DELTAS:
                    for name, value in answers(one, n, run, delta):
                        found.setdefault(name, {d: [] for d in DELTAS})[delta].append(value <= ALPHA)
        count = sum(map(len, found["the gate"].values()))
        print(f"\nn = {n}: {count} tests a row, alpha {ALPHA} ({machine()})\n")
        print(
            "| | mean | "
            + " | ".join(f"{d:.0%} removed" for d in DELTAS)
            + " |\n|---|---|"
            + "---|" * len(DELTAS)
        )
        for name, hits in found.items():
            cells = [np.mean(list(hits.values())), *(np.mean(h) for h in hits.values())]
            print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
