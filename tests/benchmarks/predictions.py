"""The family `predictions` on "Failing Loudly" (Rabanser, Günnemann & Lipton 2019), alone and beside the others.

python tests/benchmarks/predictions.py --cache DIR [--n 20 50 ...] [--runs 5] [--nulls 50] [--json FILE]

The paper's BBSDs has a classifier that was trained on labelled source images. Here it is a logistic regression on the
pretrained network's features of F (5,000 digits of MNIST, 3,000 pictures of CIFAR-10, with their labels), which
neither C nor Y are part of. n source images against n target images at alpha 0.05, 30 shifts a run and data set, as in
`failing_loudly.py`, whose features it reads from --cache (and extracts where they are not there). Of each n: the share of
the tests that the family finds alone, the gate without it, the gate with it; and clean batches against clean ones.

Which statistics the family joins, and how, was chosen on runs 0, 2 and 4; figures are printed for those and for runs 1 and 3.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from _failing_loudly_cache import RUNS, SIZES, Sets, Views, extract, tests
from _lab import data_folder, machine
from failing_loudly import ALPHA, fitted

from driftcli.detectors.softmax import Softmax
from driftcli.reference.families import Family
from driftcli.stats import minp
from driftcli.stats.relabelling import choose_permutations, draw

PUBLISHED = {20: 0.28, 50: 0.47, 100: 0.47, 200: 0.51, 500: 0.65, 1000: 0.70}
"""BBSDs with univariate tests, table 1a of the paper."""
VIEWS = ("style", "content")
CHOSEN_ON = (0, 2, 4)


@cache
def classifier(sets: Sets) -> Callable[[Views], np.ndarray]:
    """Softmax outputs [n, 10] of a logistic regression that F taught."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def joined(views: Views) -> np.ndarray:
        return np.concatenate([views[name] for name in VIEWS], axis=1)

    views, labels, _ = sets.stored("fit")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    model.fit(joined(views), labels)
    source, right, _ = sets.stored("source")
    accuracy = model.score(joined(source), right)
    print(f"{sets.dataset}: classifier right on {accuracy:.3f} of the source pool", flush=True)
    return lambda some: model.predict_proba(joined(some)).astype(np.float32)


def compared(
    families: tuple[Family, ...], held_out: Views, batch: Views, said: tuple, seed: int
) -> dict[str, float]:
    """P of the family alone, of the gate without it and with it, over the same relabellings."""
    n, m = map(len, said)
    drawn = draw(n, m, choose_permutations("auto", ALPHA, len(families) + 1), np.random.default_rng(seed))
    evidence = [
        f.evidence(
            f.detector.values(f.state, np.concatenate([held_out[f.view], batch[f.view]]), drawn, f.columns)
        )
        for f in families
    ]
    pooled = np.concatenate(said)
    detector = Softmax(tuple(map(str, range(pooled.shape[1]))))
    state = detector.fit(pooled[np.random.default_rng(seed).permutation(n + m)], (), 0)
    own = Family("predictions", "softmax", "on", detector, (), state)
    evidence.append(own.evidence(detector.values(state, pooled, drawn, ())))
    found = {"predictions": minp.joint_p(evidence[-1:])}
    if families:
        found |= {"without": minp.joint_p(evidence[:-1]), "with": minp.joint_p(evidence)}
    return found


def rows_of(sets: Sets, n: int, runs: int, nulls: int, *, alone: bool) -> Iterator[dict]:
    """Every test of one data set and n."""
    families, say = () if alone else fitted(sets, "n", ()), classifier(sets)
    for run in range(runs):
        for number, (shift, delta, c, y) in enumerate(tests(sets, n, run, "n")):
            p = compared(families, c, y, (say(c), say(y)), 1000 * (run + 1) + number)
            yield {"dataset": sets.dataset, "n": n, "run": run, "shift": shift, "delta": delta, "p": p}
    source, target = sets.source(None, 0), sets.stored("clean")[0]
    both = {view: np.concatenate([x, target[view]]) for view, x in source.items()}
    rng = np.random.default_rng([3, n])
    for number in range(nulls):
        chosen = rng.permutation(len(both["style"]))[: 2 * n].reshape(2, -1)
        c, y = ({view: x[side] for view, x in both.items()} for side in chosen)
        p = compared(families, c, y, (say(c), say(y)), number)
        yield {"dataset": sets.dataset, "n": n, "run": -1, "shift": "none", "delta": 0.0, "p": p}


def table(rows: list[Mapping]) -> str:
    """Power by n, on all runs and on those that nothing was chosen on; false alarms beside it."""
    lines = [
        "| n | BBSDs, published | predictions | (runs 1, 3) | gate without | gate with | (runs 1, 3) | clean: predictions, with |"
    ]
    lines.append("|-|-|-|-|-|-|-|-|")

    def rate(some: list[Mapping], key: str) -> str:
        found = [row["p"][key] <= ALPHA for row in some if key in row["p"]]
        return f"{np.mean(found):.3f}" if found else "-"

    for n in sorted({row["n"] for row in rows}):
        here = [row for row in rows if row["n"] == n and row["run"] >= 0]
        held = [row for row in here if row["run"] not in CHOSEN_ON]
        clean = [row for row in rows if row["n"] == n and row["run"] < 0]
        lines.append(
            f"| {n} | {PUBLISHED.get(n, float('nan')):.2f} | {rate(here, 'predictions')} | {rate(held, 'predictions')} | "
            f"{rate(here, 'without')} | {rate(here, 'with')} | {rate(held, 'with')} | "
            f"{rate(clean, 'predictions')}, {rate(clean, 'with')} of {len(clean)} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-failing-loudly")
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--datasets", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--n", type=int, nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED))
    parser.add_argument("--runs", type=int, default=RUNS, choices=range(1, RUNS + 1))
    parser.add_argument("--nulls", type=int, default=50, help="clean batches for each data set and n")
    parser.add_argument(
        "--alone", action="store_true", help="without the other families, which take most of the time"
    )
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    start, rows = time.perf_counter(), []
    for n in given.n:
        for dataset in given.datasets:
            if not given.cache.joinpath(f"{dataset}-{given.side}-source.npz").exists():
                extract(data_folder(given.data), given.cache, dataset, given.side)
            sets = _sets(given.cache, dataset, given.side)
            rows += rows_of(sets, n, given.runs, given.nulls, alone=given.alone)
        print(
            f"{time.strftime('%X')} {table([row for row in rows if row['n'] == n]).splitlines()[-1]}",
            flush=True,
        )
        if given.json:
            given.json.write_text(json.dumps(rows))
    print(f"\n{machine()}; {round(time.perf_counter() - start)} s\n")
    print(table(rows))


@cache
def _sets(folder: Path, dataset: str, side: int) -> Sets:
    return Sets(folder, dataset, side)


if __name__ == "__main__":
    main()
