"""How often natural drift is called a corruption, and how often a corruption is called by its name.

nice python tests/benchmarks/natural_drift.py [--worlds NAME ...] [--cache DIR] [--batches 30]

A world: good images of one kind (F learns, C calibrates, T is tested) and other images that no corruption made. Of T,
60 are read under every corruption, severities 2 and 3 (WITH_CORRUPTIONS only). Batches of 50 are drawn from the other images, from
T, and from T corrupted; those of T corrupted count in which `properties` and `reconstruction` find drift at alpha 0.01, as in
diagnosis.py. Limits were set on the worlds of CHOSEN before the others were read. Prints Markdown, each world both as it is and
without the network's confirmation. The cache makes it resumable.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from _lab import RUNTIME, data_folder, machine, wilson

from driftcli.calibration import corruption_library
from driftcli.calibration.fit_steps import completed, resolved, states_without_images
from driftcli.calibration.paired import Change, Simulated
from driftcli.config.settings import Settings
from driftcli.core.evidence import Evidence
from driftcli.core.features import Features
from driftcli.core.images import Corrupted, Entry
from driftcli.core.registry import kinds, load
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.explain import space
from driftcli.explain.corruption import Library
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.properties import Properties
from driftcli.reading.reader import Reader
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

SIZE, ALPHA, PERMUTATIONS, CORRUPTED, SEVERITIES = 50, 0.01, 499, 60, (2, 3)
CLASS = {kind: str(load("corruptions", kind).belongs) for kind in kinds("corruptions")}
CHOSEN = ("mnist>notmnist", "cifar:cat>dog")
REPORTED = (
    "cat>dog", "ants>bees", "cifar:automobile>truck", "cifar:airplane>ship", "cifar:deer>horse", "cifar:bird>frog",
    "cifar:dog>horse",
)  # fmt: skip
WITH_CORRUPTIONS = ("mnist>notmnist", "cat>dog", "cifar:cat>dog")
Views = dict[str, np.ndarray]


def photos(folder: Path, wanted: Callable[[Path], bool]) -> list[Entry]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg"} and wanted(p))
    return [Entry(str(p.relative_to(folder.parent)), path=str(p)) for p in found]


def zipped(path: Path, wanted: Callable[[str], bool]) -> list[Entry]:
    """Images of an archive; `wanted` is asked by their folder."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".png", ".jpg")))
        return [Entry(n, data=archive.read(n)) for n in names if wanted(n.split("/")[-2])]


def some(entries: list[Entry], count: int) -> list[Entry]:
    return [entries[i] for i in np.random.default_rng(0).permutation(len(entries))[:count]]


def images(data: Path, kind: str) -> list[Entry]:
    """Up to 800 of one kind."""
    if kind in {"cat", "dog"}:
        found = photos(data / "catsdogs", lambda p: p.name.startswith(kind))
    elif kind in {"ants", "bees"}:
        found = photos(data / "hymenoptera", lambda p: p.parent.name == kind)
    elif kind in {"mnist", "notmnist"}:
        found = zipped(data / kind / "test.zip", lambda _: True)
    elif kind in {"low", "high"}:
        found = zipped(data / "mnist" / "test.zip", lambda d: (int(d) < 5) == (kind == "low"))
    else:
        found = zipped(data / "cifar10" / "test.zip", lambda c: c == kind)
    return some(found, 800)


class World:
    """One kind of good images and another kind, read once."""

    def __init__(self, name: str, data: Path, cache: Path) -> None:
        self.name = name
        kept = cache / f"{name.replace('>', '-').replace(':', '-')}.npz"
        if not kept.is_file():
            np.savez(kept, **dict(self._read(data)))
        with np.load(kept) as stored:
            self.arrays = {key: stored[key] for key in stored.files}
        self.good, self.other, self.tested = (self.views(part) for part in ("C", "B", "T"))
        grey = self.good["error"].shape[1] < len(Autoencoder().columns("error"))
        self.columns = {
            "properties": Properties().columns("properties"),
            "error": Autoencoder(channels=1 if grey else 3).columns("error"),
        }
        self.library = self._library()
        detectors = {"properties": Univariate(), "error": Reconstruction()}
        self.families = [
            (view, d, d.fit(self.good[view], self.columns[view], 0), self.columns[view])
            for view, d in detectors.items()
        ]

    def views(self, part: str) -> Views:
        prefix = f"{part}/"
        return {
            k.removeprefix(prefix): x
            for k, x in self.arrays.items()
            if k.startswith(prefix) and k.count("/") == prefix.count("/")
        }

    def _read(self, data: Path) -> Iterator[tuple[str, np.ndarray]]:
        pair = self.name.removeprefix("cifar:").split(">")
        good, other = (images(data, kind) for kind in pair)
        first, tested = int(0.4 * len(good)), min(120, int(0.3 * len(good)))
        learnt, held, test = good[:first], good[first:-tested], good[-tested:]
        settings = Settings.model_validate({"workers": 1})
        extractors = resolved(iter(learnt), settings, completed(settings, RUNTIME))
        states = dict(states_without_images(extractors, 0, RUNTIME))
        with Reader(settings, extractors, states, RUNTIME) as reader:
            prepared = reader.read_entries(learnt, len(learnt), "F").prepared["autoencoder"]
        states["autoencoder"] = extractors["autoencoder"].fit(prepared, 0, RUNTIME)

        def read(entries: list[Entry], corruption: Corrupted | None = None) -> Features:
            wanted = [replace(entry, corruption=corruption) for entry in entries]
            return reader.read_entries(wanted, len(wanted), "reading").features

        with Reader(settings, extractors, states, RUNTIME) as reader:
            clean = read(held)
            parts = {"C": clean, "B": read(other[:250]), "T": read(test)}
            chosen = space.learn(clean.views, {v: extractors[k].columns(v) for v, k in QUICK.items()})
            rows = corruption_library.balanced(chosen(clean.views), corruption_library.MOST)
            names = {clean.names[i] for i in rows}
            few = [entry for entry in held if entry.name in names]
            for kind in kinds("corruptions"):
                for severity in SEVERITIES if self.name in WITH_CORRUPTIONS else ():
                    how = Corrupted(kind, severity, 1)
                    parts[f"X/{kind}:{severity:g}"] = _by_name(read(test[:CORRUPTED], how))
        for part, seen, count, severities in (
            ("L", set(QUICK.values()), corruption_library.MOST, corruption_library.SEVERITIES),
            ("N", {"embedding"}, corruption_library.SEEN_BY_NETWORK, corruption_library.CONFIRMED),
        ):
            narrow = {kind: e for kind, e in extractors.items() if kind in seen}
            with Reader(settings, narrow, states, RUNTIME) as reader:
                parts[f"{part}/clean"] = _by_name(read(few[:count]))
                for kind in kinds("corruptions"):
                    for severity in severities:
                        how = Corrupted(kind, severity, 0)
                        parts[f"{part}/{kind}:{severity:g}"] = _by_name(read(few[:count], how))
        for part, features in parts.items():
            yield from ((f"{part}/{view}", x) for view, x in features.views.items())

    def _library(self) -> Library:
        """As `corruption_library` makes it: a dozen images, and fewer of them for the network."""
        few = corruption_library.images_for(len(self.good["properties"]))
        learnt = space.learn(self.good, self.columns)
        features = Features((), np.zeros(0, "S64"), np.zeros(0, np.uint64), np.zeros(0, np.uint64), self.good)
        simulated = self._simulated("L", few, corruption_library.SEVERITIES)
        network = corruption_library.SEEN_BY_NETWORK, corruption_library.CONFIRMED
        by_network = self._simulated("N" if self.views("N/clean") else "L", *network)
        return corruption_library.learnt(learnt, features, simulated, by_network, 0)

    def _simulated(self, part: str, count: int, severities: tuple[float, ...]) -> Simulated:
        clean = {view: x[:count] for view, x in self.views(f"{part}/clean").items()}
        changed = {
            Change(kind, s): {view: x[:count] for view, x in self.views(f"{part}/{kind}:{s:g}").items()}
            for kind in CLASS
            for s in severities
        }
        empty = Features((), np.zeros(0, "S64"), np.zeros(0, np.uint64), np.zeros(0, np.uint64), clean)
        return Simulated(empty, changed)

    def batches(self, views: Views, count: int) -> Iterator[Views]:
        n = len(views["properties"])
        for trial in range(count):
            pick = np.random.default_rng([SIZE, trial]).permutation(n)[:SIZE]
            yield {view: x[pick] for view, x in views.items()}

    def drifted(self, batch: Views) -> bool:
        """Whether properties and reconstruction find drift."""
        n, m = len(self.good["properties"]), len(batch["properties"])
        rows = draw(n, m, PERMUTATIONS, np.random.default_rng(0))
        tables = [
            d.values(state, np.concatenate([self.good[view], batch[view]]), rows, columns)
            for view, d, state, columns in self.families
        ]
        return minp.joint_p([Evidence("", table, ()) for table in tables]) <= ALPHA


QUICK = {"properties": "properties", "error": "autoencoder"}


def _by_name(features: Features) -> Features:
    return features.at(np.argsort(np.array(features.names)))


def named(library: Library, batch: Views) -> str:
    """What is named first; "none"."""
    found = library.nearest(batch)
    return found.parts[0].corruption if found is not None and found.fits else "none"


def natural(world: World, count: int) -> tuple[int, int, int]:
    """Prints a row: of the other images called a corruption, with and without the confirmation, and of good ones."""
    alone = replace(world.library, confirmations=())
    told = [
        Counter(named(lib, b) for b in world.batches(world.other, count)) for lib in (world.library, alone)
    ]
    good = Counter(named(world.library, b) for b in world.batches(world.tested, count))
    wrong = [count - counter["none"] for counter in (*told, good)]
    said = {k: n for k, n in told[0].most_common(4) if k != "none"}
    print(f"| {world.name} | {wrong[0]} of {count} | {wrong[1]} | {wrong[2]} | {said or ''} |", flush=True)
    return wrong[0], wrong[1], wrong[2]


def real(world: World, count: int) -> None:
    """Prints the rows of a world's corruptions: right class, nothing, wrong class; with and without the confirmation."""
    for severity in SEVERITIES:
        rows: list[list[str]] = []
        confused: Counter[str] = Counter()
        for kind in CLASS:
            for batch in world.batches(world.views(f"X/{kind}:{severity:g}"), count):
                if world.drifted(batch):
                    said = [
                        named(lib, batch) for lib in (world.library, replace(world.library, confirmations=()))
                    ]
                    rows.append([_judged(kind, one) for one in said])
                    confused[f"{kind}: {said[0]}"] += _judged(kind, said[0]) != "right"
        for column, which in enumerate(("with", "without")):
            hits = Counter(row[column] for row in rows)
            n = len(rows)
            print(
                f"| {world.name} | {severity} | {which} | {n} | {hits['right'] / n:.3f} ({wilson(hits['right'], n)}) "
                f"| {hits['none'] / n:.3f} | {hits['wrong'] / n:.3f} |",
                flush=True,
            )
        print(f"<!-- {dict(confused.most_common(12))} -->", flush=True)


def _judged(kind: str, said: str) -> str:
    return "none" if said == "none" else "right" if CLASS[said] == CLASS[kind] else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--worlds", nargs="+", default=[*REPORTED, *CHOSEN])
    parser.add_argument("--batches", type=int, default=30)
    parser.add_argument("--trials", type=int, default=4, help="batches under each corruption")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-natural")
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    print(f"Batches of {SIZE}; {machine()}\n")
    print(
        "| world | called a corruption | without the network | of good images | which |\n| --- | --- | --- | --- | --- |"
    )
    worlds = {name: World(name, data_folder(given.data), given.cache) for name in given.worlds}
    for title, group in (("set on", CHOSEN), ("reported", REPORTED)):
        wrong = [natural(world, given.batches) for name, world in worlds.items() if name in group]
        total, n = np.array(wrong).reshape(-1, 3).sum(axis=0), given.batches * len(wrong)
        if n:
            print(
                f"| {title}, together | {total[0]} of {n} ({wilson(int(total[0]), n)}) | {total[1]} | {total[2]} | |"
            )
    print("\n| world | severity | confirmation | drifted | right class | named none | wrong class |")
    print("| --- | ---: | --- | ---: | --- | ---: | ---: |")
    for name, world in worlds.items():
        if name in WITH_CORRUPTIONS:
            real(world, given.trials)


if __name__ == "__main__":
    main()
