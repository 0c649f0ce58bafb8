"""What a cheaper way to prepare photos costs in what is seen, and what a photo costs by step.

nice python tests/benchmarks/preparing.py effects [--set catsdogs] [--photos 120] [--seed 0]
nice python tests/benchmarks/preparing.py times [--set catsdogs] [--photos 250]

`effects`: the same photos, clean and under twelve corruptions at severities 1 and 2, prepared by each variant. Printed: how far
each number of a clean photo lies from that of the first variant (in sd over photos), and how the largest effect (mean
shift by sd of clean photos) of a corruption compares, geometric mean over those that the first variant sees (largest
effect above .1) with its standard error. The autoencoder is PCA, learnt from 200 other photos with each variant.
`times`: CPU milliseconds a photo by step of a decode worker, median and low decile. Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from _lab import data_folder, machine
from PIL import Image

from driftcli.core.files import read_file
from driftcli.core.images import SHARED, FileFacts, Frame
from driftcli.core.registry import load
from driftcli.extractors import _errors, _pca, _pixels
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.properties import Properties
from driftcli.sources.decoding import decode as decoding
from driftcli.sources.decoding import jpeg, pixels
from driftcli.sources.decoding.settings import Decode

KINDS = (
    "gaussian_noise", "shot_noise", "gaussian_blur", "motion_blur", "jpeg", "downscale", "fog", "low_contrast", "gamma",
    "white_balance", "saturation", "vignette",
)  # fmt: skip
LEARNT, SEEN = 200, 0.1
Row = Callable[[Image.Image], np.ndarray]


def frame(image: Image.Image) -> Frame:
    return Frame(image, FileFacts(*image.size, 0, "PNG", "RGB", grey=False))


def properties(*, every: int = 3, window: tuple[int, int] = (256, 192), scale: int = 1) -> Row:
    def row(image: Image.Image) -> np.ndarray:
        with mock.patch.multiple(_pixels, MANY=96 if every > 1 else 10**9, WINDOW=window):
            return np.array(_pixels.measure(frame(image.reduce(scale) if scale > 1 else image), 256))

    return row


def square(kernel: Image.Resampling) -> Row:
    def row(image: Image.Image) -> np.ndarray:
        small = frame(image).reduced(SHARED)
        box = Autoencoder(side=64, channels=3).seen(*small.size)
        return np.asarray(small.resize((64, 64), kernel, box=box))

    return row


PROPERTIES = {
    "all rows": properties(every=1),
    "every third row": properties(),
    "window 192 × 144": properties(window=(192, 144)),
    "decoded at 1/2": properties(scale=2),
}
AUTOENCODER = {
    "Lanczos": square(Image.Resampling.LANCZOS),
    "Hamming": square(Image.Resampling.HAMMING),
}


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def cells(photos: Sequence[Path], seed: int, rows: Row) -> dict[tuple[str, int], np.ndarray]:
    found = {("clean", 0): np.stack([rows(opened(path)) for path in photos])}
    for name in KINDS:
        kind = load("corruptions", name)()
        for severity in (1, 2):
            changed = (
                kind.apply(opened(path), kind.amount(severity), np.random.default_rng([seed, i, severity]))
                for i, path in enumerate(photos)
            )
            found[name, severity] = np.stack([rows(image) for image in changed])
    return found


def scored(
    learn: Sequence[Path], rows: Row, found: Mapping[tuple[str, int], np.ndarray]
) -> dict[tuple[str, int], np.ndarray]:
    """Prepared squares as the autoencoder's scores."""
    known = np.stack([rows(opened(path)) for path in learn])
    mean, directions = _pca.fit(known.reshape(len(known), -1) / np.float32(255), 50, 0)
    state = {"weight.mean": mean.reshape(known.shape[1:]), "weight.directions": directions}
    return {
        cell: _errors.scores(x, np.concatenate([image for image, _ in _pca.passes(state, x)]), "l1_mse")
        for cell, x in found.items()
    }


def compare(title: str, found: Mapping[str, Mapping[tuple[str, int], np.ndarray]]) -> None:
    print(
        f"\n## {title}\n\n| | rms distance of a clean photo, sd | largest effect, of the first row's |\n| --- | --- | --- |"
    )
    base = next(iter(found.values()))
    sd = np.nanstd(base["clean", 0], axis=0)
    effects: dict[str, np.ndarray] = {}
    for name, measured in found.items():
        clean = measured["clean", 0]
        spread = np.nanstd(clean, axis=0)
        effects[name] = np.array(
            [
                np.nanmax(np.abs(np.nanmean(x - clean, axis=0)) / spread)
                for cell, x in measured.items()
                if cell[1]
            ]
        )
        ratio = np.log(effects[name] / effects[next(iter(found))])[effects[next(iter(found))] > SEEN]
        away = np.sqrt(np.nanmean((clean - base["clean", 0]) ** 2, axis=0)) / sd
        told = f"{np.exp(ratio.mean()):.3f} ± {ratio.std() / len(ratio) ** 0.5:.3f} ({len(ratio)} cells)"
        print(f"| {name} | {', '.join(f'{value:.3f}' for value in away)} | {told} |")


def effects(given: argparse.Namespace, photos: Sequence[Path]) -> None:
    order = [photos[i] for i in np.random.default_rng(given.seed).permutation(len(photos))]
    seen, learn = order[: given.photos], order[given.photos : given.photos + LEARNT]
    compare("Properties", {name: cells(seen, given.seed, rows) for name, rows in PROPERTIES.items()})
    squares = {name: scored(learn, rows, cells(seen, given.seed, rows)) for name, rows in AUTOENCODER.items()}
    compare("Autoencoder", squares)


def times(given: argparse.Namespace, photos: Sequence[Path]) -> None:
    spent: dict[str, list[float]] = defaultdict(list)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        began = time.thread_time()
        yield
        spent[name].append(1e3 * (time.thread_time() - began))

    settings, autoencoder = Decode(), Autoencoder(side=64, channels=3)
    for path in photos[: given.photos]:
        with step("read"):
            data = read_file(path, 1 << 28, follow=False)
        with step("all of decode, hashes and the shared reduction"):
            found = decoding.decode(data, settings, 256)
        if found.scale > 1 or found.frame.stored.mode != "RGBX":
            continue
        with step("- pixels from the JPEG alone"):
            array = jpeg.scaled(data, "RGB", found.frame.stored.size, 1)
        with step("- shared reduction"):
            small = Frame(found.frame.stored, found.facts).reduced(SHARED)
        with step("- hash of pixels"):
            pixels.identify(found.frame.stored, array)
        with step("- difference hash"):
            pixels.near(small)
        luma = np.asarray(_pixels.middle(found.frame.stored).convert("L")).astype(np.int16)
        with step("properties"):
            Properties().prepare(found.frame)
        with step("- detail alone"):
            _pixels.detail(luma)
        with step("autoencoder's square"):
            autoencoder.prepare(found.frame)
    print("| step | median, ms | low decile, ms |\n| --- | --- | --- |")
    for name, values in spent.items():
        print(f"| {name} | {np.median(values):.3f} | {np.quantile(values, 0.1):.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("effects", "times"))
    parser.add_argument("--data", help="folder of the image sets (default: DRIFTCLI_DATA)")
    parser.add_argument("--set", default="catsdogs")
    parser.add_argument("--photos", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    photos = sorted((data_folder(given.data) / given.set).rglob("*.jpg"))
    print(f"{given.photos} photos of {given.set}, seed {given.seed}; {machine()}\n")
    (effects if given.what == "effects" else times)(given, photos)


if __name__ == "__main__":
    main()
