"""Images that an autoencoder rebuilds too well: our two-sided family beside a one-sided test of the mean error.

python tests/benchmarks/autoencoder_pitfalls.py [--fits 3] [--trials 50] [--json FILE]

Cats and dogs (F = 500 photos, the rest 500) and MNIST (F = 1,000, the rest 1,000). Every fit deals F anew and
trains driftcli's default autoencoder on it; every trial deals C (300) and a batch of 20 from the rest. Drifts:
blurred (corruption gaussian_blur, severity 3 for photos, 5 for digits), black, constant (every image its own
mean colour), simpler (photos: the middle 16 x 16 of the 64 pixels, enlarged; digits: only ones).

The one-sided test is that of DataEval's DriftReconstruction, read in its source (1.1.4):
z = (mean batch error - mean baseline error) / (sd of baseline / sqrt(min(n, 75))), alarm where
1 - Phi(z) < 0.05; its baseline is the images it was trained on; beside it the same test with C as baseline.
Errors are mean squared errors of the same autoencoder. Ours: family `reconstruction` against C alone,
p <= 0.05, 999 permutations. `rebuilt better`: share of the drifted images with an error below C's median.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
from _lab import RUNTIME, Fit, Lab, Photos, data_folder, machine, wilson
from PIL import Image

from driftcli.config.settings import Settings
from driftcli.core.images import Corrupted, Entry, FileFacts
from driftcli.extractors._errors import FLOOR
from driftcli.reading.entries import entries_of
from driftcli.reading.reader import Reader

ALPHA, BATCH, HELD_OUT = 0.05, 20, 300
SETS = {"catsdogs": (500, 500, 3), "mnist": (1000, 1000, 5)}
"""Images of F, of the rest, and the blur's severity."""
KINDS = ("clean", "blurred", "black", "constant", "simpler")
TESTS = ("ours, two-sided", "one-sided z, held-out baseline", "one-sided z, training images as baseline")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--fits", type=int, default=3)
    parser.add_argument("--trials", type=int, default=50, help="for each fit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    trials = given.fits * given.trials
    print(
        f"Batches of {BATCH}, alpha {ALPHA}, {trials} trials ({given.fits} fits); {machine()}; seed {given.seed}"
    )
    print(
        "\n| data | images | rebuilt better | "
        + " | ".join(TESTS)
        + " |\n|---|---|---|"
        + "---|" * len(TESTS)
    )
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in given.sets.split(","):
        lab, states, is_one = read(name, data_folder(given.data))
        hits, better = run(name, lab, states, is_one, given)
        results[name] = {}
        for kind in KINDS:
            rates = {t: hits[kind, t] / trials for t in TESTS}
            results[name][kind] = {**rates, "rebuilt better": better[kind] / trials}
            shown = [f"{hits[kind, t] / trials:.3f} ({wilson(hits[kind, t], trials)})" for t in TESTS]
            print(
                f"| {name} | {kind} | {better[kind] / trials:.2f} | " + " | ".join(shown) + " |", flush=True
            )
    if given.json is not None:
        given.json.write_text(json.dumps({"trials": trials, "seed": given.seed, "rates": results}, indent=1))


def read(name: str, folder: Path) -> tuple[Lab, dict[str, Photos], np.ndarray]:
    """Prepared images of every kind, row for row: only F's shuffle differs between fits."""
    size = sum(SETS[name][:2])
    source = folder / "catsdogs" if name == "catsdogs" else folder / "mnist" / "test.zip"
    base = Settings()
    extractors = base.extractors.model_copy(update={"methods": ("autoencoder",)})
    base = base.model_copy(update={"extractors": extractors})
    entries = [e for e in entries_of([str(source)], base) if isinstance(e, Entry)]
    entries = [entries[i] for i in np.random.default_rng(0).permutation(len(entries))[:size]]
    grey, side = name == "mnist", 28 if name == "mnist" else 375
    facts = [FileFacts(side, side, bytes=0, format="", mode="L" if grey else "RGB", grey=grey)]
    lab = Lab.open(base, facts)
    clean = prepared(lab, entries)
    blur = Corrupted("gaussian_blur", SETS[name][2])
    blurred = prepared(lab, [replace(entry, corruption=blur) for entry in entries])
    flat = np.broadcast_to(clean.mean(axis=(1, 2), keepdims=True).round().astype("u1"), clean.shape)
    found = {"clean": clean, "blurred": blurred, "black": np.zeros_like(clean), "constant": flat}
    is_one = np.array(["!1/" in entry.name for entry in entries])
    found["simpler"] = clean if grey else np.stack([enlarged(image) for image in clean])
    names = tuple(entry.name for entry in entries)
    return lab, {kind: Photos({}, images, names) for kind, images in found.items()}, is_one


def prepared(lab: Lab, entries: list[Entry]) -> np.ndarray:
    """uint8 [n, s, s, c] in the order of `entries`."""
    with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
        reading = reader.read_entries(entries, len(entries), "reading")
    place = {name: i for i, name in enumerate(reading.features.names)}
    return reading.prepared["autoencoder"][[place[entry.name] for entry in entries]]


def enlarged(image: np.ndarray) -> np.ndarray:
    """The middle quarter of the side, at full size."""
    side = len(image)
    box = (3 * side // 8, 3 * side // 8, 5 * side // 8, 5 * side // 8)
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC, box=box))


def run(
    name: str, lab: Lab, states: Mapping[str, Photos], is_one: np.ndarray, given: argparse.Namespace
) -> tuple[dict[tuple[str, str], int], dict[str, float]]:
    """Alarms of each test on each kind of batch, and how often images were rebuilt better than usual."""
    hits = {(kind, test): 0 for kind in KINDS for test in TESTS}
    better = dict.fromkeys(KINDS, 0.0)
    for turn in range(given.fits):
        rng = np.random.default_rng([given.seed, turn])
        order = rng.permutation(len(is_one))
        learnt, rest = order[: SETS[name][0]], order[SETS[name][0] :]
        fit = lab.fit(states["clean"], learnt, turn)
        views = {kind: fit.views(photos, rest) for kind, photos in states.items()}
        trained = np.random.default_rng(turn).permutation(len(learnt))  # as Autoencoder.fit divides F
        trained = trained[int(len(learnt) * lab.extractors["autoencoder"].validation) :]
        training = squared(fit.views(states["clean"], learnt[trained]))
        for trial in range(given.trials):
            for kind in KINDS:
                dealt = rng.permutation(len(rest))
                c, y = dealt[:HELD_OUT], dealt[HELD_OUT:]
                if kind == "simpler" and name == "mnist":
                    y = y[is_one[rest[y]]]
                held_out = {view: x[c] for view, x in views["clean"].items()}
                batch = {view: x[y[:BATCH]] for view, x in views[kind].items()}
                p = decisions(fit, held_out, batch, training, trial)
                for test, value in zip(TESTS, p, strict=True):
                    hits[kind, test] += value <= ALPHA
                better[kind] += float((squared(batch) < np.median(squared(held_out))).mean())
        print(f"{name}: fit {turn + 1} of {given.fits}", file=sys.stderr, flush=True)
    return hits, better


def decisions(
    fit: Fit,
    held_out: Mapping[str, np.ndarray],
    batch: Mapping[str, np.ndarray],
    training: np.ndarray,
    seed: int,
) -> tuple[float, float, float]:
    """P of the three tests."""
    ours = fit.audit(held_out, batch, ALPHA, seed, only="reconstruction", permutations=999)
    return ours, one_sided(squared(held_out), squared(batch)), one_sided(training, squared(batch))


def squared(views: Mapping[str, np.ndarray]) -> np.ndarray:
    """Mean squared error of each image: the second column of view `error` is its logarithm."""
    return np.exp(views["error"][:, 1].astype(np.float64)) - FLOOR


def one_sided(baseline: np.ndarray, batch: np.ndarray) -> float:
    """DataEval's p."""
    z = (batch.mean() - baseline.mean()) / (baseline.std() / np.sqrt(min(len(batch), 75)))
    return 1 - NormalDist().cdf(float(z))


if __name__ == "__main__":
    main()
