"""Features for head_to_head.py: images through driftcli's own Reader, clean and corrupted, once.

F is fixed for each data set (autoencoder and detectors learn from it); C and batches come from the rest.
"""

from __future__ import annotations

import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from _lab import RUNTIME, Fit, Lab, Photos
from _matches import Data
from PIL import Image

from driftcli.config.settings import Settings
from driftcli.core.images import Corrupted, Entry, FileFacts
from driftcli.reading.reader import Reader

KEPT = {"hymenoptera": (130, 267), "catsdogs": (400, 400), "cifar10": (400, 450), "sample": (300, 400)}
"""Images of F, and of the rest."""
SMALL = {"side": 64, "resize": 64, "crop": "none"}
"""CIFAR-10's 32-pixel images are shown to the network at 64 pixels, not 224."""


def settings(data: Data, preprocessing: int = 2) -> Settings:
    base = Settings()
    base = base.model_copy(update={"decode": replace(base.decode, version=preprocessing)})
    if data.name != "cifar10":
        return base
    small = replace(base.extractors.embedding, **SMALL)
    return base.model_copy(update={"extractors": base.extractors.model_copy(update={"embedding": small})})


def chosen(data: Data, folder: Path) -> list[Entry]:
    """F's images and the rest, in random order (seed 0)."""
    if data.name == "cifar10":
        with zipfile.ZipFile(folder / "cifar10" / "test.zip") as archive:
            names = sorted(n for n in archive.namelist() if n.endswith((".jpg", ".png")))
            picked = _some(names, sum(KEPT[data.name]))
            return [Entry(name, data=archive.read(name)) for name in picked]
    if data.name == "sample":
        return list(_drawn(data))
    files = sorted(f for f in (folder / data.name).rglob("*") if f.suffix.lower() in {".jpg", ".jpeg"})
    names = [f.relative_to(folder / data.name).as_posix() for f in files]
    if data.name == "hymenoptera" and len(names) != sum(KEPT[data.name]):
        print(f"hymenoptera: {len(names)} photos, {sum(KEPT[data.name])} expected", file=sys.stderr)
    picked = _some(names, sum(KEPT[data.name]))
    return [Entry(name, path=str(folder / data.name / name)) for name in picked]


def _some(names: Sequence[str], count: int) -> list[str]:
    return [names[i] for i in np.random.default_rng(0).permutation(len(names))[:count]]


def _drawn(data: Data) -> Iterator[Entry]:
    """Sample images of one good camera: class in the name, since the mix of parts is what changes."""
    from driftcli.simulation.sample.days import Folder, photo

    images = sum(KEPT[data.name])
    source = Folder("good", images, "2026-01-05")
    for i in np.random.default_rng(0).permutation(images):
        taken = photo(source, int(i), 0)
        yield Entry(f"{taken.label}/{i:04d}.jpg", data=taken.data)


def write(data: Data, folder: Path, cache: Path, preprocessing: int = 2) -> None:
    """All views as one .npz beside the trials' records; every state read is kept until then."""
    entries = chosen(data, folder)
    facts = [_facts(entry) for entry in entries[: KEPT[data.name][0]]]
    lab = Lab.open(settings(data, preprocessing), facts)
    rest = KEPT[data.name][0]
    learnt, fit = _learnt(lab, data, entries[:rest], cache)
    arrays = _named("F", fit, learnt)
    for state in ("clean", *data.states):
        photos = _read(lab, data, entries[rest:], state, cache)
        if state == "clean":
            arrays["in_group"] = np.array([any(g in n for g in data.group) for n in photos.names])
            arrays["names"] = np.array(photos.names)
        arrays |= _named(state, fit, photos)
    np.savez(cache / f"{data.name}.npz", **arrays)


def _learnt(lab: Lab, data: Data, entries: Sequence[Entry], cache: Path) -> tuple[Photos, Fit]:
    photos = _read(lab, data, entries, "F", cache)
    return photos, lab.fit(photos, np.arange(len(photos)), 0)


def refit(data: Data, folder: Path, cache: Path) -> Fit:
    """The detectors' states again: fitting is seeded, and the images are at hand."""
    entries = chosen(data, folder)[: KEPT[data.name][0]]
    lab = Lab.open(settings(data), [_facts(entry) for entry in entries])
    return _learnt(lab, data, entries, cache)[1]


def _named(state: str, fit: Fit, photos: Photos) -> dict[str, np.ndarray]:
    views = fit.views(photos, np.arange(len(photos)))
    found = {f"{state}/{view}": x for view, x in views.items()}
    return {**found, f"{state}/pixels": photos.prepared}


def _read(lab: Lab, data: Data, entries: Sequence[Entry], state: str, cache: Path) -> Photos:
    """The images in the order of `entries`."""
    target = cache / "read" / f"{data.name}-{state.replace(':', '-')}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file():
        with np.load(target, allow_pickle=False) as kept:
            views = {k[5:]: kept[k] for k in kept.files if k.startswith("view/")}
            return Photos(views, kept["prepared"], tuple(kept["names"].tolist()))
    started = time.perf_counter()
    if ":" in state:
        name, severity = state.split(":")
        entries = [replace(entry, corruption=Corrupted(name, float(severity))) for entry in entries]
    with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
        reading = reader.read_entries(entries, 1_000_000, "reading")
    place = {name: i for i, name in enumerate(reading.features.names)}
    kept = [entry.name for entry in entries if entry.name in place]
    if len(kept) != len(entries):
        sys.exit(f"{data.name} {state}: {len(entries) - len(kept)} images were not read: {reading.ledger}")
    order = np.array([place[name] for name in kept])
    views = {k: x[order] for k, x in reading.features.views.items()}
    found = Photos(views, reading.prepared["autoencoder"][order], tuple(kept))
    np.savez(
        target,
        names=np.array(found.names),
        prepared=found.prepared,
        **{f"view/{k}": x for k, x in found.views.items()},
    )
    rate = len(kept) / (time.perf_counter() - started)
    print(f"{data.name} {state}: {len(kept)} images, {rate:.0f} a second", file=sys.stderr, flush=True)
    return found


def _facts(entry: Entry) -> FileFacts:
    """What `resolve` needs to know of an image of F: its size and mode."""
    import io

    with Image.open(io.BytesIO(entry.data) if entry.path is None else entry.path) as image:
        return FileFacts(*image.size, bytes=0, format="JPEG", mode=image.mode, grey=False)
