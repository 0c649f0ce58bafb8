"""WhyLabs' example, whole: seven days of photos, pixelated from the fourth on; do the images change, and does it hurt the classifier?

    python tests/benchmarks/whylabs_story.py [--data FOLDER] [--scratch FOLDER] [--seeds 0 1 2 3 4] [--severity 5] [--labels 210]

A line of the story is a command line: `fit`, `baseline`, `check`, `queue`, `score`, `history`. For each seed:

* Photos at a short side of 224 px. A classifier of cats and dogs learns from 300 (`cats_dogs_classifier.py`); they are the reference, too. 350 others with their labels
  are the baseline; the classifier answers what `baseline --export-corrupted` writes, and `baseline --predictions` reads that back.
* Seven days bring 50 others each, as lossless copies, so that nothing but the squares differs from day 4 on. Each day is checked by the batch
  gate (alpha 0.01, classes' shares free) with one history, and by the gate over all checks (alpha 0.05 a year, shares as they were) with another.
* A queue over the seven results, three simulated annotators who are wrong in 5, 10 and 15 % of images, `score --history`.

Printed for each seed and day: the exit codes, the true accuracy on the day's photos (the labels are in the files' names, and driftcli is not told),
both estimates and what the labels say, with 95 % intervals; then, over seeds, how far estimates and labels are off, and how often an
interval holds the truth. Expected: the batch gate returns 0 0 0 1 1 1 1. Leaves `history.html` of each seed in --scratch.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import onnxruntime
from _lab import data_folder, machine
from cats_dogs_classifier import CLASSES, Classifier, export, label, prepared
from null_rate import command
from PIL import Image

from driftcli.corruptions.pixelate import Pixelate

BASELINE, DAY, DAYS, FIRST = 350, 50, 7, 4
SIDE = 224
"""Short side of the photos, px."""
ANNOTATORS = {"ada": 0.05, "bo": 0.10, "cy": 0.15}
"""Share of images that each labels wrongly."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--severity", type=int, default=5)
    parser.add_argument("--labels", type=int, default=210, help="over the seven days")
    parser.add_argument(
        "--corrupted", type=int, default=60, help="good images that are corrupted, 85 files each"
    )
    parser.add_argument(
        "--no-sequence", action="store_true", help="batch gate alone: a day that differs takes a minute less"
    )
    parser.add_argument(
        "--kept", action="store_true", help="tables of what lies in --scratch, without telling it anew"
    )
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-whylabs")
    given = parser.parse_args()
    told = []
    for seed in given.seeds:
        started = time.perf_counter()
        if not given.kept:
            story(given, seed, given.scratch / str(seed))
        days = told_of(given.scratch / str(seed))
        told += days
        print(f"\nseed {seed}, {time.perf_counter() - started:.0f} s\n")
        table(days)
    together(told)
    print(
        f"\n{machine()}; severity {given.severity}, {given.labels} labels, seeds {given.seeds}; pages in {given.scratch}"
    )
    sys.exit(0 if all(day.batch == (day.number >= FIRST) for day in told) else 1)


@dataclass(frozen=True)
class Day:
    """What is known and said of one day."""

    number: int
    truth: float
    batch: int
    sequence: int | None
    p: float
    free: dict
    """The result's `harm`, shares of the classes free."""
    fixed: dict
    labelled: dict
    """Of `score`."""


# ---------------------------------------------------------------- the story


def story(given: argparse.Namespace, seed: int, place: Path) -> None:
    """One seed's week, from command line to command line."""
    place.mkdir(parents=True, exist_ok=True)
    for old in (*place.glob("*.db*"), *place.glob("labels/*")):
        old.unlink()
    if (place / "labels").exists():
        (place / "labels").rmdir()
    made = export(
        small(data_folder(given.data), given.scratch / "data"), place / "classifier.onnx", seed=seed
    )
    ref, database = place / "ref", place / "drift.db"
    command(
        "fit",
        listed(place / "reference.csv", made.trained),
        "-o",
        ref,
        "--force",
        "--holdout",
        0,
        "--seed",
        seed,
    )
    good = answered(
        place / "good.csv",
        [{"path": str(photo), "label": CLASSES[label(photo)]} for photo in made.others[:BASELINE]],
        made,
    )
    images = listed(place / "baseline.csv", made.others[:BASELINE])
    corrupted = place / "corrupted"
    if not corrupted.exists():
        few = ("--set", f"predictions.export_images={given.corrupted}")
        command(
            "baseline",
            ref,
            images,
            "--predictions",
            good,
            "--export-corrupted",
            corrupted,
            *few,
            "--detectable",
            "none",
        )
        with (corrupted / "manifest.csv").open(newline="") as file:
            answered(
                corrupted / "answers.csv", [row for row in csv.DictReader(file) if row["corruption"]], made
            )
    command(
        "baseline",
        ref,
        images,
        "--predictions",
        good,
        "--predictions",
        corrupted / "answers.csv",
        "--detectable",
        "none",
    )
    for number in range(1, DAYS + 1):
        start = BASELINE + (number - 1) * DAY
        photos = made.others[start : start + DAY]
        folder = written(photos, place / f"day-{number}", given.severity if number >= FIRST else 0)
        files = sorted(folder.glob("*.png"))
        said = answered(place / f"day-{number}.csv", [{"path": str(file)} for file in files], made)
        one = ("check", ref, folder, "--predictions", said, "-q")
        result, other = place / f"day-{number}.json", place / f"day-{number}-fixed.json"
        date = ("--date", f"2026-11-{number:02}")
        command(*one, *date, "--history", database, "-o", f"json={result}", may_alarm=True)
        year = ("--gate", "sequence", "--alpha", "0.05", *date, "--history", place / "sequence.db")
        over_all = () if given.no_sequence else year
        command(*one, "--class-mix", "fixed", *over_all, "-o", f"json={other}", may_alarm=True)
    results = [place / f"day-{number}.json" for number in range(1, DAYS + 1)]
    command(
        "queue", *results, "-o", place / "labels", "--budget", given.labels, "--list-only", "--seed", seed
    )
    people = annotated(place / "labels", np.random.default_rng(seed))
    command("score", place / "labels", *people, "--history", database, "-o", f"json={place / 'score.json'}")
    shown = [
        sys.executable,
        "-m",
        "driftcli",
        "history",
        str(database),
        "-o",
        f"html={place / 'history.html'}",
    ]
    subprocess.run(shown, capture_output=True, check=True)


def told_of(place: Path) -> list[Day]:
    """The days of one seed, from what was written."""
    scored = json.loads((place / "score.json").read_text(encoding="utf-8"))["days"]
    days = []
    for number, labelled in enumerate(scored, 1):
        free, fixed = (
            json.loads((place / f"day-{number}{mix}.json").read_text(encoding="utf-8"))
            for mix in ("", "-fixed")
        )
        sequence = None if fixed["sequence"] is None else fixed["exit_code"]
        truth, p = right(place / f"day-{number}.csv"), free["gate"]["p_value"]
        days.append(
            Day(
                number,
                truth,
                free["exit_code"],
                sequence,
                p,
                free["harm"],
                fixed["harm"],
                labelled["accuracy"],
            )
        )
    return days


def small(data: Path, place: Path) -> Path:
    """Copies of the photos at a short side of 224 px: all that the classifier sees, and a third of the time."""
    (place / "catsdogs").mkdir(parents=True, exist_ok=True)
    for photo in sorted((data / "catsdogs").glob("*.jpg")):
        copy = place / "catsdogs" / photo.name
        if not copy.exists():
            with Image.open(photo) as opened:
                image = opened.convert("RGB")
            factor = SIDE / min(image.size)
            image = image.resize(
                [round(side * factor) for side in image.size],
                Image.Resampling.BOX if factor < 0.5 else Image.Resampling.BICUBIC,
            )
            image.save(copy, quality=95)
    return place


def listed(path: Path, photos: tuple[Path, ...]) -> Path:
    """A manifest of the photos."""
    path.write_text("path\n" + "".join(f"{photo}\n" for photo in photos))
    return path


def answered(path: Path, rows: list[dict], made: Classifier) -> Path:
    """The rows with what the classifier says of each image, as a table beside which its paths are."""
    if not hasattr(answered, "session") or answered.session[0] != made.path:
        answered.session = (made.path, onnxruntime.InferenceSession(str(made.path)))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*rows[0], *(f"p_{name}" for name in CLASSES)])
        table.writeheader()
        for start in range(0, len(rows), 64):
            part = rows[start : start + 64]
            pixels = np.stack([prepared(path.parent / row["path"]) for row in part])
            (logits,) = answered.session[1].run(None, {"images": pixels})
            p = np.exp(logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
            p /= p.sum(axis=1, keepdims=True)
            for row, one in zip(part, p, strict=True):
                table.writerow(
                    {**row, **{f"p_{name}": repr(float(v)) for name, v in zip(CLASSES, one, strict=True)}}
                )
    return path


def written(photos: tuple[Path, ...], folder: Path, severity: int) -> Path:
    """The day's photos as lossless files, pixelated or, at severity 0, as they are."""
    folder.mkdir(exist_ok=True)
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        if severity:
            image = Pixelate()(image, severity, np.random.default_rng(0))
        image.save(folder / f"{photo.stem}.png", compress_level=1)
    return folder


def right(answers: Path) -> float:
    """The true accuracy on the images of a table: their names hold the right class."""
    with answers.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return float(
        np.mean(
            [
                max(CLASSES, key=lambda name: float(row[f"p_{name}"])) == CLASSES[label(Path(row["path"]))]
                for row in rows
            ]
        )
    )


def annotated(queue: Path, rng: np.random.Generator) -> list[Path]:
    """What three people would say of the queue's images."""
    with (queue / "queue.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = []
    for name, wrong in ANNOTATORS.items():
        files.append(queue.parent / f"labels-{name}.csv")
        with files[-1].open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["item", "annotator", "label"])
            for row in rows:
                true = label(Path(row["image"]))
                table.writerow([row["item"], name, CLASSES[true if rng.random() >= wrong else 1 - true]])
    return files


# ---------------------------------------------------------------- what is printed


def table(days: list[Day]) -> None:
    """A line a day."""
    print(
        "| day | images | batch gate: p, exit | sequence: exit | truth | estimated, shares free | shares fixed | as labelled |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for day in days:
        what = "pixelated" if day.number >= FIRST else "good"
        free, fixed = (
            f"{between(one['accuracy_of_these'])} {one['verdict']}" for one in (day.free, day.fixed)
        )
        print(
            f"| {day.number} | {what} | {day.p:.4f}, {day.batch} | {'–' if day.sequence is None else day.sequence} | {100 * day.truth:.0f} | {free} | {fixed} "
            f"| {between(day.labelled)} |",
            flush=True,
        )


def between(found: dict) -> str:
    """`71 (64-78)`."""
    return f"{100 * found['value']:.0f} ({100 * found['low']:.0f}-{100 * found['high']:.0f})"


def together(told: list[Day]) -> None:
    """Over all seeds: how far off, and how often an interval holds the truth; good days and pixelated ones apart."""
    print(
        "\n| days | n | truth, mean (range) | | mean error | mean absolute error | intervals that hold the truth | mean width |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for what, some in (
        ("good", [d for d in told if d.number < FIRST]),
        ("pixelated", [d for d in told if d.number >= FIRST]),
    ):
        truth = np.array([day.truth for day in some])
        for name, found in (
            ("estimated, shares free", [day.free["accuracy_of_these"] for day in some]),
            ("estimated, shares fixed", [day.fixed["accuracy_of_these"] for day in some]),
            ("as labelled", [day.labelled for day in some]),
        ):
            value, low, high = (np.array([one[key] for one in found]) for key in ("value", "low", "high"))
            off, held = 100 * (value - truth), (low <= truth) & (truth <= high)
            print(
                f"| {what} | {len(some)} | {100 * truth.mean():.0f} ({100 * truth.min():.0f}-{100 * truth.max():.0f}) | {name} | {off.mean():+.1f} "
                f"| {np.abs(off).mean():.1f} | {held.sum()} of {len(held)} | {100 * (high - low).mean():.0f} |"
            )
        alarms = sum(day.free["alarm"] for day in some)
        print(f"| {what} | | | harm test (alpha 0.05) | {alarms} of {len(some)} alarm | | | |")
        for name, found in (
            ("free", [d.free["verdict"] for d in some]),
            ("fixed", [d.fixed["verdict"] for d in some]),
        ):
            print(
                f"| {what} | | | verdicts, shares {name} | {', '.join(f'{found.count(one)} {one}' for one in sorted(set(found)))} | | | |"
            )


if __name__ == "__main__":
    main()
