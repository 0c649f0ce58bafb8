"""Does the gate keep its promise: fresh artifacts, fixed artifacts, and bursts of near-duplicates.

    python tests/benchmarks/calibration.py fresh  --cache FOLDER [--tests 10000] [--jobs 2]
    python tests/benchmarks/calibration.py fixed  --cache FOLDER
    python tests/benchmarks/calibration.py bursts --cache FOLDER

CIFAR-10 features as `failing_loudly.py --datasets cifar10 --extract` keeps them (made if absent): 3,000 images
taught driftcli (F, its autoencoder included), 17,000 others are good images. `fresh`: every test draws a new
C of 400 and a new batch of 20, 50, 100 (or 500, in bins) from them. `fixed`: 20 artifacts, each a C of 1,000
drawn once, against 100 batches of 50 (n_c = 20 m). `bursts`: a burst is ten near-duplicates of one image (its
features plus noise of 0.1 sd), in C (600 images) and in batches of 50, with images and with bursts as the unit.
Counts of p <= alpha, the largest count that a true rate of alpha passes in 99 % of runs, and 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
from _failing_loudly_cache import Sets, extract
from _lab import binomial_bound, data_folder, machine, wilson
from failing_loudly import fitted

from driftcli.stats import minp
from driftcli.stats.relabelling import Blocks, choose_permutations, draw

SIDE = 64
ALPHAS = (0.05, 0.01)
SIZES = (20, 50, 100, 500)
FRESH_C, FIXED_C, BURST_C, BURST = 400, 1_000, 600, 10
LIKE = 0.1
"""Spread of the images of one burst, in standard deviations of good images."""
ARTIFACTS, BATCHES, BURSTS = 20, 100, 400


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("fresh", "fixed", "bursts"))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--tests", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    extract(data_folder(given.data), given.cache, "cifar10", SIDE, only=("fit", "source", "clean"))
    started = time.perf_counter()
    {"fresh": fresh, "fixed": fixed, "bursts": bursts}[given.part](given)
    print(f"\nSeed {given.seed}; {machine()}; {time.perf_counter() - started:.0f} s.")


@cache
def good(folder: Path) -> tuple[tuple, dict[str, np.ndarray]]:
    """The families that F taught, and the views of all other images."""
    sets = Sets(folder, "cifar10", SIDE)
    source, clean = sets.stored("source")[0], sets.stored("clean")[0]
    return fitted(sets, "n", ()), {k: np.concatenate([x, clean[k]]) for k, x in source.items()}


def audit(
    families: tuple, views: dict, n: int, rng: np.random.Generator, groups: list | None = None
) -> float:
    """The gate's p-value for the last images of `views` against the first n."""
    m = len(views["properties"]) - n
    drawn = draw(n, m, choose_permutations("auto", 0.05, len(families)), rng, Blocks(groups=groups))
    return minp.joint_p(
        [f.evidence(f.detector.values(f.state, views[f.view], drawn, f.columns)) for f in families]
    )


# ---------------------------------------------------------------- fresh


def fresh(given: argparse.Namespace) -> None:
    """Every test its own C and batch."""
    jobs = [
        (given.cache, given.seed, start, min(100, given.tests - start))
        for start in range(0, given.tests, 100)
    ]
    with ProcessPoolExecutor(given.jobs) as pool:
        p = np.concatenate(list(pool.map(_fresh, jobs)))
    (given.cache / f"calibration-fresh-{given.seed}.json").write_text(json.dumps(p.round(6).tolist()))
    show("all", p)
    for k, m in enumerate(SIZES):
        show(f"m = {m}", p[k :: len(SIZES)])
    print("Deciles of p:", np.histogram(p, 10, (0, 1))[0] / len(p))


def _fresh(job: tuple) -> np.ndarray:
    folder, seed, start, count = job
    families, views = good(folder)
    p = np.empty(count)
    for i in range(count):
        rng = np.random.default_rng([seed, start + i])
        m = SIZES[(start + i) % len(SIZES)]
        chosen = rng.permutation(len(views["properties"]))[: FRESH_C + m]
        p[i] = audit(families, {k: x[chosen] for k, x in views.items()}, FRESH_C, rng)
    return p


def show(name: str, p: np.ndarray) -> None:
    """One line: counts at every alpha with bound and interval."""
    cells = []
    for alpha in ALPHAS:
        count = int((p <= alpha).sum())
        bound = binomial_bound(len(p), alpha)
        cells.append(
            f"alpha {alpha}: {count} = {count / len(p):.4f} (bound {bound}, 95 % {wilson(count, len(p))})"
        )
    print(f"{name:10} {len(p):6} tests  " + "   ".join(cells), flush=True)


# ---------------------------------------------------------------- fixed, bursts


def fixed(given: argparse.Namespace) -> None:
    """The rates of single artifacts: exact on average, each with the luck of its C."""
    families, views = good(given.cache)
    m, rates = 50, []
    for artifact in range(ARTIFACTS):
        rng = np.random.default_rng([given.seed, artifact])
        order = rng.permutation(len(views["properties"]))
        kept, rest = order[:FIXED_C], order[FIXED_C:]
        p = []
        for _ in range(BATCHES):
            chosen = np.concatenate([kept, rest[rng.permutation(len(rest))[:m]]])
            p.append(audit(families, {k: x[chosen] for k, x in views.items()}, FIXED_C, rng))
        rates.append([(np.array(p) <= alpha).mean() for alpha in ALPHAS])
    table = np.array(rates)
    for k, alpha in enumerate(ALPHAS):
        values = np.sort(table[:, k])
        expected = (alpha * (1 - alpha) / BATCHES) ** 0.5
        print(
            f"alpha {alpha}: mean {values.mean():.4f}, {values[0]:.2f} to {values[-1]:.2f}, sd {values.std(ddof=1):.4f} "
            f"(counting noise alone: {expected:.4f}); {ARTIFACTS} artifacts x {BATCHES} batches of {m}, C = {FIXED_C}"
        )


def bursts(given: argparse.Namespace) -> None:
    """Ten near-duplicates in a row: with images as the unit, and with bursts (`--group-by`)."""
    families, views = good(given.cache)
    spread = {k: np.nanstd(x, axis=0) for k, x in views.items()}
    p: dict[str, list[float]] = {"images": [], "bursts (--group-by)": []}
    m = 50
    for trial in range(BURSTS):
        rng = np.random.default_rng([given.seed, trial, 7])
        scenes = rng.permutation(len(views["properties"]))[: (BURST_C + m) // BURST]
        repeated = {
            k: (
                x[scenes].repeat(BURST, axis=0)
                + LIKE * spread[k] * rng.normal(size=(BURST_C + m, x.shape[1]))
            ).astype(np.float32)
            for k, x in views.items()
        }
        names = [f"burst {i // BURST}" for i in range(BURST_C + m)]
        p["images"].append(audit(families, repeated, BURST_C, rng))
        p["bursts (--group-by)"].append(audit(families, repeated, BURST_C, rng, names))
    for name, values in p.items():
        show(name, np.array(values))


if __name__ == "__main__":
    main()
