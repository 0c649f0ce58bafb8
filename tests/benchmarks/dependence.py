"""Images in a row, without `--group-by`: how often the gate fires on clean ones, and what it still sees.

    python tests/benchmarks/dependence.py rows    --cache FOLDER [--trials 400] [--only NAME ...] [--off]
    python tests/benchmarks/dependence.py power   --cache FOLDER [--trials 200]
    python tests/benchmarks/dependence.py errors  --cache FOLDER [--trials 4000]

CIFAR-10 features as `failing_loudly.py --datasets cifar10 --extract` keeps them (made if absent): 3,000 images taught
driftcli, others are good images. Every trial draws C (600) and a batch (50) anew. A burst is ten images of one scene
(its features plus noise of 0.1 sd, or so much as stands behind `loose`: at 0.45 they cease to be near-copies); `uneven` bursts have 1 to 20. AR(1): each image is rho times the one before plus
fresh parts of another image, so that one image's law is that of real features up to mixing. `held-out`: C is a random
half of its row (`renumbered`: its numbers do not tell); `stretches`: every other eight images of it, as `fit` holds some back. `rows` counts p <= alpha with dependence measured (`--off`: with `gate.dependence: off`, as before).
`power`: whole rows with a shifted batch, beside the true groups and beside images. `errors`: independent images only:
how often any dependence is found.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _lab import binomial_bound, data_folder, machine, wilson
from calibration import SIDE, good

from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.gate.batch_test import run_gate
from driftcli.gate.dependence import found
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline

C, M, ALPHA = 600, 50, 0.05
LIKE, SAME, STRETCH = 0.1, 100, 8


def row_of(kind: str, n: int, x: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """N images in a row and their true groups, from different rows of the matrix of real features."""
    fresh = x[rng.permutation(len(x))[:n]]
    if kind.startswith(("bursts", "uneven")):
        sizes = np.full(n, 10) if kind.startswith("bursts") else rng.integers(1, 21, n)
        scene = np.repeat(np.arange(n), sizes)[:n]
        loose = kind.partition(" loose ")[2]
        like = float(loose.split(maxsplit=1)[0]) if loose else LIKE
        return fresh[scene] + like * x.std(axis=0) * rng.normal(size=(n, x.shape[1])), [
            f"g{s}" for s in scene
        ]
    if kind.startswith("AR"):
        rho, mean = float(kind[2:].split(maxsplit=1)[0]), x.mean(axis=0)
        found = fresh - mean
        for i in range(1, n):
            found[i] = rho * found[i - 1] + (1 - rho**2) ** 0.5 * found[i]
        return found + mean, [f"g{i // 10}" for i in range(n)]
    return fresh, [f"g{i}" for i in range(n)]


def features(
    values: np.ndarray, groups: list[str], numbers: np.ndarray | None, spans: dict, rng: np.random.Generator
) -> Features:
    """As a reading has them: in the order of random hashes, numbers in names tell the order (None: nothing does)."""
    n = len(values)
    order = rng.permutation(n)
    names = (
        [f"{rng.bytes(8).hex()}.png" for _ in range(n)]
        if numbers is None
        else [f"frame_{i:06d}.png" for i in numbers]
    )
    hashes = np.sort(rng.integers(1, 2**63, n).astype(np.uint64))
    return Features(
        names=tuple(names[i] for i in order),
        content=np.array([b"%064x" % h for h in hashes.tolist()], "S64"),
        pixels=hashes,
        near=hashes,
        views={view: values[order, span].astype(np.float32) for view, span in spans.items()},
        group=tuple(groups[i] for i in order),
    )


class World:
    """Families that F taught, and all other images as one matrix."""

    def __init__(self, cache: Path) -> None:
        self.families, views = good(cache)
        used = {f.view for f in self.families}
        self.spans, start, parts = {}, 0, []
        for view in sorted(used):
            x = views[view].astype(np.float64)
            x = np.where(np.isfinite(x), x, np.nanmedian(x, axis=0))
            self.spans[view] = slice(start, start + x.shape[1])
            start += x.shape[1]
            parts.append(x)
        self.x = np.concatenate(parts, axis=1)
        self.sd = self.x.std(axis=0)

    def trial(self, kind: str, seed: list[int], shift: float = 0.0) -> tuple[Baseline, Features]:
        """C and the batch, from disjoint images."""
        rng = np.random.default_rng(seed)
        halves = np.array_split(rng.permutation(len(self.x)), 2)
        many = 2 * C if kind.endswith(("held-out", "renumbered", "stretches")) else C
        values, groups = row_of(kind, many, self.x[halves[0]], rng)
        kept = np.sort(rng.permutation(many)[:C])
        if kind.endswith("stretches"):
            kept = np.flatnonzero(np.arange(many) // STRETCH % 2 == 0)
        numbers = np.arange(C) if "renumbered" in kind else kept
        held_out = features(
            values[kept],
            [f"c{groups[i]}" for i in kept],
            None if kind == "nameless" else numbers,
            self.spans,
            rng,
        )
        values, groups = row_of(kind, M, self.x[halves[1]], rng)
        direction = np.random.default_rng(5).normal(size=values.shape[1])
        values = values + shift * self.sd * direction
        batch = features(
            values, [f"y{g}" for g in groups], None if kind == "nameless" else np.arange(M), self.spans, rng
        )
        return Baseline(
            "default", held_out, self.families, {}, {}, {"digest": str(seed), "group_by": "folder"}
        ), batch


def audit(
    baseline: Baseline, batch: Features, dependence: str, *, grouped: bool = False
) -> tuple[float, object]:
    """P (1 where it cannot be told), and what was found."""
    given = {"input": {"group_by": "folder"}} if grouped else {}
    known = {"dependence": dependence} if "dependence" in Settings().gate.model_dump() else {}
    settings = Settings.model_validate({"gate": {"alpha": ALPHA, **known}, **given})
    reading = Reading(
        batch, Ledger(len(batch), len(batch), {}, {}, 0), (), 0.0, batch.content, np.unique(batch.pixels)
    )
    try:
        outcome = run_gate(settings, baseline, reading)
    except NotAuditedError:
        return float("nan"), None
    return outcome.verdict.p_value, getattr(outcome, "dependence", None)


ROWS = (
    "independent", "nameless", "bursts", "uneven", "AR.3", "AR.5", "AR.7", "AR.9",
    "bursts loose .3", "bursts loose .4", "bursts loose .5", "bursts held-out", "AR.7 held-out", "AR.7 held-out renumbered",
    "bursts stretches", "bursts loose .4 stretches", "AR.7 stretches",
)  # fmt: skip


def rows(given: argparse.Namespace, world: World) -> None:
    """One Markdown row a kind."""
    print(
        "| kind | trials | bound (99 %) | alarms | rate, 95 % | inconclusive | found | units of the batch |\n|-|-|-|-|-|-|-|-|"
    )
    for kind in given.only or ROWS:
        p, units = [], []
        for i in range(given.trials):
            value, tied = audit(*world.trial(kind, [given.seed, i]), "off" if given.off else "auto")
            p.append(value)
            units.append(M if tied is None else tied.units[1])
        told = np.array(p)
        alarms = int((told <= ALPHA).sum())
        print(
            f"| {kind} | {len(p)} | {binomial_bound(len(p), ALPHA)} | {alarms} | {alarms / len(p):.3f} "
            f"{wilson(alarms, len(p))} | {int(np.isnan(told).sum())} | {np.mean(np.array(units) < M):.3f} "
            f"| {np.mean(units):.1f} |",
            flush=True,
        )


def power(given: argparse.Namespace, world: World) -> None:
    """Found shifts with dependence measured, with the true groups, with images."""
    print("| kind | shift (sd a column) | trials | auto | true groups | images |\n|-|-|-|-|-|-|")
    for kind in given.only or ("independent", "bursts", "uneven", "AR.7"):
        for shift in given.shifts:
            hits = []
            for i in range(given.trials):
                baseline, batch = world.trial(kind, [given.seed, i, 1], shift)
                ways = (("auto", False), ("auto", True), ("off", False))
                hits.append([audit(baseline, batch, way, grouped=g)[0] <= ALPHA for way, g in ways])
            mean = np.mean(hits, axis=0)
            print(
                f"| {kind} | {shift} | {given.trials} | " + " | ".join(f"{m:.3f}" for m in mean) + " |",
                flush=True,
            )


def errors(given: argparse.Namespace, world: World) -> None:
    """Independent images: how often anything is found. Where nothing is, p is that of `--dependence off`, bit for bit."""
    count = 0
    for i in range(given.trials):
        baseline, batch = world.trial("independent", [given.seed, i, 2])
        count += found(baseline, batch, ALPHA) is not None
        if i % SAME == 0:
            assert audit(baseline, batch, "auto") == audit(baseline, batch, "off")
    print(
        f"{given.trials} clean independent batches of {M}, C {C}: dependence found in {count} (95 % "
        f"{wilson(count, given.trials)}); p compared with dependence off in every {SAME}th: equal"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("rows", "power", "errors"))
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--off", action="store_true")
    parser.add_argument("--shifts", type=float, nargs="*", default=(0.05, 0.1, 0.2, 0.4))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if not (given.cache / f"cifar10-{SIDE}-clean.npz").is_file():
        from _failing_loudly_cache import extract

        extract(data_folder(given.data), given.cache, "cifar10", SIDE, only=("fit", "source", "clean"))
    started = time.perf_counter()
    {"rows": rows, "power": power, "errors": errors}[given.part](given, World(given.cache))
    print(
        f"\nC = {C}, batches of {M}, alpha {ALPHA}, seed {given.seed}; {machine()}; {time.perf_counter() - started:.0f} s."
    )


if __name__ == "__main__":
    main()
