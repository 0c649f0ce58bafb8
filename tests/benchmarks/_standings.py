"""The tables of head_to_head.py: power at the same false-alarm rate, from the records of every method."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from _lab import wilson
from _matches import NULLS, SETS, Record, leads

LEVEL, RESAMPLES = 0.05, 1000
GATE = "driftcli gate"


@dataclass(frozen=True)
class Cell:
    """One data set at one batch size. Scores: of clean batches [methods, rounds, nulls], of drifts [methods, rounds, drifts]."""

    data: str
    n: int
    methods: tuple[str, ...]
    drifts: tuple[str, ...]
    clean: np.ndarray
    drifted: np.ndarray

    @property
    def rounds(self) -> int:
        return self.clean.shape[1]

    def only(self, wanted: Collection[str]) -> Cell:
        keep = [i for i, m in enumerate(self.methods) if m in wanted]
        methods = tuple(self.methods[i] for i in keep)
        return replace(self, methods=methods, clean=self.clean[keep], drifted=self.drifted[keep])

    def power(self, rounds: np.ndarray) -> np.ndarray:
        """[methods]: mean over drifts, thresholds and power from the same rounds."""
        return np.nanmean(found(self.clean[:, rounds], self.drifted[:, rounds]), axis=(1, 2))


def found(clean: np.ndarray, drifted: np.ndarray) -> np.ndarray:
    """Probability that each drift is reported when clean batches are at rate LEVEL: ties broken at random."""
    nulls = np.sort(clean.reshape(len(clean), -1), axis=1)[:, ::-1]
    allowed = LEVEL * nulls.shape[1]
    limit = nulls[:, int(allowed)][:, None]
    above, equal = (nulls > limit).sum(axis=1), (nulls == limit).sum(axis=1)
    share = (np.clip((allowed - above) / equal, 0, 1))[:, None, None]
    hits = (drifted > limit[:, None]) + share * (drifted == limit[:, None])
    return np.where(np.isnan(drifted), np.nan, hits)


def collect(name: str, cache: Path, seed: int, *, leading: bool = False) -> list[Cell]:
    """The cells of one data set: all rounds that every method has answered in full.

    `leading`: only those that are asked in every round.
    """
    answers: dict[str, dict[str, object]] = {}
    for path in sorted(cache.glob(f"{name}-*.jsonl")):
        for key, more in Record(path).known.items():
            answers.setdefault(key, {}).update(more)
    cells, data = [], SETS[name]
    for n in data.sizes:
        first = [
            row for k, row in answers.items() if k.startswith(f"{seed}|{name}|{n}|") and k.endswith("|0")
        ]
        if not first:
            continue
        everywhere = set.intersection(*(set(row) for row in first))
        methods = tuple(sorted(m for m in everywhere if not m.startswith("default: ")))
        if leading:
            methods = tuple(m for m in methods if leads(m))
        clean, drifted, drifts = [], [], data.drifts(n)
        for trial in range(10_000):
            nulls = [answers.get(f"{seed}|{name}|{n}|clean|{trial * NULLS + k}", {}) for k in range(NULLS)]
            rows = {d: answers.get(f"{seed}|{name}|{n}|{d}|{trial}") for d in data.drifts(n)}
            rows = {d: row for d, row in rows.items() if row is not None}
            if not all(m in row for row in (*nulls, *rows.values()) for m in methods) or not rows:
                break
            clean.append([[row[m] for row in nulls] for m in methods])
            drifted.append([[rows[d][m] if d in rows else np.nan for d in drifts] for m in methods])
        if clean:
            nulls, asked = np.array(clean).transpose(1, 0, 2), np.array(drifted).transpose(1, 0, 2)
            dealt = ~np.isnan(asked).all(axis=(0, 1))  # some splits leave too few images for another mix
            kept = tuple(d for d, ever in zip(drifts, dealt, strict=True) if ever)
            cells.append(Cell(name, n, methods, kept, nulls, asked[:, :, dealt]))
    return cells


def own_rates(names: Sequence[str], cache: Path, seed: int) -> dict[str, tuple[int, int]]:
    """By method: false alarms of its own decision, and the clean batches it decided."""
    rates: dict[str, tuple[int, int]] = {}
    for name in names:
        for path in sorted(cache.glob(f"{name}-*.jsonl")):
            for asked, row in Record(path).known.items():
                if not asked.startswith(f"{seed}|"):
                    continue
                for key, alarm in row.items():
                    if key.startswith("default: "):
                        hits, trials = rates.get(key[9:], (0, 0))
                        rates[key[9:]] = hits + bool(alarm), trials + 1
    return rates


def compare(cells: Sequence[Cell]) -> dict[str, object]:
    """Mean power of every method over a data set's cells; the gate's paired difference to the best peer."""
    everywhere = set.intersection(*(set(c.methods) for c in cells))
    some = {m: float(c.power(np.arange(c.rounds))[i]) for c in cells for i, m in enumerate(c.methods)}
    partly = {f"{m} (one batch size)": p for m, p in some.items() if m not in everywhere}
    whole, cells = cells, [c.only(everywhere) for c in cells]
    methods = cells[0].methods
    power = np.mean([c.power(np.arange(c.rounds)) for c in cells], axis=0)
    peers = [i for i, m in enumerate(methods) if not m.startswith("driftcli")]
    best, gate = max(peers, key=lambda i: power[i]), methods.index(GATE)
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(RESAMPLES):
        again = [c.power(rng.integers(c.rounds, size=c.rounds)) for c in cells]
        gaps.append(np.mean([p[gate] - p[best] for p in again]))
    return {
        "rounds": min(c.rounds for c in cells),
        "power": {m: float(power[i]) for i, m in enumerate(methods)},
        "partly": partly,
        "best_peer": methods[best],
        "difference": float(power[gate] - power[best]),
        "interval": [float(q) for q in np.quantile(gaps, (0.025, 0.975))],
        "cells": {str(c.n): cell_of(c, methods[best], rng) for c in whole},
        "drifts": by_drift(cells, gate, best),
    }


def cell_of(cell: Cell, peer: str, rng: np.random.Generator) -> dict[str, object]:
    """One batch size: gate, the data set's best peer, and whichever peer is best in this very cell."""
    power, gate, best = cell.power(np.arange(cell.rounds)), cell.methods.index(GATE), cell.methods.index(peer)
    peers = [i for i, m in enumerate(cell.methods) if not m.startswith("driftcli")]
    here = max(peers, key=lambda i: power[i])
    again = [cell.power(rng.integers(cell.rounds, size=cell.rounds)) for _ in range(RESAMPLES)]
    gaps = np.quantile([p[gate] - p[best] for p in again], (0.025, 0.975))
    return {
        "rounds": cell.rounds,
        "gate": float(power[gate]),
        "best_peer": float(power[best]),
        "difference": float(power[gate] - power[best]),
        "interval": [float(q) for q in gaps],
        "best_here": [cell.methods[here], float(power[here])],
    }


def by_drift(cells: Sequence[Cell], gate: int, best: int) -> dict[str, dict[str, float]]:
    """Mean power over batch sizes for each kind of drift: gate, the best peer, and the best peer for that drift."""
    kinds: dict[str, list[np.ndarray]] = {}
    for cell in cells:
        power = np.nanmean(found(cell.clean, cell.drifted), axis=1)
        for j, drift in enumerate(cell.drifts):
            kinds.setdefault(drift.split(":")[0], []).append(power[:, j])
    methods = cells[0].methods
    peers = [i for i, m in enumerate(methods) if not m.startswith("driftcli")]
    mean = {kind: np.mean(rows, axis=0) for kind, rows in kinds.items()}
    return {
        kind: {
            "gate": float(p[gate]),
            "best_peer": float(p[best]),
            "best_for_it": float(max(p[i] for i in peers)),
        }
        for kind, p in mean.items()
    }


# ---------------------------------------------------------------- words


def show(names: Sequence[str], cache: Path, seed: int, target: Path | None, about: str) -> None:
    """All tables as Markdown; with `target` the figures behind them as JSON."""
    results = {}
    for name in names:
        every, leading = collect(name, cache, seed), collect(name, cache, seed, leading=True)
        if every:
            all_methods, results[name] = compare(every), compare(leading)
            results[name]["all"] = {k: all_methods[k] for k in ("rounds", "power", "partly")}
    rates = own_rates(list(results), cache, seed)
    print(f"Power at a false-alarm rate of {LEVEL} ({about})\n")
    headline(results)
    per_cell(results)
    per_method(results)
    print("\nAlarms on clean batches by each method's own rule:\n")
    print("| method | clean batches | alarms | rate | 95 % interval |\n|---|---|---|---|---|")
    for method, (hits, trials) in sorted(rates.items(), key=lambda item: -item[1][0] / item[1][1]):
        print(f"| {method} | {trials} | {hits} | {hits / trials:.3f} | {wilson(hits, trials)} |")
    if target is not None:
        target.write_text(json.dumps({"about": about, "data": results, "own": rates}, indent=1))


def headline(results: Mapping[str, Mapping]) -> None:
    print("| data | rounds | gate | best peer | its power | difference | 95 % interval | lowest cell |")
    print("|---|---|---|---|---|---|---|---|")
    for name, r in results.items():
        low, high = r["interval"]
        n, worst = min(r["cells"].items(), key=lambda item: item[1]["difference"])
        print(
            f"| {name} | {r['rounds']} | {r['power'][GATE]:.3f} | {r['best_peer']} | {r['power'][r['best_peer']]:.3f} "
            f"| {r['difference']:+.3f} | {low:+.3f} to {high:+.3f} | {worst['difference']:+.3f} (n = {n}) |"
        )


def per_cell(results: Mapping[str, Mapping]) -> None:
    print(
        "\n| data | n | gate | data set's best peer | difference | 95 % interval | best peer in this cell |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, r in results.items():
        for n, c in r["cells"].items():
            low, high = c["interval"]
            here, power = c["best_here"]
            print(
                f"| {name} | {n} | {c['gate']:.3f} | {c['best_peer']:.3f} | {c['difference']:+.3f} "
                f"| {low:+.3f} to {high:+.3f} | {power:.3f} {here} |"
            )
    kinds = sorted({kind for r in results.values() for kind in r["drifts"]})
    print("\nBy drift, gate / best peer / whichever peer is best for that drift:\n")
    print("| data | " + " | ".join(kinds) + " |\n|---|" + "---|" * len(kinds))
    for name, r in results.items():
        shown = [" / ".join(f"{v:.2f}" for v in r["drifts"][k].values()) for k in kinds]
        print(f"| {name} | " + " | ".join(shown) + " |")


def per_method(results: Mapping[str, Mapping]) -> None:
    """Every method, on the rounds that all have answered."""
    shown = {name: {**r["all"]["power"], **r["all"]["partly"]} for name, r in results.items()}
    methods = {m for powers in shown.values() for m in powers}
    mean = {m: np.mean([powers.get(m, np.nan) for powers in shown.values()]) for m in methods}
    heads = [f"{name} ({r['all']['rounds']} rounds)" for name, r in results.items()]
    print("\n| method / features | " + " | ".join(heads) + " | mean |\n|---|" + "---|" * (len(heads) + 1))
    for m in sorted(methods, key=lambda m: -np.nan_to_num(mean[m])):
        row = " | ".join(f"{powers.get(m, np.nan):.3f}" for powers in shown.values())
        print(f"| {m} | {row} | {mean[m]:.3f} |")
