"""Images that the reference knows, in a batch: of the fit set, copies of held-out ones, and motifs that good images repeat.

    python tests/benchmarks/seen_images.py [--data DRIFTCLI_DATA] [--trials 40]

F = 400, C = 400, default methods; CIFAR-10 where there is data, else drawn images. "before" tests what comes, "after" what
`gate/overlap.py` leaves; 399 relabellings. "hidden drift": 6 of the new images are mirrored top to bottom and darkened.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from _lab import RUNTIME, Lab, binomial_bound
from PIL import Image, ImageOps

from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.images import Entry, Ledger
from driftcli.gate import overlap
from driftcli.gate.batch_test import run_gate
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline, Reference
from driftcli.reference.seen import Seen
from driftcli.simulation.sample.cameras import HEALTHY, expose
from driftcli.simulation.sample.days import USUAL
from driftcli.simulation.sample.scene import view

FIT, POOL, DRIFTED = 400, 1200, 60
SETTINGS = Settings.model_validate({"gate": {"alpha": 0.05, "permutations": 399}})


def pictures(data: Path | None) -> Iterator[Image.Image]:
    rng = np.random.default_rng(0)
    if data is None:
        while True:
            yield expose(view("ABC"[int(rng.choice(3, p=USUAL))], 0, rng), rng, HEALTHY)
    with zipfile.ZipFile(data / "cifar10" / "test.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        for i in rng.permutation(len(names)):
            yield Image.open(io.BytesIO(archive.read(names[i]))).convert("RGB")


def entries(data: Path | None) -> Iterator[Entry]:
    source = pictures(data)
    for i in range(FIT + POOL + DRIFTED):
        image = next(source)
        if i >= FIT + POOL:
            image = ImageOps.flip(image).point(lambda value: value * 0.6)
        stored = io.BytesIO()
        image.save(stored, "PNG")
        yield Entry(f"{i:05d}.png", data=stored.getvalue())


def read(data: Path | None) -> tuple[tuple, Features]:
    """Families fitted on F, and all images by number."""
    settings = Settings()
    if data is not None:
        small = replace(settings.extractors.embedding, side=64, resize=64, crop="none")
        settings = settings.model_copy(
            update={"extractors": settings.extractors.model_copy(update={"embedding": small})}
        )
    lab = Lab.open(settings)
    with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
        reading = reader.read_entries(list(entries(data)), 10_000, "reading")
    order = np.argsort(reading.features.names)
    from _lab import Photos

    photos = Photos(
        {k: v[order] for k, v in reading.features.views.items()}, reading.prepared["autoencoder"][order], ()
    )
    fit = lab.fit(photos, np.arange(FIT), 0)
    features = replace(reading.features.at(order), views=fit.views(photos, np.arange(len(order))))
    return tuple(f for f in fit.families if f.gate == "on"), features


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("DRIFTCLI_DATA"))
    parser.add_argument("--trials", type=int, default=40)
    asked = parser.parse_args()
    families, images = read(asked.data)
    reference = Reference(SETTINGS, {}, {}, {}, Seen.of(images.at(np.arange(FIT))), {}, {}, {}, {})
    alarms: dict[str, np.ndarray] = {}
    for trial in range(asked.trials):
        rng = np.random.default_rng(trial)
        order = FIT + rng.permutation(POOL)
        held, fresh = order[:400], order[400:475]
        copies, motif = rng.permutation(held)[:25], order[-1]
        bad = FIT + POOL + rng.permutation(DRIFTED)[:6]

        def often(rows: np.ndarray, rng: np.random.Generator = rng, motif: int = motif) -> np.ndarray:
            return np.where(rng.random(len(rows)) < 0.2, motif, rows)

        cases = {
            "75 new good images": (held, fresh),
            "75 new good images, 25 of the fit set": (held, np.append(fresh, rng.permutation(FIT)[:25])),
            "75 new good images, 25 copies of held-out ones": (held, np.append(fresh, copies)),
            "hidden drift: 6 of 75 new images, 25 copies of held-out ones": (
                held,
                np.r_[fresh[:69], bad, copies],
            ),
            "a fifth of C and of 100 images is one motif": (often(held), often(order[400:500])),
        }
        for name, (c, y) in cases.items():
            counted = alarms.setdefault(name, np.zeros(2, int))
            good, batch = (images.at(rows) for rows in (c, np.sort(y)))
            batch = batch.at(np.argsort(batch.content, kind="stable"))
            whole = Reading(
                batch, Ledger(len(y), len(y), {}, {}, 0), (), 0.0, batch.content, np.sort(batch.pixels)
            )
            baseline = Baseline("default", good, families, {}, {}, {"digest": str(trial)})
            left, _ = overlap.tested(reference, good, whole, None)
            p = [run_gate(SETTINGS, baseline, one).verdict.p_value for one in (whole, left)]
            counted += np.array(p) <= SETTINGS.gate.alpha
    bound = binomial_bound(asked.trials, SETTINGS.gate.alpha)
    print(
        f"{platform.machine()}, {asked.trials} trials, alpha {SETTINGS.gate.alpha}: at most {bound} alarms are chance"
    )
    print("| batch | alarms before | after |\n| --- | --- | --- |")
    for name, (old, new) in alarms.items():
        print(f"| {name} | {old} | {new} |")


if __name__ == "__main__":
    main()
