"""What fifty labels say where images are chosen by driftcli's own correctness score, under corruptions that it has never seen.

    python tests/benchmarks/label_free_accuracy.py --data DATA --cache FOLDER ...      (once: it makes the cache)
    python tests/benchmarks/labels_by_correctness.py --data DATA --cache FOLDER [--draws 0:7] [--queues 20]

The same worlds, draws of C and corruption classes left out as there: `labels_for_accuracy.py` has a score that was calibrated on clean images alone, this one has seen
corruptions of other classes. Queues of 50 from 400 images of the rest (all of them where there are fewer) under every state of the class left out, and clean. By true drop of
accuracy: the score's mean against the truth (points), attainable, width in units of a random sample's (Wilson), the two divided, and the share of queues whose interval
holds the accuracy of their images. Prints Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import _label_free_cache as cached
import numpy as np
from _lab import data_folder, machine
from label_free_accuracy import BANDS, GOOD, KINDS, World

from driftcli.labelling import estimates, sampling

LABELS, IMAGES = 50, 400


def draw(world: World, number: int, queues: int) -> list[dict]:
    rng = np.random.default_rng(number)
    order = rng.permutation(len(world.arrays["label"]))
    good, rest = order[: GOOD[world.name]], order[GOOD[world.name] :]
    kind = KINDS[number % len(KINDS)]
    model = world.learnt(good, kind, number)
    states = [("clean", 0)] + [
        (name, severity)
        for name in cached.CORRUPTIONS[KINDS.index(kind)]
        for severity in cached.SEVERITIES
        if f"{name}:{severity}/logits" in world.arrays
    ]
    rows, clean = [], None
    for name, severity in states:
        batch = world.condition(name, severity, rest)
        score = model.correctness(model.signs(batch))
        right = (batch.predictions.predicted == batch.predictions.label).astype(float)
        clean = right.mean() if clean is None else clean
        rows += [
            {"drop": 100 * (clean - right.mean()), **one_queue(score, right, rng)} for _ in range(queues)
        ]
    return rows


def one_queue(score, right, rng) -> dict:
    at = rng.choice(len(right), min(IMAGES, len(right)), replace=False)
    known, y = np.clip(score[at], 1e-4, 1 - 1e-4), right[at]
    made = sampling.draw(LABELS, -known, np.zeros(len(at), np.int64), rng, correctness=known)
    found = estimates.difference(y[made.taken], made.taken, made.probability, known)
    low, high = estimates.wilson(y[rng.choice(len(at), LABELS, replace=False)].mean(), LABELS)
    return {
        "accuracy": y.mean(),
        "off": 100 * (known.mean() - y.mean()),
        "attainable": sampling.attainable(known),
        "worst": np.sqrt(LABELS * (1 / made.probability - 1).sum()) / len(at),
        "plain": high - low,
        "width": found.high - found.low,
        "held": found.low <= y.mean() <= found.high,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--draws", default="0:7")
    parser.add_argument("--queues", type=int, default=20)
    asked = parser.parse_args()
    first, last = map(int, asked.draws.split(":"))
    print(f"{machine()}; draws {asked.draws}, {asked.queues} queues a state and draw")
    for name in GOOD:
        world = World.open(name, data_folder(asked.data), asked.cache)
        rows = [row for number in range(first, last) for row in draw(world, number, asked.queues)]
        print(f"\n{name}: {len(rows)} queues of {LABELS} labels\n")
        print(
            "| true drop | queues | accuracy | score off | attainable | at worst | width | width / attainable | cover |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for least, most in BANDS:
            inside = [row for row in rows if least <= row["drop"] < most]
            if not inside:
                continue
            mean = {key: np.mean([row[key] for row in inside]) for key in inside[0]}
            width = mean["width"] / mean["plain"]
            print(
                f"| {max(least, 0)} to {most} | {len(inside)} | {mean['accuracy']:.3f} | {mean['off']:+.1f} | {mean['attainable']:.2f} | {mean['worst']:.2f} | "
                f"**{width:.2f}** | {width / mean['attainable']:.2f} | {mean['held']:.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
