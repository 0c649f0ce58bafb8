"""Small defects on a third of a batch: found, and where? And what the family `local` costs when it is not needed.

python tests/benchmarks/local_defects.py [--references 5] [--batches 20] [--sets tiles,boards,...]
    [--strength 1] [--no-price] [--data FOLDER]

Defects (scratch, dirt, missing part, dent; each on at most 1 % of the area) are put on pictures that F and C
never saw: drawn stone tiles and circuit boards, the sample parts of `driftcli demo`, and real pictures (cats
and dogs, ants and bees, MNIST digits). Every reference draws a fresh F and C and learns everything anew; each
of its batches has 30 pictures, 10 of them damaged. Gates with and without `local` see the same pictures and
the same relabellings. The price is measured on cats and dogs with ordinary drift. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import torch
from _defects import KINDS, damage
from _lab import RUNTIME, Lab, data_folder, machine, wilson
from _surfaces import board, tile
from PIL import Image, ImageEnhance
from torch.nn import functional

from driftcli.config.settings import Settings
from driftcli.corruptions.gaussian_blur import GaussianBlur
from driftcli.extractors import _patches
from driftcli.reading.reader import Reader, extract_views
from driftcli.reference.reference import build_families
from driftcli.simulation.sample.days import FOLDERS, photo
from driftcli.stats import minp
from driftcli.stats.relabelling import draw

ALPHA, PERMUTATIONS, BATCH, BAD = 0.01, 999, 30, 10
LEARNING = ("autoencoder", "patches")
Picture = Callable[[], Image.Image]
Views = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Pool:
    """One folder as read: the frozen views, and what the learning extractors are given, in order of name."""

    views: Views
    prepared: Mapping[str, np.ndarray]

    def at(self, index: np.ndarray) -> Pool:
        return Pool(
            {k: x[index] for k, x in self.views.items()}, {k: x[index] for k, x in self.prepared.items()}
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--references", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--strength", type=float, default=1.0, help="0.3: defects at 30 % of their contrast")
    parser.add_argument("--price", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-local")
    given = parser.parse_args()
    remember_places()
    data, trials = data_folder(given.data), given.references * given.batches
    print(
        f"Alpha {ALPHA}, {BATCH} images of which {BAD} damaged (contrast x {given.strength:g}), {given.references} references x "
        f"{given.batches} batches, {PERMUTATIONS} permutations, seed {given.seed} ({machine()}).\n"
    )
    print("| pictures | F = C | `local` alone | gate with it | gate without | clean: with, without |", end="")
    print(f" peak on the defect | {' | '.join(KINDS)} |\n|{'---|' * (7 + len(KINDS))}", flush=True)
    for name in filter(None, given.sets.split(",")):
        defects(name, data, given, trials)
    if given.price:
        price(data, given)


# ---------------------------------------------------------------- pictures


def drawn(draw_one: Callable[[np.random.Generator], Image.Image], count: int) -> list[Picture]:
    return [partial(lambda i: draw_one(np.random.default_rng([11, i])), i) for i in range(count)]


def parts(_: Path) -> list[Picture]:
    """The sample images of good days."""
    places = [(folder, i) for folder in FOLDERS[:2] for i in range(folder.images)]
    return [partial(lambda f, i: Image.open(io.BytesIO(photo(f, i, 0).data)), *place) for place in places]


def photos(folder: Path, pattern: str) -> list[Picture]:
    files = [f for f in sorted(folder.glob(pattern)) if f.suffix.lower() in {".jpg", ".jpeg"}]
    order = np.random.default_rng(0).permutation(len(files))
    return [partial(Image.open, files[i]) for i in order]


def digits(data: Path) -> list[Picture]:
    with ZipFile(data / "mnist" / "test.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".png"))
        chosen = np.random.default_rng(0).permutation(len(names))[:900]
        return [partial(Image.open, io.BytesIO(archive.read(names[i]))) for i in chosen]


SETS: Mapping[str, tuple[Callable[[Path], list[Picture]], int]] = {
    "tiles": (lambda _: drawn(tile, 900), 300),
    "boards": (lambda _: drawn(board, 900), 300),
    "parts": (parts, 230),
    "catsdogs": (lambda data: photos(data / "catsdogs", "*"), 300),
    "hymenoptera": (lambda data: photos(data / "hymenoptera", "*/*/*"), 135),
    "mnist": (digits, 300),
}
"""By name: the pictures, and how many are in F and in C; batches come from the rest."""


def written(name: str, pictures: Sequence[Picture], folder: Path, change: Callable | None = None) -> Path:
    """The pictures as lossless files, changed or not: the change is the only difference."""
    target = folder / name
    if not (folder / f"{name}.done").exists():
        target.mkdir(parents=True, exist_ok=True)
        for i, picture in enumerate(pictures):
            image = picture().convert("RGB")
            image = image if change is None else change(image, i)
            image.save(target / f"{i:05}.png", compress_level=1)
        (folder / f"{name}.done").touch()
    return target


def damaged(folder: Path, strength: float, image: Image.Image, i: int) -> Image.Image:
    found = damage(image, KINDS[i % len(KINDS)], np.random.default_rng([7, i]), strength)
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(found.mask).save(folder / f"{i:05}.png")
    return found.image


def read(lab: Lab, source: Path, scratch: Path) -> Pool:
    """One folder through driftcli's own path, kept between runs."""
    kept = scratch / f"{source.name}.npz"
    if not kept.is_file():
        with Reader(lab.settings, lab.extractors, lab.states, RUNTIME) as reader:
            reading = reader.read([str(source)], 1_000_000, "reading")
        order = np.argsort([Path(n).stem for n in reading.features.names])
        views = {f"view/{k}": x[order] for k, x in reading.features.views.items()}
        np.savez(kept, **views, **{k: x[order] for k, x in reading.prepared.items()})
    with np.load(kept) as arrays:
        views = {k[5:]: arrays[k] for k in arrays.files if k.startswith("view/")}
        return Pool(views, {k: arrays[k] for k in LEARNING})


def remember_places() -> None:
    """The trunk sees every picture once: references differ in what they learn from its maps."""
    compute, known = _patches.PatchNetwork.places, {}

    def places(self: _patches.PatchNetwork, pixels: np.ndarray) -> torch.Tensor:
        keys = [hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in pixels]
        if not all(key in known for key in keys):
            known.update(zip(keys, compute(self, pixels), strict=True))
        return torch.stack([known[key] for key in keys])

    _patches.PatchNetwork.places = places
    forget.append(known.clear)


forget: list[Callable[[], None]] = []


# ---------------------------------------------------------------- trials


class Fitted:
    """A fresh F and C, and everything that they teach."""

    def __init__(self, lab: Lab, clean: Pool, size: int, seed: int) -> None:
        order = np.random.default_rng([seed, size]).permutation(2 * size)
        learnt, held_out = clean.at(np.sort(order[:size])), clean.at(np.sort(order[size:]))
        self.lab = lab
        self.states = dict(lab.states)
        for kind in LEARNING:
            self.states[kind] = lab.extractors[kind].fit(learnt.prepared[kind], seed, RUNTIME)
        views = self.views(learnt)
        self.families = [
            replace(f, state=f.detector.fit(views[f.view], f.columns, seed))
            for f in build_families(lab.settings, lab.extractors, {}, self.states)
            if f.gate == "on"
        ]
        self.held_out = self.views(held_out)

    def views(self, pool: Pool) -> dict[str, np.ndarray]:
        found = dict(pool.views)
        for kind in LEARNING:
            found |= extract_views(self.lab.extractors[kind], self.states[kind], pool.prepared[kind], RUNTIME)
        return found

    def audit(self, batch: Views, rng: np.random.Generator) -> dict[str, float]:
        """P-values of `local` alone and of the gate with and without it, under the same relabellings."""
        n, m = (len(side["local"]) for side in (self.held_out, batch))
        relabellings = draw(n, m, PERMUTATIONS, rng)
        values = {
            f.name: f.evidence(
                f.detector.values(
                    f.state,
                    np.concatenate([self.held_out[f.view], batch[f.view]]),
                    relabellings,
                    f.columns,
                )
            )
            for f in self.families
        }
        return {
            "local": minp.joint_p([values["local"]]),
            "with": minp.joint_p(list(values.values())),
            "without": minp.joint_p([v for name, v in values.items() if name != "local"]),
        }


def laboratory(pictures: Sequence[Picture]) -> Lab:
    methods = ("embedding", "autoencoder", "properties", "patches")
    settings = Settings.model_validate({"extractors": {"methods": methods}})
    lab = Lab.open(settings)
    small = min(min(picture().size) for picture in pictures[:20])
    known = lab.extractors["autoencoder"]
    return replace(
        lab, extractors={**lab.extractors, "autoencoder": replace(known, side=min(64, small), channels=3)}
    )


def defects(name: str, data: Path, given: argparse.Namespace, trials: int) -> None:
    """One row: detection rates with intervals, and where the maps' peaks lie."""
    make, size = SETS[name]
    pictures, scratch = make(data), given.scratch / name
    rest, lab = pictures[2 * size :], laboratory(pictures)
    clean = read(lab, written("clean", pictures, scratch), scratch)
    faint = "" if given.strength == 1 else f"-{given.strength:g}"
    masks = scratch / f"masks{faint}"
    change = partial(damaged, masks, given.strength)
    bad = read(lab, written(f"bad{faint}", rest, scratch, change), scratch)
    good = clean.at(np.arange(2 * size, len(pictures)))
    p: dict[str, list[float]] = {}
    peaks = []
    for seed in range(given.references):
        fitted = Fitted(lab, clean, size, 1000 * given.seed + seed)
        sides = {"good": fitted.views(good), "bad": fitted.views(bad)}
        patches = lab.extractors["patches"]
        maps = patches.heat_map(fitted.states["patches"], bad.prepared["patches"], RUNTIME)
        peaks.append(on_defect(maps, masks))
        for number in range(given.batches):
            rng = np.random.default_rng([given.seed, seed, number])
            chosen = rng.permutation(len(rest))[:BATCH]
            ill, well = chosen[:BAD], chosen[BAD:]
            batch = {k: np.concatenate([sides["bad"][k][ill], x[well]]) for k, x in sides["good"].items()}
            for gate_name, value in fitted.audit(batch, rng).items():
                p.setdefault(gate_name, []).append(value)
            null = {k: x[chosen] for k, x in sides["good"].items()}
            for gate_name, value in fitted.audit(null, rng).items():
                p.setdefault(f"clean {gate_name}", []).append(value)
        print(name, seed, {k: float((np.array(v) <= ALPHA).mean()) for k, v in p.items()}, file=sys.stderr)
    hits = {key: int((np.array(found) <= ALPHA).sum()) for key, found in p.items()}
    hit = np.concatenate(peaks)
    kind = np.tile(np.arange(len(rest)) % len(KINDS), given.references)
    cells = [name, str(size)]
    cells += [
        f"**{hits[key] / trials:.2f}** ({wilson(hits[key], trials)})" for key in ("local", "with", "without")
    ]
    cells.append(f"{hits['clean with'] / trials:.2f}, {hits['clean without'] / trials:.2f}")
    cells.append(f"{hit.mean():.2f} of {len(hit)}")
    cells += [f"{hit[kind == k].mean():.2f}" for k in range(len(KINDS))]
    print("| " + " | ".join(cells) + " |", flush=True)
    for clear in forget:
        clear()


def on_defect(maps: np.ndarray, masks: Path) -> np.ndarray:
    """[n]: the map's largest value lies in a place that the defect touches, or beside one."""
    grid = maps.shape[1]
    found = []
    for one, file in zip(maps, sorted(masks.iterdir()), strict=True):
        mask = torch.from_numpy(np.asarray(Image.open(file), np.float32))[None, None]
        large = functional.interpolate(mask, scale_factor=max(1, -(-grid // min(mask.shape[2:]))))
        near = functional.max_pool2d(functional.adaptive_max_pool2d(large, grid), 3, 1, 1)[0, 0]
        found.append(bool(near.reshape(-1)[int(one.argmax())] > 0))
    return np.array(found)


# ---------------------------------------------------------------- the price


def price(data: Path, given: argparse.Namespace) -> None:
    """The gate's power on ordinary drift of photos, with and without the family."""
    pictures, scratch, size = SETS["catsdogs"][0](data), given.scratch / "catsdogs", 300
    rest, lab = pictures[2 * size :], laboratory(pictures)
    clean = read(lab, written("clean", pictures, scratch), scratch)
    blur = GaussianBlur()
    changes = {
        "blur": lambda image, _: blur(image, 1, np.random.default_rng(0)),
        "bright": lambda image, _: ImageEnhance.Brightness(image).enhance(1.12),
    }
    pools = {
        name: read(lab, written(name, rest, scratch, change), scratch) for name, change in changes.items()
    }
    pools["good"] = clean.at(np.arange(2 * size, len(pictures)))
    is_cat = np.array([Path(p.args[0]).name.startswith("cat") for p in rest])
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(given.references):
        fitted = Fitted(lab, clean, size, 1000 * given.seed + seed)
        sides = {name: fitted.views(pool) for name, pool in pools.items()}
        for number in range(given.batches):
            rng = np.random.default_rng([given.seed, seed, number, 1])
            order = rng.permutation(len(rest))
            for title, (side, index) in conditions(order, is_cat).items():
                batch = {k: x[index] for k, x in sides[side].items()}
                if side == "blur" and "third" in title:
                    few = len(index) // 3
                    batch = {
                        k: np.concatenate([x[:few], sides["good"][k][index[few:]]]) for k, x in batch.items()
                    }
                found.setdefault(title, []).append(fitted.audit(batch, rng))
        print("price", seed, file=sys.stderr)
    print(
        "\n| ordinary drift of cats and dogs | gate with `local` | gate without | difference |\n|---|---|---|---|"
    )
    gaps = []
    for title, results in found.items():
        on, off = (np.array([r[key] <= ALPHA for r in results], float) for key in ("with", "without"))
        gaps.append(on - off)
        row = f"{on.mean():.2f} | {off.mean():.2f} | {gap(on - off)}"
        print(f"| {title} | {row} |")
    print(f"| mean | | | {gap(np.mean(gaps, axis=0))} |", flush=True)


def conditions(order: np.ndarray, is_cat: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
    """By title: which pool, and which of its pictures."""
    cats, dogs = order[is_cat[order]], order[~is_cat[order]]
    found = {}
    for m in (10, 30):
        found[f"blur severity 1, {m} images"] = ("blur", order[:m])
        found[f"blur severity 1 on a third of {m}"] = ("blur", order[:m])
        found[f"brightness x 1.12, {m} images"] = ("bright", order[:m])
        mixed = np.concatenate([cats[: round(0.7 * m)], dogs[: m - round(0.7 * m)]])
        found[f"70 % cats, {m} images"] = ("good", mixed)
    return found


def gap(differences: np.ndarray) -> str:
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return f"{differences.mean():+.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()
