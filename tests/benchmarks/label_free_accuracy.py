"""Accuracy without labels and the harm test, against truth: two classifiers, corruption classes and images that were never learnt from.

    python tests/benchmarks/label_free_accuracy.py --data DATA --cache FOLDER [--sets catsdogs cifar10] [--draws 200:220] [--tables]

Each draw divides the images anew into C (labelled good images) and the rest, and leaves one class of corruptions out of all that
is learnt; batches are of the rest, under corruptions of that class. Even draws from 100 to 127 were used to choose; draws 200 to 219 report.
Records go to the folder, one file a draw; `--tables` only prints them. Truth is the accuracy of all images of the rest under the
same condition ("stream"), or of the batch's own. A batch with another class mix has random shares (Dirichlet 1/2); it is of at most
half of the rest's images (200 photos, in the rows of 400), since of all of them there is only one mix.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import _label_free_cache as cached
import numpy as np
from _lab import data_folder, machine

from driftcli.core.predictions import Predictions
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Change, Condition
from driftcli.harm.harm_test import by_scores
from driftcli.harm.judge import judge
from driftcli.harm.learn import learn
from driftcli.harm.model import HarmModel

GOOD = {"catsdogs": 250, "cifar10": 1000}
SIZES = {"catsdogs": (10, 20, 50, 400), "cifar10": (10, 20, 50, 500)}
KINDS = ("blur", "noise", "compression", "exposure", "colour", "geometry", "occlusion")
BANDS = ((-99, 1), (1, 5), (5, 10), (10, 20), (20, 99))
"""Of the true drop, in points."""


@dataclass(frozen=True)
class World:
    """All answers on one data set's images, clean and corrupted."""

    name: str
    arrays: dict[str, np.ndarray]
    space: ClassSpace | None
    """None: judged by the classifier's answers alone, as `driftcli baseline` does."""

    @staticmethod
    def open(name: str, data: Path, cache: Path, features: bool) -> World:
        arrays = cached.load(name, data, cache)
        if not features:
            return World(name, arrays, None)
        classes = int(arrays["label"].max()) + 1
        space = ClassSpace.learn(arrays["learnt/features"].astype(float), arrays["learnt/label"], classes)
        return World(name, arrays, space)

    def condition(self, corruption: str, severity: int, rows: np.ndarray) -> Condition:
        key = f"{corruption}:{severity}"
        logits = self.arrays[f"{key}/logits"][rows]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        names = tuple(str(k) for k in range(logits.shape[1]))
        answers = Predictions(names, p / p.sum(axis=1, keepdims=True), self.arrays["label"][rows], logits)
        kind = cached.belongs(corruption)
        change = None if kind is None else Change(corruption, kind, severity)
        features = None if self.space is None else self.arrays[f"{key}/features"][rows].astype(float)
        return Condition(answers, features, None, change)

    def learnt(self, rows: np.ndarray, without: str, seed: int) -> HarmModel:
        """From the first two corruptions of every class but one."""
        simulated = [
            self.condition(name, severity, rows)
            for group, kind in zip(cached.CORRUPTIONS, KINDS, strict=True)
            if kind != without
            for name in group[:2]
            for severity in cached.SEVERITIES
        ]
        return learn(self.condition("clean", 0, rows), simulated, self.space, seed=seed)


def divided(world: World, number: int) -> tuple[np.ndarray, np.ndarray, str, np.random.Generator]:
    """The good images of a draw, the others, the class of corruptions that is left out, and what draws its batches."""
    rng = np.random.default_rng(number)
    order = rng.permutation(len(world.arrays["label"]))
    good, rest = order[: GOOD[world.name]], order[GOOD[world.name] :]
    return good, rest, KINDS[number % len(KINDS)], rng


def draw(world: World, number: int, answers: Path) -> list[dict]:
    """All batches of one draw of C, judged; the answers themselves go to a file, for NannyML."""
    good, rest, kind, rng = divided(world, number)
    started = time.process_time()
    model = world.learnt(good, kind, number)
    spent = time.process_time() - started
    others = _rivals(world, model, good)
    records = []
    said = [world.condition("clean", 0, good)]
    for what, corruption, severity, rows in batches(world, rest, kind, rng):
        said.append(world.condition(corruption, severity, rows))
        records.append(_judged(world, model, others, what, corruption, severity, rows, rest))
    np.savez(
        answers,
        p=np.concatenate([c.predictions.probability for c in said]),
        label=np.concatenate([c.predictions.label for c in said]),
        batch=np.repeat(np.arange(len(said)) - 1, [len(c) for c in said]),
    )
    print(
        f"{world.name} draw {number}: without {kind}, learnt in {spent:.1f} s, {len(records)} batches",
        flush=True,
    )
    return records


def batches(
    world: World, rest: np.ndarray, kind: str, rng: np.random.Generator
) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """What, corruption, severity, rows."""
    label = world.arrays["label"][rest]
    group = cached.CORRUPTIONS[KINDS.index(kind)]
    states = [(name, s) for name in group for s in cached.SEVERITIES if f"{name}:{s}/logits" in world.arrays]
    for m in SIZES[world.name]:
        for _ in range(5 if m <= 50 else 1):
            yield "clean", "clean", 0, rng.choice(rest, m, replace=False)
            yield "mix", "clean", 0, rest[_mixed(label, min(m, len(rest) // 2), rng)]
        for name, severity in states:
            yield "corrupted", name, severity, rng.choice(rest, m, replace=False)
        for i in rng.choice(len(states), 3, replace=False):
            yield "mix x corrupted", *states[i], rest[_mixed(label, min(m, len(rest) // 2), rng)]


def _mixed(label: np.ndarray, m: int, rng: np.random.Generator) -> np.ndarray:
    """Places with random class shares, without replacement: a class that runs out leaves its place to the others."""
    classes = int(label.max()) + 1
    weight = rng.dirichlet(np.full(classes, 0.5))[label] / np.bincount(label, minlength=classes)[label]
    # Gumbel's trick: the m largest of log weight + noise are a weighted sample without replacement.
    keys = np.log(np.maximum(weight, 1e-300)) + rng.gumbel(size=len(label))
    return np.argsort(-keys)[:m]


@dataclass(frozen=True)
class Rivals:
    """What the estimators and tests beside ours keep of C."""

    cbpe: Callable[[np.ndarray], float]
    confidence: np.ndarray
    softmax: np.ndarray
    entropy: np.ndarray


def _rivals(world: World, model: HarmModel, good: np.ndarray) -> Rivals:
    """CBPE-like: isotonic calibration of the largest probability on clean C, then its mean (NannyML's, without its chunks)."""
    from sklearn.isotonic import IsotonicRegression

    condition = world.condition("clean", 0, good)
    p = model.signs(condition).p
    right = condition.predictions.predicted == condition.predictions.label
    fitted = IsotonicRegression(out_of_bounds="clip").fit(p.max(axis=1), right.astype(float))
    return Rivals(lambda top: float(fitted.predict(top).mean()), p.max(axis=1), p, -_entropy(p))


def _entropy(p: np.ndarray) -> np.ndarray:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(axis=1)


def _judged(world, model, others: Rivals, what, corruption, severity, rows, rest) -> dict:
    batch = world.condition(corruption, severity, rows)
    harm = judge(model, batch, seed=0)
    found = model.signs(batch)
    truth, clean = _truth(world, what, corruption, severity, rows, rest)
    a, c = model.baseline.accuracy, float(harm.correctness.mean() - model.scores.mean())
    record = {
        "what": what, "corruption": corruption, "severity": severity, "m": len(rows) if len(rows) <= 50 else SIZES[world.name][-1], "baseline": a,
        "clean": clean, "stream": truth, "images": batch.predictions.accuracy,
        "CBPE": others.cbpe(found.p.max(axis=1)), **harm.published, "mean c": min(max(a + c, 0), 1),
        "p": harm.test.p_value, "foreign": harm.foreign,
    }  # fmt: skip
    for one in (harm.fixed, harm.free):
        record |= {
            one.mix: one.stream.value, f"{one.mix} low": one.stream.low, f"{one.mix} high": one.stream.high,
            f"{one.mix} verdict": one.verdict, f"{one.mix} images low": one.images.low, f"{one.mix} images high": one.images.high,
        }  # fmt: skip
    if len(rows) <= 50:
        record["BBSDs"] = _bbsds(others.softmax, found.p)
        entropy = by_scores(others.entropy, -_entropy(found.p), 0.05, np.random.default_rng(0))
        record["entropy"] = entropy.p_value
    return record


def _truth(world, what, corruption, severity, rows, rest) -> tuple[float, float]:
    """Accuracy of the stream: of the rest's images under the condition, with the batch's class shares if it was drawn with others.

    And of the rest without any change.
    """
    label = world.arrays["label"]
    shares = np.bincount(label[rows], minlength=label.max() + 1) / len(rows)

    def recalls(name: str, s: int) -> np.ndarray:
        right = world.arrays[f"{name}:{s}/logits"][rest].argmax(axis=1) == label[rest]
        return np.bincount(label[rest], right, minlength=len(shares)) / np.bincount(
            label[rest], minlength=len(shares)
        )

    whole = np.bincount(label[rest], minlength=len(shares)) / len(rest)
    used = shares if what.startswith("mix") else whole
    return float(used @ recalls(corruption, severity)), float(whole @ recalls("clean", 0))


def _bbsds(good: np.ndarray, batch: np.ndarray) -> float:
    """Kolmogorov-Smirnov tests of every class's probability, Bonferroni (Rabanser et al. 2019)."""
    from scipy.stats import ks_2samp

    p = [ks_2samp(good[:, k], batch[:, k]).pvalue for k in range(good.shape[1])]
    return min(1.0, min(p) * len(p))


# ---------------------------------------------------------------- tables


def tables(name: str, records: Sequence[dict], draws: int) -> None:
    """All tables of one data set."""
    print(
        f"\n## {name}: {draws} draws of C = {GOOD[name]}, {len(records)} batches; accuracy clean {_mean(records, 'clean'):.3f}"
    )
    large = SIZES[name][-1]
    _errors(records, (20, 50, large))
    _coverage(records, (20, 50, large))
    _verdicts(records, (50, large))
    _alarms(records, (10, 20, 50))


def _records(file: Path) -> list[dict]:
    """With NannyML's own estimates where `label_free_nannyml.py` was run, and other tests' p where `label_free_rivals.py` was."""
    records, beside = json.loads(file.read_text()), file.with_suffix(".nannyml.json")
    more = json.loads(beside.read_text()) if beside.is_file() else [float("nan")] * len(records)
    others = file.with_name(file.name.replace("-draw-", "-rivals-"))
    rivals = json.loads(others.read_text()) if others.is_file() else [{}] * len(records)
    return [
        record | {"NannyML": each, "draw": file.stem} | rival
        for record, each, rival in zip(records, more, rivals, strict=True)
    ]


def _mean(records: Sequence[dict], key: str) -> float:
    return float(np.mean([r[key] for r in records])) if records else float("nan")


def _lost(record: dict) -> float:
    return 100 * (record["clean"] - record["stream"])


def _errors(records: Sequence[dict], sizes: Sequence[int]) -> None:
    print("\nMean absolute error in points, of the stream (fixed and free: ± standard error over draws)")
    names = ("baseline", "NannyML", "CBPE", "DoC", "ATC-NE", "COT", "BBSE", "mean c", "fixed", "free")
    print(
        f"{'':17s} {'m':>4} {'n':>5} "
        + " ".join(f"{n:>9}" + ("     " if n in ("fixed", "free") else "") for n in names)
        + "   free, these m images"
    )
    for what in ("clean", "corrupted", "mix", "mix x corrupted"):
        for m in sizes:
            some = [r for r in records if r["what"] == what and r["m"] == m]
            cells = [
                f"{_error(some, n):9.1f}" + (_spread(some, n) if n in ("fixed", "free") else "")
                for n in names
            ]
            own = 100 * float(np.mean([abs(r["free"] - r["images"]) for r in some]))
            print(f"{what:17s} {m:4d} {len(some):5d} " + " ".join(cells) + f"   {own:.1f}")


def _error(records: Sequence[dict], name: str) -> float:
    """Mean absolute error in points; without those for which the estimate was not made."""
    errors = [abs(r[name] - r["stream"]) for r in records]
    return 100 * float(np.nanmean(errors)) if np.isfinite(errors).any() else float("nan")


def _spread(records: Sequence[dict], name: str) -> str:
    by_draw = [_error([r for r in records if r["draw"] == d], name) for d in {r["draw"] for r in records}]
    return f" ±{np.std(by_draw, ddof=1) / np.sqrt(len(by_draw)):.1f}" if len(by_draw) > 1 else ""


def _coverage(records: Sequence[dict], sizes: Sequence[int]) -> None:
    print(
        "\nShare of 95 % intervals that hold the stream's accuracy (mean half-width in points); of these m images"
    )
    for what in ("clean", "corrupted", "drop >= 10", "mix", "mix x corrupted"):
        for m in sizes:
            some = [
                r for r in records if r["m"] == m and (
                    r["what"] == what or (what == "drop >= 10" and r["what"] == "corrupted" and _lost(r) >= 10)
                )
            ]  # fmt: skip
            if not some:
                continue
            cells = []
            for mix in ("fixed", "free"):
                hit = np.mean(
                    [r[f"{mix} low"] - 1e-9 <= r["stream"] <= r[f"{mix} high"] + 1e-9 for r in some]
                )
                own = np.mean(
                    [
                        r[f"{mix} images low"] - 1e-9 <= r["images"] <= r[f"{mix} images high"] + 1e-9
                        for r in some
                    ]
                )
                half = 50 * np.mean([r[f"{mix} high"] - r[f"{mix} low"] for r in some])
                cells.append(f"{mix} {hit:.3f} ({half:4.1f}) own {own:.3f}")
            print(f"{what:17s} {m:4d} {len(some):5d}  " + "   ".join(cells))


def _verdicts(records: Sequence[dict], sizes: Sequence[int]) -> None:
    print("\nVerdicts at 5 points: hurts / harmless / cannot say, by the true drop; wrong: against the truth")
    for mix, kinds in (
        ("fixed", ("clean", "corrupted")),
        ("free", ("clean", "corrupted")),
        ("free", ("mix", "mix x corrupted")),
    ):
        for m in sizes:
            some = [r for r in records if r["what"] in kinds and r["m"] == m]
            said = {low: [r[f"{mix} verdict"] for r in some if low <= _lost(r) < high] for low, high in BANDS}
            cells = [
                "/".join(f"{np.mean([v == w for v in found]):.2f}" for w in ("probably hurts", "probably harmless", "cannot say"))
                + f" ({len(found)})" if found else "-"
                for found in said.values()
            ]  # fmt: skip
            wrong = np.mean([
                (r[f"{mix} verdict"] == "probably hurts" and _lost(r) <= 5)
                or (r[f"{mix} verdict"] == "probably harmless" and _lost(r) > 5)
                for r in some
            ])  # fmt: skip
            print(f"{mix:6s} {'+'.join(kinds):21s} m {m:4d}  " + "  ".join(cells) + f"  wrong {wrong:.3f}")


def _alarms(records: Sequence[dict], sizes: Sequence[int]) -> None:
    print("\nAlarms at .05, by the true drop (n); harmless mix: a class mix that costs at most 1 point")
    bands = {
        "clean": lambda r: r["what"] == "clean",
        "<= 1 point": lambda r: r["what"] == "corrupted" and _lost(r) <= 1,
        "harmless mix": lambda r: r["what"] == "mix" and _lost(r) <= 1,
        "1-5": lambda r: r["what"] == "corrupted" and 1 < _lost(r) <= 5,
        "5-10": lambda r: r["what"] == "corrupted" and 5 < _lost(r) <= 10,
        "10-20": lambda r: r["what"] == "corrupted" and 10 < _lost(r) <= 20,
        ">= 20": lambda r: r["what"] == "corrupted" and _lost(r) > 20,
    }
    for test in ("p", "entropy", "Detectron", "D3M", "BBSDs", "MMD"):
        cells = []
        for band, inside in bands.items():
            rates, count = [], 0
            for m in sizes:
                some = [r[test] for r in records if r["m"] == m and test in r and inside(r)]
                rates.append(f"{np.mean([p <= 0.05 for p in some]):.2f}" if some else "-")
                count = max(count, len(some))
            cells.append(f"{band} {'/'.join(rates)} ({count})")
        print(f"{'driftcli' if test == 'p' else test:9s} " + "   ".join(cells))


def main() -> None:
    """Draws that are not yet recorded, then the tables of those asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(cached.NAMES), choices=cached.NAMES)
    parser.add_argument("--draws", default="200:220", help="FIRST:END")
    parser.add_argument(
        "--features", action="store_true", help="distances of `content` features beside answers"
    )
    parser.add_argument("--tables", action="store_true")
    asked = parser.parse_args()
    first, end = (int(n) for n in asked.draws.split(":"))
    kind = "features" if asked.features else "draw"
    print(machine())
    for name in asked.sets:
        kept = [asked.cache / f"{name}-{kind}-{number}.json" for number in range(first, end)]
        if not asked.tables:
            asked.cache.mkdir(parents=True, exist_ok=True)
            world = World.open(name, data_folder(asked.data), asked.cache, asked.features)
            for number, file in zip(range(first, end), kept, strict=True):
                if not file.is_file():
                    file.write_text(json.dumps(draw(world, number, file.with_suffix(".npz"))))
        there = [_records(file) for file in kept if file.is_file()]
        if there:
            tables(name, [record for records in there for record in records], len(there))


if __name__ == "__main__":
    sys.exit(main())
