"""`--tolerance auto` on days with weather: how often a normal new day passes, and a night or a defocused day does not.

    python tests/benchmarks/good_days.py --cache DIR [--data DRIFTCLI_DATA] [--world drawn] [--trials 60] [--half 1]

Each trial draws D good days of 40 images (24 of the drawn world) as the baseline and one more day as the batch, which is
normal, a night (85 % less light, more noise) or defocused; light, colour, haze and rain differ by day (`_weather.py`).
"before" is the rule until 2026-11-28: the batch fails if its certain effect exceeds the 95th percentile of the good groups'
effects. The rule was chosen on the even days (`--half 0`); what is told are the odd ones. alpha .01, 399 relabellings.

`--distances` asks for the distances alone, not for the whole gate: every two days are compared once, so many trials are cheap.
There are 6 bad days of each kind and 24 good ones of the drawn world in a half (10 and 42 photographed ones): draws of
them, however many, say nothing of other weather.
"""

from __future__ import annotations

import argparse
import os
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
from _weather import KINDS, WORLDS, features

from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.gate import good_days
from driftcli.gate.batch_test import run_gate
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline

DAYS = (5, 7, 10, 20)
SETTINGS = Settings.model_validate({"gate": {"alpha": 0.01, "tolerance": "auto", "permutations": 399}})


def images(by_day: dict, days: list[str], start: int) -> Features:
    """The images of some days, each with hashes of its own; the day is the group."""
    views = {name: np.concatenate([by_day[day][name] for day in days]) for name in by_day[days[0]]}
    sizes = [len(next(iter(by_day[day].values()))) for day in days]
    n = sum(sizes)
    number = np.arange(start, start + n, dtype=np.uint64)
    content = np.array([b"%064d" % i for i in number.tolist()], "S64")
    group = tuple(day for day, size in zip(days, sizes, strict=True) for _ in range(size))
    return Features(tuple(map(str, number.tolist())), content, number, number, views, group=group)


def before(verdict, families, held_out: Features) -> str:
    """The verdict's word by the rule of before."""
    names = np.asarray(held_out.group, object)
    effects = []
    for day in sorted(set(held_out.group)):
        mine = names == day
        described = [
            f.detector.describe(
                f.state, held_out.views[f.view][~mine], held_out.views[f.view][mine], f.columns
            )
            for f in families
        ]
        effects.append(max(s.effect or 0.0 for family in described for s in family))
    tolerance = float(np.quantile(effects, 0.95))
    if verdict.p_value > SETTINGS.gate.alpha:
        return "pass"
    return (
        "drift"
        if any(f.significant and (f.effect_lower or 0) > tolerance for f in verdict.families)
        else "warn"
    )


def farthest(families, by_day: dict, pools: dict[str, list[str]], trials: int) -> None:
    """How often a day of each kind is farther from the good days than any of them from the nearest other."""
    names = [day for kind in pools for day in pools[kind]]
    place = {day: i for i, day in enumerate(names)}
    every = {f.view: np.concatenate([by_day[day][f.view] for day in names]) for f in families}
    apart = good_days.tables(families, every, len(names))
    print("| days | batch | farthest | an exact rank's, on a normal day |")
    print("| --- | --- | --- | --- |")
    for days in DAYS:
        for kind in pools:
            count = 0
            for trial in range(trials):
                chosen, batch = drawn(pools, kind, days, trial)
                among = [place[day] for day in (batch, *chosen)]
                far = good_days.farness([table[np.ix_(among, among)] for table in apart])
                count += bool(far[0] > far[1:].max())
            print(
                f"| {days} | {kind} | {count}/{trials} = {count / trials:.3f} | {1 / (days + 1):.3f} |",
                flush=True,
            )


def drawn(pools: dict[str, list[str]], kind: str, days: int, trial: int) -> tuple[list[str], str]:
    """The good days of a trial, and its batch."""
    rng = np.random.default_rng([days, trial, sum(map(ord, kind))])
    chosen = [pools["good"][i] for i in rng.permutation(len(pools["good"]))[: days + 1]]
    batch = chosen.pop() if kind == "good" else pools[kind][rng.integers(len(pools[kind]))]
    return chosen[:days], batch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=os.environ.get("DRIFTCLI_DATA"))
    parser.add_argument("--world", choices=[*WORLDS], default="drawn")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--half", type=int, choices=(0, 1), default=1)
    parser.add_argument("--distances", action="store_true", help="how often a day is the farthest, no gate")
    asked = parser.parse_args()
    fit, by_day = features(asked.world, asked.cache, asked.data)
    families = tuple(f for f in fit.families if f.gate == "on")
    pools = {k: sorted(d for d in by_day if d.startswith(f"{k}-"))[asked.half :: 2] for k in ("good", *KINDS)}
    print(
        f"{platform.machine()}, {asked.world}, {asked.trials} trials a cell, {len(pools['good'])} good days, half {asked.half}"
    )
    if asked.distances:
        farthest(families, by_day, pools, asked.trials)
        return
    print("| days | batch | passes or warns, before | after | a normal day fails |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for days in DAYS:
        for kind in pools:
            counts = np.zeros(2, int)
            for trial in range(asked.trials):
                chosen, batch = drawn(pools, kind, days, trial)
                good, new = images(by_day, chosen, 10_000), images(by_day, [batch], 0)
                baseline = Baseline("default", good, families, {}, {}, {"digest": str(trial)})
                reading = Reading(
                    replace(new, group=None),
                    Ledger(len(new), len(new), {}, {}, 0),
                    (),
                    0.0,
                    new.content,
                    new.pixels,
                )
                verdict = run_gate(SETTINGS, baseline, reading).verdict
                counts += [before(verdict, families, good) != "drift", verdict.outcome != "drift"]
            shares = " | ".join(f"{count}/{asked.trials}" for count in counts)
            print(f"| {days} | {kind} | {shares} | {1 / (days + 1):.3f} |", flush=True)


if __name__ == "__main__":
    main()
