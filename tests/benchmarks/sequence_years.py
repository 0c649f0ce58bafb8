"""Years of daily checks: how often the gate over all checks alarms falsely, and how soon it sees drift.

    python tests/benchmarks/sequence_years.py --cache FOLDER [--years 200] [--jobs 2] [--out FILE]

CIFAR-10 features as `failing_loudly.py --datasets cifar10 --extract` keeps them (made if absent): 3,000 images
taught driftcli (F), 17,000 others are good images. Every year draws a new C of 400 and 365 batches of 20, none
of whose images is used twice in the year: C is 20 times the batch. Each day is the whole gate, as `check
--gate sequence --alpha 0.05` runs it: all four families (style, content, reconstruction, properties), 999
relabellings of its own, and as many as two certain days need where none of those was as extreme. Evidence counts
p for this artifact alone (`own_rate`). Drift begins on day 100, with each year's evidence as it then stands: every image under
one corruption of severity 2 (1,000 other versions of good images; none whose original is in C), followed for up
to 60 days or until all rules have alarmed.

Beside the sequence: the daily rule p <= 0.01, and Shewhart, EWMA and CUSUM charts (`driftcli.check_history.charts`). `--out`
keeps every year's p-values as a line of JSON, and a run goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from pathlib import Path

import numpy as np
from _failing_loudly_cache import Sets, _autoencoder, _facts, _views, extract, pools, settings_for
from _lab import Lab, binomial_bound, data_folder, machine, wilson
from calibration import good
from PIL import Image

from driftcli.check_history import charts
from driftcli.core import registry
from driftcli.stats import minp, sequential
from driftcli.stats.own_rate import HeldOut
from driftcli.stats.relabelling import Relabellings, choose_permutations, draw

SIDE, C, BATCH, YEAR, BEGIN, LONGEST = 64, 400, 20, 365, 100, 30
ALPHA, NAIVE, SEVERITY, CHANGED = 0.05, 0.01, 2, 1_000
RULE, SIZES = "own p", HeldOut(BATCH, C)
DRIFTS = ("gaussian_blur", "gaussian_noise", "jpeg", "darken")
"""Blur of severity 2 is a seventh of a pixel on images of 32: hardly a change, and it stays in the table."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    started = time.perf_counter()
    if not all(_file(given.cache, name).exists() for name in DRIFTS):
        corrupted(given)
    done = {}
    if given.out is not None and given.out.exists():
        rows = map(json.loads, given.out.read_text().splitlines())
        same = [
            row
            for row in rows
            if row["seed"] == given.seed and tuple(row["drift"]) == DRIFTS and row.get("rule") == RULE
        ]
        done = {row["year"]: row for row in same}
    wanted = [year for year in range(given.years) if year not in done]
    seconds = 0.0
    with ProcessPoolExecutor(given.jobs) as pool:
        for future in as_completed([pool.submit(lived, given.cache, given.seed, year) for year in wanted]):
            row = future.result()
            done[row["year"]], seconds = row, seconds + row.pop("seconds")
            if given.out is not None:
                with given.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    years = [done[year] for year in range(given.years)]
    false_alarms(years)
    delays(years)
    gates = sum(len(row["good"]) + sum(map(len, row["drift"].values())) for row in map(done.get, wanted))
    per_gate = f", {1000 * seconds / gates:.0f} ms of processor a gate" if gates else ""
    print(f"\nSeed {given.seed}; {machine()}; {time.perf_counter() - started:.0f} s{per_gate}.")


# ---------------------------------------------------------------- features


def corrupted(given: argparse.Namespace) -> None:
    """The first images of the target pool under each corruption, as features."""
    extract(data_folder(given.data), given.cache, "cifar10", SIDE, only=("fit", "source", "clean"))
    found = pools(data_folder(given.data), "cifar10")
    lab = Lab.open(settings_for(SIDE), [_facts(image, grey=False) for image in found["fit"].images[:128]])
    learnt = _autoencoder(lab, found["fit"], given.cache / "cifar10-ae.npz")
    for name in DRIFTS:
        change = registry.load("corruptions", name)()
        images = [
            np.asarray(change(Image.fromarray(image), SEVERITY, np.random.default_rng([5, row])))
            for row, image in enumerate(found["clean"].images[:CHANGED])
        ]
        views = _views(lab, {**lab.states, "autoencoder": learnt}, np.stack(images))
        np.savez(_file(given.cache, name), **{f"view/{k}": x for k, x in views.items() if k != "file"})


def _file(folder: Path, name: str) -> Path:
    return folder / f"cifar10-{SIDE}-{name}-{SEVERITY}.npz"


@cache
def changed(folder: Path, name: str) -> Mapping[str, np.ndarray]:
    """Views of the changed images; row k is row k of the target pool."""
    with np.load(_file(folder, name)) as kept:
        return {name.removeprefix("view/"): kept[name] for name in kept.files}


# ---------------------------------------------------------------- one year


def lived(folder: Path, seed: int, year: int) -> dict:
    """The p-values of 365 good days, and of days from day 100 on under each drift."""
    started = time.process_time()
    _, views = good(folder)
    rng = np.random.default_rng([seed, year])
    order = rng.permutation(len(views["properties"]))
    kept = order[:C]
    audit = partial(audited, folder, calibrated(folder, kept), kept)
    days = order[C : C + YEAR * BATCH].reshape(YEAR, BATCH)
    p = [audit({k: x[day] for k, x in views.items()}, rng) for day in days]
    first = len(Sets(folder, "cifar10", SIDE).stored("source")[1])  # where the target pool begins in `views`
    others = np.setdiff1d(np.arange(CHANGED), kept - first)
    drift = {name: [] for name in DRIFTS}
    for name, found in drift.items():
        x, rows = changed(folder, name), rng.permutation(others)
        for day in range(min(LONGEST, len(rows) // BATCH)):
            batch = rows[day * BATCH : (day + 1) * BATCH]
            found.append(audit({k: view[batch] for k, view in x.items()}, rng))
            if all(alarms(p[: BEGIN - 1] + found, BEGIN - 1).values()):
                break
    return {
        "rule": RULE,
        "seed": seed,
        "year": year,
        "good": p,
        "drift": drift,
        "seconds": time.process_time() - started,
    }


def calibrated(folder: Path, kept: np.ndarray) -> list:
    """The families' states with what a baseline keeps about this C."""
    families, views = good(folder)
    return [{**f.state, **f.detector.calibrate(f.state, views[f.view][kept])} for f in families]


def audited(
    folder: Path, states: list, kept: np.ndarray, batch: Mapping[str, np.ndarray], rng: np.random.Generator
) -> tuple[float, int]:
    """The gate's p-value, and of how many relabellings of its own."""
    families, _ = good(folder)
    few, more = (
        choose_permutations("auto", ALPHA, len(families)),
        sequential.relabellings_for(ALPHA, YEAR, SIZES),
    )
    p = ranked(folder, states, kept, batch, draw(C, BATCH, few, rng))
    if not sequential.is_smallest(p, few + 1):
        return p, few
    return ranked(folder, states, kept, batch, draw(C, BATCH, more, rng)), more


def ranked(
    folder: Path, states: list, kept: np.ndarray, batch: Mapping[str, np.ndarray], drawn: Relabellings
) -> float:
    """The gate's p-value among these relabellings."""
    families, views = good(folder)
    values = [
        f.evidence(
            f.detector.values(state, np.concatenate([views[f.view][kept], batch[f.view]]), drawn, f.columns)
        )
        for f, state in zip(families, states, strict=True)
    ]
    return minp.joint_p(values)


# ---------------------------------------------------------------- what the rules make of it


def alarms(days: list[tuple[float, int]], before: int = 0) -> dict[str, int]:
    """By rule: the day of its first alarm after `before` days, counted from there (0: none)."""
    p, permutations = (np.array(side, np.float64) for side in zip(*days, strict=True))
    z = charts.scores(p, permutations)
    state, values = sequential.State(), []
    for one, many in days:
        state = sequential.advanced(state, sequential.e_value(SIZES.p_value(one), many), YEAR)
        values.append(state.value)
    marks = {"sequence": np.array(values) >= sequential.threshold(ALPHA)}
    marks[f"p <= {NAIVE}"] = p <= NAIVE
    marks |= {name: follow(z) > limit for name, (_, follow, limit) in charts.CHARTS.items()}
    later = {name: mark[before:] for name, mark in marks.items()}
    return {name: int(np.argmax(mark)) + 1 if mark.any() else 0 for name, mark in later.items()}


def false_alarms(years: list[dict]) -> None:
    """Years of good images in which each rule alarms."""
    found = [alarms(row["good"]) for row in years]
    bound = binomial_bound(len(years), ALPHA, 0.99)
    print(f"{len(years)} years of {YEAR} good days; C = {C}, batches of {BATCH}\n")
    print("| rule | years with a false alarm | share (95 %) |\n|---|---|---|")
    for rule in found[0]:
        count = sum(one[rule] > 0 for one in found)
        print(
            f"| {rule} | {count} of {len(years)} | {count / len(years):.3f} ({wilson(count, len(years))}) |"
        )
    everything = np.array([p for row in years for p, _ in row["good"]])
    rates = ", ".join(f"p <= {a}: {(everything <= a).mean():.4f}" for a in (0.05, 0.01))
    kept = "yes" if sum(one["sequence"] > 0 for one in found) <= bound else "NO"
    print(
        f"\nSequence at alpha {ALPHA}, within the 99 % bound of {bound} years: {kept}. Single days: {rates}.\n"
    )


def delays(years: list[dict]) -> None:
    """Days from the first drifted one (1: on that very day), in years without an alarm of the rule before."""
    print(
        f"Drift of severity {SEVERITY} from day {BEGIN}: median delay in days (90 % of years; seen in {LONGEST})\n"
    )
    rules = list(alarms(years[0]["good"]))
    print(f"| drift | {' | '.join(rules)} |\n|---|{'---|' * len(rules)}")
    for name in DRIFTS:
        cells = []
        for rule in rules:
            quiet = [row for row in years if not alarms(row["good"][: BEGIN - 1])[rule]]
            days = [alarms(row["good"][: BEGIN - 1] + row["drift"][name], BEGIN - 1)[rule] for row in quiet]
            late = np.sort([day or LONGEST + 1 for day in days])
            if not len(late):
                cells.append("–")
                continue
            middle, slow = late[len(late) // 2], late[int(0.9 * len(late))]
            seen = sum(day > 0 for day in days)
            shown = [str(d) if d <= LONGEST else f"> {LONGEST}" for d in (middle, slow)]
            cells.append(f"{shown[0]} ({shown[1]}; {seen} of {len(days)})")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
