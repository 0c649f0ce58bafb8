"""Failing Loudly's images as driftcli's features, kept on disk, and the tests that are drawn from them.

One file for each image set, `{dataset}-{side}-{set}.npz`: `view/NAME` float32 [n, d], `label` [n] and
`index` [n], the row in the set's pool. Sets: `fit` (F), `source`, `clean` (the target pool), and shifted
versions of those target images that the runs use.
"""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from _failing_loudly_shifts import GEOMETRY, MAX_EPSILON, NOISE, attacked, moved, noisy
from _lab import RUNTIME, Lab
from PIL import Image

from driftcli.config.settings import Settings
from driftcli.core.images import FileFacts, Frame
from driftcli.reading.reader import extract_views

ARCHIVES = {"mnist": ("train.zip", "test.zip"), "cifar10": ("train-10k.zip", "test.zip")}
SIZES = {"mnist": (5_000, 10_000, 10_000), "cifar10": (3_000, 7_000, 10_000)}
"""Images of F, of the source pool and of the target pool. Train and test are shuffled together first, as the
paper's code does: otherwise the difference of train and test would count as drift."""
SHIFTED = (*NOISE, *GEOMETRY, "adversarial")
RUNS, LARGEST, SPARE = 5, 1000, 200
DELTAS = (0.1, 0.5, 1.0)
SHIFTS = (*NOISE, "adversarial", "knock_out", *GEOMETRY, "image_medium+knock_out", "only_zero+image_medium")
Views = Mapping[str, np.ndarray]


def settings_for(side: int) -> Settings:
    """All defaults, but for the side at which the pretrained network sees 28 or 32 pixels."""
    return Settings.model_validate(
        {"extractors": {"embedding": {"resize": side, "side": side, "crop": "none"}}}
    )


@dataclass(frozen=True)
class Pool:
    """uint8 [n, s, s, c] and class numbers [n]."""

    images: np.ndarray
    labels: np.ndarray


def pools(data: Path, dataset: str, seed: int = 0) -> dict[str, Pool]:
    """`fit`, `source` and `clean`: disjoint draws from train and test together."""
    members = []
    for archive in ARCHIVES[dataset]:
        path = data / dataset / archive
        with zipfile.ZipFile(path) as opened:
            members += [(path, n) for n in sorted(opened.namelist()) if n.endswith((".png", ".jpg"))]
    classes = {name: i for i, name in enumerate(sorted({n.split("/")[0] for _, n in members}))}
    order = np.random.default_rng(seed).permutation(len(members))[: sum(SIZES[dataset])]
    opened = {path: zipfile.ZipFile(path) for path, _ in members[:1] + members[-1:]}
    images = np.stack([_pixels(opened[members[i][0]].read(members[i][1])) for i in order])
    labels = np.array([classes[members[i][1].split("/")[0]] for i in order])
    ends = np.cumsum(SIZES[dataset])
    starts = ends - SIZES[dataset]
    names = ("fit", "source", "clean")
    return {n: Pool(images[a:b], labels[a:b]) for n, a, b in zip(names, starts, ends, strict=True)}


def _pixels(data: bytes) -> np.ndarray:
    image = np.asarray(Image.open(io.BytesIO(data)))
    return image.reshape(*image.shape[:2], -1)


def window(size: int, run: int, seed: int = 0) -> np.ndarray:
    """A pool's rows in the order of one run: runs start 1,000 images apart, so they share none."""
    return np.roll(np.random.default_rng(seed).permutation(size), -LARGEST * run)


def rows_of(name: str, labels: np.ndarray) -> np.ndarray:
    """Target rows whose version `name` some run needs, in the order of the runs."""
    order = window(len(labels), 0)
    if name == "clean":
        return np.arange(len(labels))
    if name != "image_medium":
        return order[: RUNS * LARGEST]
    later = order[RUNS * LARGEST + SPARE :]
    return np.concatenate([order[: RUNS * LARGEST + SPARE], later[labels[later] == 0]])


def shifted(name: str, dataset: str, found: Mapping[str, Pool]) -> Pool:
    """The target images of `rows_of` under one shift."""
    target, learnt = found["clean"], found["fit"]
    rows = rows_of(name, target.labels)
    images = target.images[rows]
    rng = np.random.default_rng([1, SHIFTED.index(name)])
    if name in NOISE:
        images = noisy(images, NOISE[name], rng)
    elif name in GEOMETRY:
        images = moved(images, GEOMETRY[name], rng)
    else:
        images, steps, accuracy = attacked(images, learnt.images, learnt.labels, MAX_EPSILON[dataset], 0)
        quantiles = np.quantile(steps, [0.1, 0.5, 0.9]).astype(int).tolist()
        print(
            f"{dataset}: attacked network, accuracy on F {accuracy:.2f}; steps (10, 50, 90 %) {quantiles} of 255, "
            f"{(steps == 0).mean():.1%} left clean",
            flush=True,
        )
    return Pool(images, target.labels[rows])


def extract(
    data: Path,
    folder: Path,
    dataset: str,
    side: int,
    only: Sequence[str] = ("fit", "source", "clean", *SHIFTED),
) -> None:
    """All sets of one dataset (or some), those that are there already left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [n for n in only if not _file(folder, dataset, side, n).exists()]
    if not wanted:
        return
    found = pools(data, dataset)
    grey = found["fit"].images.shape[3] == 1
    facts = [_facts(image, grey=grey) for image in found["fit"].images[:128]]
    lab = Lab.open(settings_for(side), facts)
    states = {**lab.states, "autoencoder": _autoencoder(lab, found["fit"], folder / f"{dataset}-ae.npz")}
    for name in wanted:
        pool = found[name] if name in found else shifted(name, dataset, found)
        index = np.arange(len(pool.labels)) if name in found else rows_of(name, found["clean"].labels)
        start = time.perf_counter()
        views = _views(lab, states, pool.images)
        speed = len(index) / (time.perf_counter() - start)
        arrays = {f"view/{k}": v for k, v in views.items() if k != "file"}
        path = _file(folder, dataset, side, name)
        np.savez(path.with_suffix(".part.npz"), label=pool.labels, index=index, **arrays)
        path.with_suffix(".part.npz").rename(path)
        print(
            f"{time.strftime('%X')} {dataset} {side} {name}: {len(index)} images, {speed:.0f}/s", flush=True
        )


def _file(folder: Path, dataset: str, side: int, name: str) -> Path:
    return folder / f"{dataset}-{side}-{name}.npz"


def _facts(image: np.ndarray, *, grey: bool) -> FileFacts:
    return FileFacts(image.shape[1], image.shape[0], image.size, "PNG", "L" if grey else "RGB", grey=grey)


def _prepared(lab: Lab, images: np.ndarray) -> dict[str, np.ndarray]:
    arrays: dict[str, list] = {kind: [] for kind in lab.extractors}
    grey = images.shape[3] == 1
    for image in images:
        picture = Image.fromarray(image[..., 0] if grey else image).convert("RGB")
        frame = Frame(picture, _facts(image, grey=grey))
        for kind, extractor in lab.extractors.items():
            arrays[kind].append(extractor.prepare(frame))
    return {kind: np.stack(found) for kind, found in arrays.items()}


def _views(lab: Lab, states: Mapping, images: np.ndarray, chunk: int = 512) -> dict[str, np.ndarray]:
    parts: dict[str, list] = {}
    for start in range(0, len(images), chunk):
        for kind, prepared in _prepared(lab, images[start : start + chunk]).items():
            for view, x in extract_views(lab.extractors[kind], states[kind], prepared, RUNTIME).items():
                parts.setdefault(view, []).append(x)
    return {view: np.concatenate(found) for view, found in parts.items()}


def _autoencoder(lab: Lab, learnt: Pool, file: Path) -> Mapping[str, np.ndarray]:
    """Fitted once on F, seed 0, default settings; kept."""
    if not file.exists():
        kind = lab.extractors["autoencoder"]
        only = Lab(lab.settings, {"autoencoder": kind}, {})
        np.savez(file, **kind.fit(_prepared(only, learnt.images)["autoencoder"], 0, RUNTIME))
    with np.load(file) as stored:
        return dict(stored)


# ---------------------------------------------------------------- the tests


@dataclass(frozen=True)
class Sets:
    """The features of one dataset at one side."""

    folder: Path
    dataset: str
    side: int

    @cache  # noqa: B019 - a few objects that live as long as the benchmark
    def stored(self, name: str) -> tuple[Views, np.ndarray, np.ndarray]:
        """Views, labels, and the position of every pool row (-1: not there)."""
        with np.load(_file(self.folder, self.dataset, self.side, name)) as kept:
            views = {k[5:]: kept[k] for k in kept.files if k.startswith("view/")}
            position = np.full(int(kept["index"].max()) + 1, -1)
            position[kept["index"]] = np.arange(len(kept["index"]))
            return views, kept["label"], position

    def mixed(self, rows: np.ndarray, altered: np.ndarray, name: str) -> Views:
        """Target images `rows`, in the version `name` where `altered`, else clean."""
        clean, version = self.stored("clean")[0], self.stored(name)
        out = {view: x[rows].copy() for view, x in clean.items()}
        chosen = version[2][rows[altered]]
        if (chosen < 0).any():
            raise IndexError(f"{name}: an image that no run was meant to need")
        for view, x in out.items():
            x[altered] = version[0][view][chosen]
        return out

    def source(self, n: int | None, run: int) -> Views:
        """The first n source images of a run; None: the whole pool."""
        views, labels, _ = self.stored("source")
        rows = np.arange(len(labels)) if n is None else window(len(labels), run)[:n]
        return {view: x[rows] for view, x in views.items()}

    def target(self, shift: str, delta: float, n: int, run: int) -> Views:
        """Up to n target images (only-zero cannot take more than there are zeros) under one shift."""
        labels = self.stored("clean")[1]
        rng = np.random.default_rng([2, run, SHIFTS.index(shift), round(10 * delta)])
        rows = window(len(labels), run)
        if "only_zero" in shift:
            rows = rows[labels[rows] == 0]
        version = next((part for part in shift.split("+") if part in SHIFTED), "clean")
        share = 0.5 if shift == "image_medium+knock_out" else delta
        pool = rng.permutation(len(labels)) < np.ceil(share * len(labels))
        if "knock_out" in shift:
            rows = rows[~np.isin(rows, _knocked_out(labels, delta, rng))]
        rows = rows[:n]
        altered = pool[rows] if version != "clean" else np.zeros(len(rows), bool)
        return self.mixed(rows, altered, version)


def _knocked_out(labels: np.ndarray, delta: float, rng: np.random.Generator) -> np.ndarray:
    """A share of class 0 of the whole pool, rounded up to an even number as in the paper's code."""
    zeros = rng.permutation(np.flatnonzero(labels == 0))
    count = int(np.ceil(delta * len(zeros)))
    return zeros[: count + count % 2]


def tests(sets: Sets, n: int, run: int, design: str) -> Iterator[tuple[str, float, Views, Views]]:
    """The 30 tests of one run at one n: (shift, delta, views of C, views of Y)."""
    held_out = sets.source(n if design == "n" else None, run)
    for shift in SHIFTS:
        for delta in DELTAS:
            yield shift, delta, held_out, sets.target(shift, delta, n, run)
