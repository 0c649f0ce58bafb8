"""`--model` on photos of cats and dogs: what it costs, and whether the estimated accuracy follows the true one.

    python tests/benchmarks/model_in_check.py --data DATA [--seeds 0:2] [--corrupted 60] [--scratch FOLDER]

For each seed a classifier learns from 300 photos (`cats_dogs_classifier.py`) and driftcli from 150 others; 300 more are the baseline, 250 more the
batch: as it is, and under corruptions written by `driftcli simulate`. Every step is a command line. CPU seconds, workers included, of `baseline` and of
`check` with and without `--model`, in turn, and their ratios. Truth: the share of right answers on the same 250 images, whose folders name the class.
The baseline has seen every kind of corruption on other images; severities 2 and 4 it has not. `label_free_accuracy.py` leaves kinds out.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
from _lab import data_folder, machine
from cats_dogs_classifier import CLASSES, export, label

FIT, GOOD, BATCH = 150, 300, 250
CONDITIONS = (
    ("clean", 0),
    ("gaussian_blur", 2),
    ("gaussian_blur", 4),
    ("gaussian_blur", 5),
    ("pixelate", 2),
    ("pixelate", 4),
    ("pixelate", 5),
    ("gaussian_noise", 4),
    ("darken", 4),
    ("jpeg", 4),
)
LABELS = ("--labels-from", "folder")


def cli(*argv: object) -> tuple[float, str]:
    """CPU seconds of a command and its processes, and what it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "driftcli", *map(str, argv)]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode not in {0, 1}:
        sys.exit(f"{' '.join(words)}: {ran.returncode}\n{ran.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ran.stdout


def put(photos: tuple[Path, ...], folder: Path) -> Path:
    """The photos in one folder a class."""
    for photo in photos:
        place = folder / CLASSES[label(photo)]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, place / photo.name)
    return folder


def one_seed(data: Path, seed: int, corrupted: int, root: Path) -> list[dict]:
    """A row a condition; the costs stand in the first."""
    made = export(data, root / "classifier.onnx", seed=seed)
    others = made.others
    fit = put(others[:FIT], root / "fit")
    good = put(others[FIT : FIT + GOOD], root / "good")
    batch = put(others[FIT + GOOD : FIT + GOOD + BATCH], root / "batch")
    quick = ("--detectable", "none", "-q")
    cli("fit", fit, "-o", root / "bare", "--holdout", 0, *quick)
    artifacts = [shutil.copytree(root / "bare", root / name) for name in ("plain", "model")]
    asked = ("--model", made.path, "--model-preset", "imagenet", *LABELS)
    size = ("--set", f"model.corrupted_images={corrupted}")
    costs = {"baseline": cli("baseline", artifacts[0], good, "-q")[0]}
    costs["baseline with model"] = cli("baseline", artifacts[1], good, *asked, *size, "-q")[0]
    costs["check"] = cli("check", artifacts[0], batch, "-f", "json")[0]
    costs["check with model"] = cli("check", artifacts[1], batch, "-f", "json")[0]
    rows = []
    for name, severity in CONDITIONS:
        shown = batch
        if severity:
            shown = root / f"{name}-{severity}"
            cli("simulate", batch, "-o", shown, "--corruption", name, "--severity", severity, "-q")
        found = json.loads(cli("check", artifacts[1], shown, *LABELS, "-f", "json")[1])
        harm, said = found["harm"], found["predictions"]
        rows.append(
            {
                "seed": seed,
                "condition": f"{name} {severity}" if severity else name,
                "p": found["gate"]["p_value"],
                "true": said["accuracy"],
                "estimate": harm["accuracy"],
                "these": harm["accuracy_of_these"],
                "baseline": harm["baseline_accuracy"],
                "verdict": harm["verdict"],
                "costs": costs if not rows else None,
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def tables(rows: list[dict]) -> None:
    """Costs, then a line a condition with all seeds."""
    costs = [row["costs"] for row in rows if row["costs"]]
    print("CPU seconds, workers included; a line a seed\n")
    print("| baseline | with --model | ratio | check | with --model | ratio |\n| - | - | - | - | - | - |")
    for c in costs:
        ratios = (c["baseline with model"] / c["baseline"], c["check with model"] / c["check"])
        told = (
            c["baseline"], c["baseline with model"], ratios[0], c["check"], c["check with model"], ratios[1],
        )  # fmt: skip
        print("| " + " | ".join(f"{x:.1f}" for x in told) + " |")
    print("\nAccuracy in percent, seeds side by side: true | estimated (95 % interval), verdict\n")
    errors, inside = [], []
    for condition in dict.fromkeys(row["condition"] for row in rows):
        cells = []
        for row in (row for row in rows if row["condition"] == condition):
            e, truth = row["estimate"], 100 * row["true"]
            low, value, high = (100 * e[key] for key in ("low", "value", "high"))
            errors.append(abs(value - truth))
            inside.append(100 * row["these"]["low"] <= truth <= 100 * row["these"]["high"])
            cells.append(f"{truth:.0f} | {value:.0f} ({low:.0f} to {high:.0f}), {row['verdict']}")
        print(f"| {condition} | " + " | ".join(cells) + " |")
    print(
        f"\nmean error {np.mean(errors):.1f} points, largest {max(errors):.1f}; true accuracy of these images inside its interval "
        f"{sum(inside)} of {len(inside)} times"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--seeds", default="0:2")
    parser.add_argument("--corrupted", type=int, default=60)
    parser.add_argument("--scratch", type=Path)
    given = parser.parse_args()
    first, end = map(int, given.seeds.split(":"))
    started, rows = time.perf_counter(), []
    for seed in range(first, end):
        with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
            rows += one_seed(data_folder(given.data), seed, given.corrupted, Path(folder))
    tables(rows)
    print(
        f"{machine()}; seeds {given.seeds}; {given.corrupted} corrupted images; baseline {GOOD}, batch {BATCH}; "
        f"{time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
