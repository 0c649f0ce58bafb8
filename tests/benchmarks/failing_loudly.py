"""driftcli's gate on the benchmark of Rabanser, Günnemann & Lipton 2019, "Failing Loudly" (NeurIPS).

python tests/benchmarks/failing_loudly.py --cache DIR [--design n|full] [--n 10 100] [--json FILE]

MNIST and CIFAR-10, ten shifts, each on 10, 50 and 100 % of the images, five runs: 300 tests for every n, at
alpha 0.05. `--design n` compares n source images with n target images, as the paper does; `full` compares
the whole source pool (10,000 and 7,000 images) with them, as driftcli is used. driftcli learns from other
images than it tests (5,000 of MNIST, 3,000 of CIFAR-10), without labels; everything is at its defaults but
the side at which the pretrained network sees digits of 28 and pictures of 32 pixels (`--side`).
Clean batches against clean ones (`--nulls` for each dataset and n) give the false alarms beside the power.

CIFAR-10 is read from JPEG copies (quality 75), whose fine grain the encoder has removed: noise and resampling
show more on them than on the paper's lossless images, so its figures stand beside the published ones only with
that said. MNIST is lossless.

Features are extracted once into --cache (about 120,000 images). Prints Markdown; `--json` keeps every p.
`--tables FILE...` prints tables of such files and runs nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from _failing_loudly_cache import DELTAS, RUNS, SHIFTS, SIZES, Sets, Views, extract, settings_for, tests
from _failing_loudly_tables import report
from _lab import Lab, data_folder, machine

from driftcli.core.images import FileFacts
from driftcli.reference.families import Family
from driftcli.reference.reference import build_families
from driftcli.stats import minp
from driftcli.stats.relabelling import choose_permutations, draw

ALPHA = 0.05
ALL_N = (10, 20, 50, 100, 200, 500, 1000)
NULL_RUN = -1


@dataclass(frozen=True)
class Task:
    """The tests of one dataset, one n and one run (NULL_RUN: the clean batches)."""

    folder: Path
    dataset: str
    side: int
    design: str
    n: int
    run: int
    nulls: int
    families: tuple[str, ...]


@cache
def fitted(sets: Sets, design: str, names: tuple[str, ...]) -> tuple[Family, ...]:
    """The gating families as F taught them; in the full design with what calibration keeps about C."""
    side = 28 if sets.dataset == "mnist" else 32
    grey = sets.dataset == "mnist"
    facts = [FileFacts(side, side, side * side, "PNG", "L" if grey else "RGB", grey=grey)]
    lab = Lab.open(settings_for(sets.side), facts)
    with np.load(sets.folder / f"{sets.dataset}-ae.npz") as stored:
        states = {**lab.states, "autoencoder": dict(stored)}
    learnt, everything = sets.stored("fit")[0], sets.source(None, 0)
    found = []
    for family in build_families(lab.settings, lab.extractors, {}, states):
        if family.gate != "on" or (names and family.name not in names):
            continue
        state = dict(family.detector.fit(learnt[family.view], family.columns, lab.settings.seed))
        if design == "full":
            state |= family.detector.calibrate(state, everything[family.view])
        found.append(replace(family, state=state))
    return tuple(found)


def audit(families: tuple[Family, ...], held_out: Views, batch: Views, seed: int) -> tuple[float, dict]:
    """The gate's p-value, and each family's own."""
    n, m = (len(side[families[0].view]) for side in (held_out, batch))
    permutations = choose_permutations("auto", ALPHA, len(families))
    relabellings = draw(n, m, permutations, np.random.default_rng(seed))
    values = [
        f.evidence(
            f.detector.values(
                f.state, np.concatenate([held_out[f.view], batch[f.view]]), relabellings, f.columns
            )
        )
        for f in families
    ]
    alone = {f.name: minp.joint_p([v]) for f, v in zip(families, values, strict=True)}
    return minp.joint_p(values), alone


def performed(task: Task) -> list[dict]:
    """Every test of one task as a row."""
    sets = Sets(task.folder, task.dataset, task.side)
    families = fitted(sets, task.design, task.families)
    rows = []
    for number, (shift, delta, held_out, batch) in enumerate(_pairs(sets, task)):
        p, alone = audit(families, held_out, batch, 1000 * (task.run + 1) + number)
        rows.append(
            {
                "dataset": task.dataset,
                "shift": shift,
                "delta": delta,
                "n": task.n,
                "run": task.run,
                "p": p,
                "families": alone,
            }
        )
    return rows


def _pairs(sets: Sets, task: Task) -> Iterator[tuple[str, float, Views, Views]]:
    if task.run != NULL_RUN:
        yield from tests(sets, task.n, task.run, task.design)
        return
    rng = np.random.default_rng([3, task.n])
    source, target = sets.source(None, 0), sets.stored("clean")[0]
    both = {k: np.concatenate([x, target[k]]) for k, x in source.items()}
    first = len(source["style"])
    for _ in range(task.nulls):
        if task.design == "full":  # one C for all, as one artifact has
            y = first + rng.permutation(len(both["style"]) - first)[: task.n]
            yield "none", 0.0, source, {k: x[y] for k, x in both.items()}
        else:
            c, y = rng.permutation(len(both["style"]))[: 2 * task.n].reshape(2, -1)
            yield "none", 0.0, {k: x[c] for k, x in both.items()}, {k: x[y] for k, x in both.items()}


def main() -> None:
    given = arguments()
    if given.tables:
        documents = [json.loads(path.read_text()) for path in given.tables]
        rows = [row for document in documents for row in document["rows"]]
        print(report(rows, documents[0]["design"], ALPHA))
        return
    for dataset in given.datasets:
        extract(data_folder(given.data), given.cache, dataset, given.side)
    if given.features_only:
        return
    start = time.perf_counter()
    document = {
        "design": given.design,
        "side": given.side,
        "alpha": ALPHA,
        "machine": machine(),
        "shifts": SHIFTS,
        "deltas": DELTAS,
        "rows": [],
    }
    rows: list[dict] = document["rows"]
    runs = [NULL_RUN, *range(given.runs)] if given.nulls else list(range(given.runs))
    chosen = (given.nulls, tuple(given.families))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        for n in given.n:
            tasks = [
                Task(given.cache, dataset, given.side, given.design, n, run, *chosen)
                for dataset in given.datasets
                for run in runs
            ]
            for done in as_completed([pool.submit(performed, task) for task in tasks]):
                rows += done.result()
            document["seconds"] = round(time.perf_counter() - start)
            here = [row["p"] <= ALPHA for row in rows if row["n"] == n and row["shift"] != "none"]
            print(f"{time.strftime('%X')} n={n}: {np.mean(here):.3f} of {len(here)} tests", flush=True)
            if given.json:
                given.json.write_text(json.dumps(document))
    print(f"\n{document['machine']}; side {given.side}; {document['seconds']} s\n")
    print(report(rows, given.design, ALPHA))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-failing-loudly")
    parser.add_argument("--side", type=int, default=64, help="what the pretrained network is given")
    parser.add_argument("--datasets", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--features-only", action="store_true")
    parser.add_argument("--design", choices=["n", "full"], default="n")
    parser.add_argument("--n", type=int, nargs="+", default=list(ALL_N), choices=ALL_N)
    parser.add_argument("--runs", type=int, default=RUNS, choices=range(1, RUNS + 1))
    parser.add_argument("--nulls", type=int, default=100, help="clean batches for each dataset and n")
    parser.add_argument("--families", nargs="*", default=[], help="only these families gate")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tables", type=Path, nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    main()
