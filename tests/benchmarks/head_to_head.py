"""driftcli's gate and its peers on the same features at the same false-alarm rate, on four data sets.

    python tests/benchmarks/head_to_head.py features --cache FOLDER     # images to numbers, once
    python tests/benchmarks/head_to_head.py gate --cache FOLDER         # driftcli's answers
    PEERS/bin/python tests/benchmarks/_peers.py --cache FOLDER          # in each environment of peers.txt
    python tests/benchmarks/head_to_head.py table --cache FOLDER [--json FILE]

Data: hymenoptera (397 photos), 800 cats and dogs, 850 of CIFAR-10's test images, 700 sample images of a
good camera. F is fixed (130, 400, 400, 300 images), so is what it taught; C (150, else 200) and the batch
(20 to 200) are dealt anew from the other images in every round. A round asks, for each batch size, 10 clean
batches (with splits of their own) and 19 drifts: six corruptions at severity 1 on the whole batch, at severity
2 on 30 % of it and (20 and 50 images) all or (100 and 200) 10 % of it, and a change of class shares; CIFAR-10
is blurred at severities 4 and 5. Every method sees the same images.

Score of the gate: its p-value (999 permutations); of a peer: its statistic. Each method's threshold is, per
data set and batch size, where its own clean batches exceed it at a rate of 0.05, ties broken at random (in
expectation). `_peers.py --full 1` asks later rounds only the methods that lead (MMD, KS and linear classifier
on style, properties and both views together), and `table` compares the gate with those on all rounds, and
shows everybody on the full ones. The best peer is chosen after the fact, from the same batches: that
flatters it. Intervals: bootstrap over rounds, thresholds included. The table adds how often each fires on clean batches by itself at p <= 0.05.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from _lab import Fit, data_folder, machine
from _matches import SETS, Features, Match, Record, matches

from driftcli.stats import minp
from driftcli.stats.relabelling import draw

ALPHA, PERMUTATIONS = 0.05, 999


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("features", "gate", "table"))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--preprocessing", type=int, default=2, choices=(1, 2), help="decode.version of `features`"
    )
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    names = given.sets.split(",")
    if given.part == "features":
        import _features

        for name in names:
            _features.write(SETS[name], data_folder(given.data), given.cache, given.preprocessing)
    elif given.part == "gate":
        gate_answers(names, given)
    else:
        from _standings import show

        show(names, given.cache, given.seed, given.json, f"{machine()}; seed {given.seed}")


def gate_answers(names: list[str], given: argparse.Namespace) -> None:
    """The gate's p-value and each family's own, for every match of every round."""
    import _features

    opened = {
        name: (
            Features.load(given.cache, name),
            _features.refit(SETS[name], data_folder(given.data), given.cache),
            Record(given.cache / f"{name}-gate.jsonl"),
        )
        for name in names
    }
    for trial in range(given.rounds):
        for name, (features, fit, record) in opened.items():
            started = time.perf_counter()
            for match in matches(SETS[name], features.in_group, trial, given.seed):
                if match.key not in record.known:
                    record.add(match, answer(fit, features, match))
            seconds = time.perf_counter() - started
            print(f"round {trial} {name}: {seconds:.0f} s", file=sys.stderr, flush=True)


def answer(fit: Fit, features: Features, match: Match) -> dict[str, float | bool]:
    """Minus p of the gate (higher: stranger), and of each family alone from the same relabellings."""
    families = [family for family in fit.families if family.gate == "on"]
    n, m = len(match.held_out), match.n
    relabellings = draw(n, m, PERMUTATIONS, np.random.default_rng([match.seed, match.trial, m]))
    tables = {}
    for family in families:
        pooled = np.concatenate(features.sides(match, family.view))
        values = family.detector.values(family.state, pooled, relabellings, family.columns)
        tables[family.name] = family.evidence(values)
    p = minp.joint_p(list(tables.values()))
    found: dict[str, float | bool] = {"driftcli gate": -p}
    found |= {f"driftcli family / {name}": -minp.joint_p([values]) for name, values in tables.items()}
    if match.condition == "clean":
        found["default: driftcli gate"] = p <= ALPHA
    return found


if __name__ == "__main__":
    main()
