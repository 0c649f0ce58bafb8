"""Another mix, or other images: what `check` says of 90/10 cats and dogs, and of blurred ones.

python tests/benchmarks/composition.py [--trials 100] [--first 0] [--m 50]

Per trial: F of 300 and C of 400 photos, half cats and half dogs, a batch of 50 others, through the
same `run_gate` as the command; alpha 0.01, 1999 permutations. By labels as a manifest gives them, and by clusters of F.
Blurred: Gaussian blur severity 2. Columns are the readings of the report; `images` and `both`
are the two that it calls "images changed".
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from _lab import RUNTIME, Fit, Lab, Photos, data_folder, machine, wilson

from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.images import Corrupted, Entry, Ledger
from driftcli.gate import composition
from driftcli.gate.batch_test import Outcome, run_gate
from driftcli.reading.entries import entries_of
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reference import clusters
from driftcli.reference.reference import Baseline, Reference
from driftcli.reference.seen import Seen

SEVERITY = 2
KEY = "column:label"
READINGS = ("composition", "images", "both", "unclear", "none")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--m", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-composition")
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    lab = Lab.open(Settings.model_validate({"gate": {"permutations": 1999}}))
    source = str(data_folder(given.data) / "catsdogs")
    clean = lab.read(source, given.scratch / "clean.npz")
    blurred = read_blurred(lab, source, given.scratch / "blurred.npz")
    print(
        f"{given.trials} trials, batches of {given.m}, alpha {lab.settings.gate.alpha}; {machine()}; seed {given.seed}\n"
    )
    said: dict[tuple[str, str], Counter[str]] = {}
    for trial in range(given.first, given.first + given.trials):
        for where, outcome in audits(lab, clean, blurred, given, trial):
            said.setdefault(where, Counter())[outcome.composition.reading] += 1
        print(f"trial {trial + 1}: { ({w: dict(c) for w, c in said.items()}) }", file=sys.stderr)
    print_table(said, given.trials)


def read_blurred(lab: Lab, source: str, cache: Path) -> Photos:
    """The same photos, blurred by the decode workers."""
    if not cache.is_file():
        entries = [e for e in entries_of([source], lab.settings) if isinstance(e, Entry)]
        spoilt = [replace(e, corruption=Corrupted("gaussian_blur", SEVERITY)) for e in entries]
        with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
            reading = reader.read_entries(spoilt, 1_000_000, "blurring")
        arrays = {f"view/{k}": v for k, v in reading.features.views.items()}
        prepared = reading.prepared["autoencoder"]
        np.savez(cache, names=np.array(reading.features.names), prepared=prepared, **arrays)
    return lab.read(source, cache)


def audits(lab: Lab, clean: Photos, blurred: Photos, given: argparse.Namespace, trial: int):
    """((batch, by), outcome) of every batch of one trial."""
    rng = np.random.default_rng([given.seed, trial])
    label = np.array([Path(name).name[:3] for name in clean.names])
    cats, dogs = (rng.permutation(np.flatnonzero(label == kind)) for kind in ("cat", "dog"))
    learnt, held_out = (np.concatenate([cats[s], dogs[s]]) for s in (slice(150), slice(150, 350)))
    fit = lab.fit(clean, learnt, trial)
    centroids = clusters.learn(fit.views(clean, learnt), "auto", trial)
    m, most = given.m, round(0.9 * given.m)

    def some(cats_in_batch: int) -> np.ndarray:
        return np.concatenate([cats[350 : 350 + cats_in_batch], dogs[350 : 350 + m - cats_in_batch]])

    batches = {
        "clean 50/50": (clean, some(m // 2)),
        "clean 90/10": (clean, some(most)),
        "blurred 50/50": (blurred, some(m // 2)),
        "blurred 90/10": (blurred, some(most)),
    }
    c_features = features(fit, clean, held_out, label)
    families = tuple(
        replace(f, state={**f.state, **f.detector.calibrate(f.state, c_features.views[f.view])})
        for f in fit.families
    )
    for name, (photos, index) in batches.items():
        batch = features(fit, photos, index, label)
        for by in ("labels", "clusters"):
            facts = {"digest": f"{trial}", "stratify_by": KEY if by == "labels" else None}
            baseline = Baseline("default", c_features, families, {}, {}, facts)
            yield (name, by), audit(lab.settings, baseline, batch, centroids, by)


def features(fit: Fit, photos: Photos, index: np.ndarray, label: np.ndarray) -> Features:
    """As a reader would give them: sorted by a hash (of the name, which stands for the content)."""
    names = np.array(photos.names)
    hashes = np.array([hashlib.sha256(names[i].encode()).hexdigest().encode() for i in index], "S64")
    order = np.argsort(hashes)
    index, number = index[order], np.arange(len(index), dtype=np.uint64)
    views = fit.views(photos, index)
    return Features(tuple(names[index]), hashes[order], number, number, views, stratum=tuple(label[index]))


def audit(
    settings: Settings, baseline: Baseline, batch: Features, centroids: Mapping[str, np.ndarray], by: str
) -> Outcome:
    reference = Reference(settings, {}, {}, {}, Seen(np.zeros(0, np.uint64)), {}, {}, {}, centroids)
    batch = batch if by == "labels" else replace(batch, stratum=None)
    reading = Reading(batch, Ledger(len(batch), len(batch), {}, {}, 0), (), 0.0, batch.content, batch.pixels)
    mix = composition.mix_of(reference, baseline, batch)
    baseline, reading = composition.with_family(mix, settings, baseline, reading)
    return run_gate(settings, baseline, reading, mix)


def print_table(said: Mapping[tuple[str, str], Counter[str]], trials: int) -> None:
    print(f"| batch | by | {' | '.join(READINGS)} | the answer it should give | 95 % |\n|{'---|' * 9}")
    wanted = {"clean 50/50": ("none",), "clean 90/10": ("composition",)}
    for (name, by), counts in said.items():
        right = wanted.get(name, ("images", "both"))
        hits = sum(counts[reading] for reading in right)
        cells = " | ".join(f"{counts[reading] / trials:.2f}" for reading in READINGS)
        print(
            f"| {name} | {by} | {cells} | {' or '.join(right)}: {hits / trials:.2f} | {wilson(hits, trials)} |"
        )


if __name__ == "__main__":
    main()
