"""The network's own words on real images: are they right, are they silent where they should be, what do they cost.

python tests/benchmarks/concepts.py [--cache FOLDER] [--batches 200] [--cost]

Every image goes through the default network once (its classifier's softmax, of the prepared crop and of the mirrored,
nearer one) and is kept in --cache; then hundreds of batches are drawn from it. Thresholds were chosen on the images
with even places in each set's sorted list; what is reported below the first table comes from those with odd places.
Baselines of 100 images (60 of ants and bees), batches of 20 drawn without repetition, alpha 0.01, 999 relabellings,
seed = number of the batch.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from _lab import RUNTIME, binomial_bound, data_folder, machine, wilson
from PIL import Image

from driftcli.audit.concepts import of_every_word
from driftcli.core.images import FileFacts, Frame
from driftcli.core.registry import load as kind
from driftcli.detectors.shares import Shares
from driftcli.explain.concepts import chosen
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.networks import concepts, load, network
from driftcli.stats.relabelling import draw

M, ALPHA, RELABELLINGS = 20, 0.01, 999
RIGHT = {
    "cats": {"cats", "tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"},
    "ants": {"ant", "insects"},
    "bees": {"bee", "insects"},
}
"""Of dogs: the kind, and every class in it."""
KNOWN, STRANGE = ("cats", "dogs", "ants", "bees"), ("parts", "mnist", "notmnist")
CIFAR = (("cat", "dog"), ("automobile", "truck"), ("airplane", "ship"), ("deer", "horse"))
CORRUPTED = tuple(
    f"cats+{name}{s}"
    for name in ("gaussian_blur", "gaussian_noise", "jpeg", "darken", "pixelate")
    for s in (2, 4)
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-concepts")
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--cost", action="store_true", help="only the A/B of the forward pass")
    given = parser.parse_args()
    print(f"{machine()}\n")
    if given.cost:
        cost()
        return
    given.cache.mkdir(parents=True, exist_ok=True)
    lab = Words(data_folder(given.data), given.cache)
    lab.certainty()
    for before, after in (("cats", "dogs"), ("dogs", "cats"), ("ants", "bees"), ("bees", "ants")):
        lab.told(before, after, given.batches)
    for strange in (*STRANGE, *CORRUPTED):
        lab.told("cats", strange, given.batches // 2)
    for before, after in (pair[::way] for pair in CIFAR for way in (1, -1)):
        lab.told(f"cifar_{before}", f"cifar_{after}", given.batches // 2)
    lab.clean(given.batches)
    lab.coverage(given.batches)


class Words:
    """Softmax of every set, and batches drawn from it."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.data, self.folder = data, folder
        self.embedding = Embedding().complete(RUNTIME)
        self.state = self.embedding.fit(np.zeros(0), 0, RUNTIME)
        usual = {concepts.SURE: np.ones(1), concepts.AGREE: np.ones(1)}
        self.words = concepts.vocabulary("efficientnet_lite0", self.state, usual)
        dogs = next(i for i, word in enumerate(self.words.words) if word == "dogs")
        self.right = {
            **RIGHT,
            "dogs": {"dogs", *(self.words.words[i] for i in np.flatnonzero(self.words.kind_of == dogs))},
        }

    @cache  # noqa: B019 - one object a run
    def looks(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Softmax of both looks, [n, 1000]."""
        target = self.folder / f"{name}.npz"
        if not target.is_file():
            facts = FileFacts(0, 0, 0, "PNG", "RGB", grey=False)
            prepared = np.stack(
                [self.embedding.prepare(Frame(image.convert("RGB"), facts)) for image in self.images(name)]
            )
            looks = [
                self.embedding._run(self.state, x, RUNTIME)[-1]
                for x in (prepared, concepts.looked_at_again(prepared))
            ]
            np.savez_compressed(target, a=looks[0].astype(np.float16), b=looks[1].astype(np.float16))
        with np.load(target, allow_pickle=False) as kept:
            return kept["a"].astype(np.float32), kept["b"].astype(np.float32)

    def images(self, name: str) -> Iterator[Image.Image]:
        name, _, change = name.partition("+")
        if change:
            corruption = kind("corruptions", change[:-1])()
            for i, image in zip(range(100), self.images(name), strict=False):
                yield corruption(image.convert("RGB"), int(change[-1]), np.random.default_rng([1, i]))
        elif name in {"ants", "bees"}:
            files = [
                f for part in ("train", "val") for f in (self.data / "hymenoptera" / part / name).iterdir()
            ]
            yield from (Image.open(f) for f in sorted(files) if f.suffix.lower() in {".jpg", ".jpeg"})
        elif name in {"cats", "dogs"}:
            yield from map(Image.open, sorted((self.data / "catsdogs").glob(f"{name[:3]}.*")))
        elif name == "parts":
            from driftcli.simulation.sample.days import FOLDERS, photo

            yield from (Image.open(io.BytesIO(photo(FOLDERS[0], i, 0).data)) for i in range(120))
        else:
            source, count, start = (
                ("cifar10", 100, f"{name[6:]}/") if name.startswith("cifar_") else (name, 120, "")
            )
            with zipfile.ZipFile(self.data / source / "test.zip") as archive:
                names = sorted(
                    n for n in archive.namelist() if n.startswith(start) and n.endswith((".jpg", ".png"))
                )
                for i in np.sort(np.random.default_rng(0).permutation(len(names))[:count]):
                    yield Image.open(io.BytesIO(archive.read(names[i])))

    def rows(self, name: str) -> np.ndarray:
        """The view, as an artifact keeps it, of the images with odd places."""
        return concepts.rows(self.looks(name)[0][1::2], self.state).astype(np.float16).astype(np.float32)

    def silent(self, name: str, part: int = 1) -> str | None:
        """What a baseline of the first 96 of these images would say."""
        a, b = (look[part::2][: concepts.LOOKED_AT] for look in self.looks(name))
        return concepts.why_silent(concepts.certainty(a, b, self.state))

    def certainty(self) -> None:
        """When words mean something: both halves, classes and kinds."""
        print(
            "| good images | n | half | sure × same (kinds) | = | words | sure × same (classes) |\n|---|---|---|---|---|---|---|"
        )
        for name in (*KNOWN, *STRANGE, *(f"cifar_{one}" for pair in CIFAR for one in pair)):
            for part, half in enumerate(("chosen on", "reported")):
                a, b = (look[part::2] for look in self.looks(name))
                found = concepts.certainty(a, b, self.state)
                sure, same = float(found[concepts.SURE][0]), float(found[concepts.AGREE][0])
                plain = f"{a.max(axis=1).mean():.2f} × {(a.argmax(axis=1) == b.argmax(axis=1)).mean():.2f}"
                said = "silent" if self.silent(name, part) else "speaks"
                print(
                    f"| {name} | {len(a)} | {half} | {sure:.2f} × {same:.2f} | {sure * same:.2f} | {said} | {plain} |"
                )
        print()

    def words_of(self, c: np.ndarray, y: np.ndarray, seed: int, alpha: float = ALPHA) -> tuple:
        drawn = draw(len(c), len(y), RELABELLINGS, np.random.default_rng(seed))
        found = Shares().changes({}, c, y, drawn, (), alpha)
        return chosen(of_every_word(found, len(self.words.words)), self.words, alpha)

    def batch(self, before: str, after: str, trial: int, m: int = M) -> tuple[np.ndarray, np.ndarray]:
        good, other = self.rows(before), self.rows(after)
        rng = np.random.default_rng([trial, 7])
        order = rng.permutation(len(good))
        held_out = min(100, len(good) - m) if len(good) > 100 else min(60, len(good) - m)
        fresh = (
            good[order[held_out : held_out + m]]
            if after == before
            else other[rng.permutation(len(other))[:m]]
        )
        return good[order[:held_out]], fresh

    def told(self, before: str, after: str, batches: int) -> None:
        firsts, fallers = Counter(), Counter()
        for trial in range(batches):
            more, fewer = self.words_of(*self.batch(before, after, trial), trial)
            firsts[more[0].word if more else "–"] += 1
            fallers[fewer[0].word if fewer else "–"] += 1
        spoken = (
            "" if self.silent(before) is None else " (a baseline of these images is SILENT; had it spoken:)"
        )
        right = sum(
            count for word, count in firsts.items() if word in self.right.get(after.partition("+")[0], ())
        )
        score = f"right riser first {wilson(right, batches)}; " if after in KNOWN else ""
        print(
            f"{before} → {after}{spoken}, {batches} batches: {score}risers {firsts.most_common(5)}, fallers {fallers.most_common(4)}",
            flush=True,
        )

    def clean(self, batches: int) -> None:
        for m, alpha in ((20, 0.01), (20, 0.05), (30, 0.05)):
            said = Counter()
            for name in KNOWN:
                for trial in range(batches):
                    more, fewer = self.words_of(*self.batch(name, name, trial, m), trial, alpha)
                    said[name] += bool(more or fewer)
            total, n = sum(said.values()), batches * len(KNOWN)
            print(
                f"clean, m {m}, alpha {alpha}: any word in {total} of {n} (99 % bound {binomial_bound(n, alpha)}): {dict(said)}",
                flush=True,
            )

    def coverage(self, batches: int) -> None:
        """Intervals of all compared words together, two populations known in full, drawn with repetition."""
        for alpha in (0.05, 0.01):
            for before, after, n, m in (
                ("cats", "dogs", 100, 20),
                ("ants", "bees", 100, 20),
                ("cats", "cats", 100, 20),
                ("ants", "bees", 400, 100),
            ):
                sides, missed, width = [self.rows(before), self.rows(after)], 0, []
                count = len(self.words.words)
                whole = Shares().changes(
                    {}, *sides, draw(len(sides[0]), len(sides[1]), 1, np.random.default_rng(0)), (), alpha
                )
                true = of_every_word(whole, count).change
                for trial in range(batches):
                    rng = np.random.default_rng([trial, 9])
                    c, y = (
                        side[rng.integers(len(side), size=size)]
                        for side, size in zip(sides, (n, m), strict=True)
                    )
                    moved = of_every_word(
                        Shares().changes({}, c, y, draw(n, m, RELABELLINGS, rng), (), alpha), count
                    )
                    missed += bool(((true < moved.low) | (true > moved.high)).any())
                    width.append((moved.high - moved.low)[np.abs(moved.change).argmax()] / 2)
                print(
                    f"intervals {before} → {after}, C {n}, m {m}, {1 - alpha:.0%}: some word missed in {wilson(missed, batches)}, half width {np.mean(width):.2f}",
                    flush=True,
                )


def cost(rounds: int = 60, images: int = 16) -> None:
    """The forward pass with and without the last stage and the head, interleaved, on one thread."""
    import torch

    torch.set_num_threads(1)
    pixels = np.random.default_rng(0).integers(0, 256, (images, 224, 224, 3)).astype(np.uint8)
    settings = Embedding().complete(RUNTIME)
    with_words, without = (load.load(settings, 0, RUNTIME, classifier=on) for on in (True, False))
    seconds = {True: [], False: []}
    for round_ in range(rounds + 1):
        for on, one in sorted(
            ((True, with_words), (False, without)), key=lambda pair: pair[0], reverse=bool(round_ % 2)
        ):
            started = time.process_time()
            network.run(one, pixels, RUNTIME)
            if round_:
                seconds[on].append(time.process_time() - started)
    ratios = np.array(seconds[True]) / np.array(seconds[False]) - 1
    # Other programs make a round longer, never shorter: the quickest rounds are the nearest to the cost itself.
    quick = np.divide(*(np.quantile(seconds[on], 0.1) for on in (True, False))) - 1
    print(
        f"{rounds} interleaved rounds of {images} images, CPU seconds: {np.median(seconds[True]):.2f} with words, "
        f"{np.median(seconds[False]):.2f} without; cost {np.median(ratios):+.1%} (quartiles {np.quantile(ratios, 0.25):+.1%} to "
        f"{np.quantile(ratios, 0.75):+.1%}); of the quickest tenth of the rounds {quick:+.1%}"
    )


if __name__ == "__main__":
    main()
