"""Peak memory against the number of images: the walker, a reading, learning, and whole commands.

    python -m tests.benchmarks.memory walker                  # names in one folder and in many: 10^3 .. 10^6
    python -m tests.benchmarks.memory reading                 # what a pass keeps, without decoding: 10^3 .. 10^6
    python -m tests.benchmarks.memory learning                # 40,000 prepared images, an autoencoder, one epoch
    python -m tests.benchmarks.memory check profile fit       # command lines, generated JPEGs: 10^3, 10^5
    python -m tests.benchmarks.memory check --sizes 1000,10000 --method properties --against ../released

Every figure is of processes of their own, started anew. *Main*: the largest resident set of the process that was
started, as the kernel noted it (VmHWM). *Worker*: that of the largest process below it. *All*: the largest sum of
resident sets at one moment, looked at every 20 ms; pages that processes share count once for each, so that it is rather
too high. Files that the kernel keeps in memory for itself are in none. Linux only, one thread for each process. Generated
images are different files of 64 x 64 pixels (seed 0, 1, ...), kept where `--work` names a folder: pixels are the same few
kilobytes whatever the number, so that what grows is what driftcli keeps.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks._speed_measure import Cost, run

SIDE = 64
FITTED = 2_000
"""Images of the artifact that `check` and `profile` use: none of theirs."""
APART = 10_000_000
"""The number of the first of them."""


def main() -> None:
    """Run the sections that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sections", nargs="+", choices=[*ALONE, *COMMANDS])
    parser.add_argument("--sizes", default="", help="numbers of images, with commas")
    parser.add_argument(
        "--method", action="append", default=[], help="extractors (default: the default ones)"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--against", type=Path, default=ROOT, help="another checkout, measured in place of this one"
    )
    parser.add_argument(
        "--work", type=Path, help="folder for images and artifacts, kept; else a temporary one"
    )
    if sys.argv[1:2] == ["child"]:
        CHILDREN[sys.argv[2]](*sys.argv[3:])
        return
    given = parser.parse_args()
    sizes = [int(float(word)) for word in given.sizes.split(",") if word]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = (given.work or Path(temporary)).resolve()
        print(HEAD, flush=True)
        for section in given.sections:
            if section in ALONE:
                ALONE[section](sizes or [1_000, 10_000, 100_000, 1_000_000])
                continue
            commands = Commands(work, given.against.resolve(), given.workers, given.method)
            for line in compared(commands, section, sizes or [1_000, 100_000]):
                print(line, flush=True)


# ---------------------------------------------------------------- sections


def walker(sizes: Sequence[int]) -> None:
    """One flat folder, and folders of a thousand."""
    for count in sizes:
        for shape, each in (("one folder", count), ("folders of 1,000", 1_000)):
            with tempfile.TemporaryDirectory() as folder:
                for i in range(count):
                    place = Path(folder, f"{i // each:05d}")
                    if i % each == 0:
                        place.mkdir()
                    os.close(
                        os.open(place / f"frame_{i * 7919 % 1_000_003:09d}.jpg", os.O_CREAT | os.O_WRONLY)
                    )
                print(row(f"walker, {shape}", count, child("walk", folder)), flush=True)


def reading(sizes: Sequence[int]) -> None:
    """What a check keeps of its images: `keep` 10,000, views of the default extractors."""
    for count in sizes:
        print(row("reading", count, child("read", count)), flush=True)


def learning(sizes: Sequence[int]) -> None:
    """What `fit` keeps and learns from: 40,000 prepared images of 64 x 64 pixels, one epoch, all views."""
    for count in sizes:
        print(row("learning", count, child("learn", count)), flush=True)


class Commands:
    """Command lines of a checkout on generated images."""

    def __init__(self, work: Path, checkout: Path, workers: int, methods: Sequence[str]) -> None:
        self.work, self.checkout = work, checkout
        self.common = ("--workers", workers, "--no-progress", "-q")
        self.methods = [word for method in methods for word in ("--method", method)]

    def check(self, count: int) -> Cost:
        """A batch of so many."""
        return self._driftcli("check", self._artifact(), self.images(count), "--limit", count)

    def profile(self, count: int) -> Cost:
        """The same, measured only."""
        with tempfile.TemporaryDirectory() as folder:
            to = ("--artifact", self._artifact(), "-o", Path(folder, "profile.safetensors"))
            return self._driftcli("profile", self.images(count), "--limit", count, *to)

    def fit(self, count: int) -> Cost:
        """From images to an artifact with its first baseline."""
        with tempfile.TemporaryDirectory() as folder:
            to = ("-o", Path(folder, "artifact"), *self.methods)
            return self._driftcli("fit", self.images(count), "--limit", count, *to)

    def images(self, count: int, first: int = 0) -> Path:
        """A folder with at least so many, a thousand a folder, each of other bytes and pixels."""
        import numpy as np
        from PIL import Image

        place = self.work / f"images-{first}"
        for i in range(count):
            path = place / f"{i // 1000:04d}" / f"{i:07d}.jpg"
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            small = np.random.default_rng(first + i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path, quality=85)
        return place

    def _artifact(self) -> Path:
        place = self.work / f"artifact-{'-'.join([self.checkout.name, *self.methods[1::2]])}"
        if not place.is_dir():
            self._driftcli("fit", self.images(FITTED, APART), "-o", place, *self.methods)
        return place

    def _driftcli(self, *words: object) -> Cost:
        command = (sys.executable, "-m", "driftcli", *words, *self.common)
        return run(command, cwd=self.work, env=environment(self.checkout))


HEAD = "| | images | main | a worker | all | times the first | CPU |\n| --- | --- | --- | --- | --- | --- | --- |"


def compared(commands: Commands, verb: str, sizes: Sequence[int]) -> Iterator[str]:
    """Rows of Markdown, below HEAD: a command on each number of images, and how the sum compares with the first's."""
    first = 0.0
    for count in sizes:
        cost = COMMANDS[verb](commands, count)
        first = first or cost.memory
        yield row(f"`{verb}`", count, cost, f"{cost.memory / first:.2f}×")


def row(what: str, count: int, cost: Cost, ratio: str = "") -> str:
    """One of them."""
    return f"| {what} | {count:,} | {cost.main:.0f} MB | {cost.worker:.0f} MB | {cost.memory:.0f} MB | {ratio} | {cost.cpu:.0f} s |"


ALONE = {"walker": walker, "reading": reading, "learning": learning}
COMMANDS = {"check": Commands.check, "profile": Commands.profile, "fit": Commands.fit}

# ---------------------------------------------------------------- what runs in a process of its own


def walk(folder: str) -> None:
    """All entries of a folder."""
    from driftcli.sources.folder import Folder

    for _ in Folder(folder):
        pass


def read(count: str) -> None:
    """A table of the default extractors' views, filled as a reader fills it, and the digest of all."""
    table, tally = _filled(
        int(count), 10_000, {"style": 160, "content": 192, "error": 9, "latent": 64, "properties": 14}
    )
    table.reading(tally).digest  # noqa: B018 - it is computed when it is asked for


def learn(count: str) -> None:
    """As `fit` from the prepared images on, with one epoch; what other extractors measure is there already."""
    import numpy as np

    from driftcli.calibration import fit_steps
    from driftcli.config.settings import Settings
    from driftcli.extractors.autoencoder import Autoencoder
    from driftcli.extractors.base import Runtime
    from driftcli.reading.reader import Reader

    table, tally = _filled(int(count), 40_000, {"style": 160, "content": 192, "properties": 14}, side=64)
    found = table.reading(tally)
    del table
    reader = Reader(Settings(), {"autoencoder": Autoencoder(side=64, channels=3, epochs=1)}, {}, Runtime())
    learnt = fit_steps.learn_extractors(reader, found, np.arange(0, len(found.features), 2))
    learnt.features.at(np.arange(0, len(found.features), 2))


def _filled(count: int, keep: int, views: dict[str, int], side: int = 0):
    import numpy as np

    from driftcli.core.images import Decoded, FileFacts
    from driftcli.reading.ledger import Tally
    from driftcli.reading.reader import CHUNK
    from driftcli.reading.table import Keys, Table

    rng = np.random.default_rng(0)
    table, tally = Table(keep, Keys(None, None, None)), Tally()
    for start in range(0, count, CHUNK):
        rows = {name: rng.standard_normal((CHUNK, d), np.float32) for name, d in views.items()}
        images = rng.integers(0, 256, (CHUNK, side, side, 3), np.uint8)
        for i in range(min(CHUNK, count - start)):
            facts = FileFacts(
                640, 480, 40_000 + i, "JPEG", "RGB", grey=False, exif={"model": "A", "iso": 100.0}
            )
            item = Decoded(
                f"/data/images/day/frame_{start + i:09d}.jpg", {}, rng.bytes(32), rng.bytes(32), i, facts, {}
            )
            tally.add(item)
            table.add(item, {n: x[i] for n, x in rows.items()}, {"autoencoder": images[i]} if side else {})
    return table, tally


CHILDREN = {"walk": walk, "read": read, "learn": learn}


def child(what: str, *arguments: object) -> Cost:
    """One of them, measured."""
    return run(
        (sys.executable, "-m", "tests.benchmarks.memory", "child", what, *arguments), ROOT, environment(ROOT)
    )


def environment(checkout: Path) -> dict[str, str]:
    """One thread, this checkout's code, no setting of the caller's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTCLI_")}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}


if __name__ == "__main__":
    main()
