"""How often the diagnosis names what happened to a batch: every corruption, two at once, and natural drift.

nice python tests/benchmarks/diagnosis.py [--set catsdogs] [--images 100] [--batches 20] [--cache DIR]

F: a half of the photos; C: three tenths, baseline `default`, and one of each class alone; the rest is tested.
Batches of 50 are drawn from the tested photos under every corruption, severities 2 and 3. Those count in
which `properties` and `reconstruction` find drift at alpha 0.01 (jointly, 499 permutations): a batch which only
the network would find does not count. The network must confirm a likeness. Natural drift: batches of one class
against the baseline of the other; the network finds all of these, so all of them count. More natural drift:
natural_drift.py.
Prints Markdown. The cache makes it resumable: fitting, every corruption's features.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _lab import RUNTIME, data_folder, machine, wilson

from driftcli.audit import baseline, fit
from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core.evidence import Evidence
from driftcli.core.images import Corrupted, Entry
from driftcli.core.registry import kinds, load
from driftcli.explain.corruption import Likeness
from driftcli.reading.reader import Reader
from driftcli.reference.reference import Baseline, open_baseline, open_reference
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

ALPHA, SIZE, PERMUTATIONS, SEVERITIES = 0.01, 50, 499, (2, 3)
PAIRS = (
    ("gaussian_blur", "darken"), ("darken", "gaussian_noise"), ("colour_cast", "jpeg"), ("gaussian_blur", "colour_cast"),
    ("brighten", "gaussian_blur"), ("low_contrast", "gaussian_noise"), ("white_balance", "motion_blur"),
    ("fog", "jpeg"), ("crop", "darken"), ("defocus_blur", "saturation"),
)  # fmt: skip
CLASSES = {
    "catsdogs": lambda path: path.name.split(".")[0],
    "hymenoptera": lambda path: path.parent.name,
}
CLASS = {kind: str(load("corruptions", kind).belongs) for kind in kinds("corruptions")}
Views = dict[str, np.ndarray]


class Bench:
    """One set of photos, the artifact learnt from it, and the tested photos' features as they are asked for."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.cache = given.cache / f"{given.set}-{given.seed}"
        self.cache.mkdir(parents=True, exist_ok=True)
        folder = data_folder(given.data) / given.set
        photos = sorted(p for p in folder.rglob("*.jpg"))
        order = np.random.default_rng(given.seed).permutation(len(photos))
        photos = [photos[i] for i in order]
        half, most = len(photos) // 2, len(photos) * 8 // 10
        self.learnt, self.held, self.tested = photos[:half], photos[half:most], photos[most:]
        self.label = CLASSES[given.set]
        self.classes = sorted({self.label(p) for p in photos})
        self.images, self.batches = given.images, given.batches
        self.artifact = self._artifact(given.seed)
        found, self.reference = open_reference(str(self.artifact), Settings(), ())
        self.baseline = {n: open_baseline(found, self.reference, n, "") for n in ("default", *self.classes)}

    def _artifact(self, seed: int) -> Path:
        target = self.cache / "artifact"
        settings = Settings.model_validate(
            {
                "seed": seed,
                "extractors": {"methods": ("embedding", "autoencoder", "properties")},
                "fit": {"holdout": 0, "thumbnails": 0},
            }
        )
        if (target / "done").exists():
            return target
        fit.fit([self._list("fit", self.learnt)], target, Call(settings), force=True)
        for name in ("default", *self.classes):
            chosen = [p for p in self.held if name in {"default", self.label(p)}]
            baseline.baseline(target, [self._list(name, chosen)], Call(Settings()), name=name)
        (target / "done").touch()
        return target

    def _list(self, name: str, photos: Sequence[Path]) -> str:
        manifest = self.cache / f"{name}.txt"
        manifest.write_text("".join(f"{p.resolve()}\n" for p in photos), encoding="utf-8")
        return str(manifest)

    def views(self, name: str, photos: Sequence[Path], corruption: Corrupted | None = None) -> Views:
        """Features of the photos under one corruption, kept for the next run."""
        kept = self.cache / f"{name}.npz"
        if not kept.is_file():
            entries = [Entry(str(p), path=str(p), corruption=corruption) for p in photos]
            with Reader(
                self.reference.settings, self.reference.extractors, self.reference.states, RUNTIME
            ) as reader:
                found = reader.read_entries(entries, len(entries), name).features.views
            np.savez(kept, **{f"view-{k}": v for k, v in found.items()})
        return {k.removeprefix("view-"): v for k, v in np.load(kept).items()}

    def batch(self, views: Views, trial: int) -> Views:
        n = len(views["properties"])
        pick = np.random.default_rng([SIZE, trial]).permutation(n)[: min(SIZE, n)]
        return {k: v[pick] for k, v in views.items()}


def drifted(baseline: Baseline, batch: Views, trial: int) -> bool:
    """Whether properties and reconstruction find drift."""
    families = [f for f in baseline.families if f.name in {"properties", "reconstruction"}]
    clean = baseline.features.views
    n, m = len(clean["properties"]), len(batch["properties"])
    relabellings = draw(n, m, PERMUTATIONS, np.random.default_rng(trial))
    both = [(f, np.concatenate([clean[f.view], batch[f.view]])) for f in families]
    tables = [f.detector.values(f.state, x, relabellings, f.columns) for f, x in both]
    return minp.joint_p([Evidence("", table, ()) for table in tables]) <= ALPHA


def named(found: Likeness | None) -> str:
    """What is named first; "none"."""
    return found.parts[0].corruption if found is not None and found.fits else "none"


def singles(bench: Bench) -> None:
    """Table: class and kind named, by severity; confusion matrix."""
    library = bench.baseline["default"].library
    for severity in SEVERITIES:
        table: dict[str, Counter[str]] = defaultdict(Counter)
        mixed = total = 0
        off = []
        for kind in kinds("corruptions"):
            views = bench.views(
                f"{kind}-{severity}", bench.tested[: bench.images], Corrupted(kind, severity, 1)
            )
            for trial in range(bench.batches):
                batch = bench.batch(views, trial)
                if not drifted(bench.baseline["default"], batch, trial):
                    table[kind]["(not drifted)"] += 1
                    continue
                found = library.nearest(batch)
                table[kind][named(found)] += 1
                total += 1
                mixed += found is not None and found.fits and len(found.parts) > 1
                if named(found) == kind:
                    off.append(abs(found.parts[0].severity - severity))
        counted = {k: {n: c for n, c in row.items() if n[0] != "("} for k, row in table.items()}
        hits = [
            sum(c for k, row in counted.items() for n, c in row.items() if right(k, n)) for right in RIGHT
        ]
        print(f"\n### Severity {severity}: {total} drifted of {len(table) * bench.batches} batches\n")
        for what, hit in zip(("class", "kind"), hits, strict=True):
            print(f"- {what} named first: {hit / total:.3f} ({wilson(hit, total)})")
        print(f"- two named where there was one: {mixed / total:.3f}")
        print(f"- severity off by {np.mean(off):.2f} on average where the kind is right\n")
        print("| what happened | class | drifted | right class | named |\n| --- | --- | ---: | ---: | --- |")
        for kind, row in counted.items():
            n = sum(row.values())
            share = f"{sum(c for x, c in row.items() if CLASS.get(x) == CLASS[kind]) / n:.2f}" if n else "-"
            said = ", ".join(f"{x} {c}" for x, c in sorted(row.items(), key=lambda pair: (-pair[1], pair[0])))
            print(f"| {kind} | {CLASS[kind]} | {n} | {share} | {said} |")


RIGHT = (lambda kind, said: CLASS.get(said) == CLASS[kind], lambda kind, said: said == kind)


def pairs(bench: Bench) -> None:
    """Table: two corruptions at once."""
    library = bench.baseline["default"].library
    print("\n### Two at once\n")
    print("| what happened | severity | one of both classes first | both classes | both kinds |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for one, two in PAIRS:
        for severity in SEVERITIES:
            how = Corrupted(one, severity, 1, Corrupted(two, severity, 2))
            views = bench.views(f"{one}-{two}-{severity}", bench.tested[: bench.images], how)
            said = [library.nearest(bench.batch(views, trial)) for trial in range(bench.batches)]
            parts = [[p.corruption for p in x.parts] if x is not None and x.fits else [] for x in said]
            classes = {CLASS[one], CLASS[two]}
            first = np.mean([bool(x) and CLASS[x[0]] in classes for x in parts])
            both = np.mean([{CLASS[k] for k in x} == classes for x in parts])
            exact = np.mean([set(x) == {one, two} for x in parts])
            print(f"| {one}, then {two} | {severity} | {first:.2f} | {both:.2f} | {exact:.2f} |")


def natural(bench: Bench) -> None:
    """Lines: one class against the baseline of the other."""
    print("\n### Natural drift: no corruption named\n")
    for theirs in bench.classes:
        library = bench.baseline[theirs].library
        for ours in bench.classes:
            chosen = [p for p in bench.tested if bench.label(p) == ours]
            views = bench.views(f"clean-{ours}", chosen)
            said = [library.nearest(bench.batch(views, t)) for t in range(4 * bench.batches)]
            none = sum(named(x) == "none" for x in said)
            fired = np.mean(
                [drifted(bench.baseline[theirs], bench.batch(views, t), t) for t in range(bench.batches)]
            )
            common = Counter(named(x) for x in said if named(x) != "none").most_common(3)
            likeness = np.median([x.similarity for x in said if x is not None] or [np.nan])
            least = f"needs {library.least:.2f}"
            print(
                f"- {theirs} -> {ours}: {none / len(said):.3f} of {len(said)} batches (median similarity {likeness:.2f}, "
                f"{least}; properties and reconstruction fire in {fired:.2f}) {dict(common) or ''}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--set", default="catsdogs", choices=sorted(CLASSES))
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-diagnosis")
    given = parser.parse_args()
    bench = Bench(given)
    print(
        f"{given.set}: F {len(bench.learnt)}, C {len(bench.held)}, tested {len(bench.tested)} "
        f"({given.images} corrupted), batches of {SIZE}, seed {given.seed}; {machine()}"
    )
    natural(bench)
    pairs(bench)
    singles(bench)


if __name__ == "__main__":
    main()
