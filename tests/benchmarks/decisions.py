"""The figures behind some decisions of ARCHITECTURE.md that no other script prints, each in a minute or less.

    python -m tests.benchmarks.decisions jpeg FOLDER             # two JPEG decoders: the same bits, how much sooner
    python -m tests.benchmarks.decisions pages FOLDER            # a decoding process with and without its memory settings
    python -m tests.benchmarks.decisions store                   # a cache as one SQLite file and as one file an entry
    python -m tests.benchmarks.decisions runtime FOLDER ARTIFACT # networks in torch and in onnxruntime

FOLDER holds JPEG photos. CPU milliseconds of one thread an image, the sides in turn, median (lowest to highest) of `--rounds`.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
from PIL import Image

from driftcli.config.settings import Settings
from driftcli.core.images import FileFacts, Frame
from driftcli.extractors.autoencoder import Autoencoder
from driftcli.extractors.base import Runtime
from driftcli.extractors.properties import Properties
from driftcli.reading.cache import _SCHEMA
from driftcli.reference.reference import open_reference
from driftcli.sources.decoding import jpeg
from driftcli.sources.decoding.decode import decode
from driftcli.sources.decoding.process import _MEMORY
from driftcli.sources.decoding.settings import Decode
from tests.benchmarks._speed_bare import photos
from tests.benchmarks._speed_measure import in_turn, run

Side = Callable[[], object]


def told(sides: Mapping[str, Side], images: int, rounds: int) -> None:
    """Runs all sides in turn and prints what each costs an image."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            began = time.process_time()
            side()
            found[name].append((time.process_time() - began) / images * 1e3)
    for name, each in found.items():
        print(f"  {name}: {statistics.median(each):.3g} ms ({min(each):.3g} to {max(each):.3g})")


# ---------------------------------------------------------------- two decoders


def variants() -> list[bytes]:
    """2,400 JPEG files of drawn noise: sizes, qualities, subsamplings, grey, progressive, restart markers, optimised."""
    rng, files = np.random.default_rng(0), []
    sizes = [(17, 16), (64, 48), (101, 67), (160, 120), (333, 250)]
    for size, quality, space, progressive, optimize, restart in product(
        sizes, (5, 30, 50, 75, 90, 100), (0, 1, 2, "L"), (False, True), (False, True), range(5)
    ):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
        image = coarse.resize(size, Image.Resampling.BICUBIC).convert("L" if space == "L" else "RGB")
        grey = {} if space == "L" else {"subsampling": space}
        held = io.BytesIO()
        image.save(
            held, "JPEG", quality=quality, progressive=progressive, optimize=optimize,
            restart_marker_blocks=restart, **grey,
        )  # fmt: skip
        files.append(held.getvalue())
    return files


def both(data: bytes, side: int) -> bool:
    """Whether a file is the same image, bit for bit, with simplejpeg and without."""
    fast, decoder = decode(data, Decode(), side), jpeg._decoder
    try:
        jpeg._decoder = lambda: None
        slow = decode(data, Decode(), side)
    finally:
        jpeg._decoder = decoder
    return fast.image.tobytes() == slow.image.tobytes() and fast.pixels == slow.pixels


def two_decoders(folder: Path, rounds: int) -> None:
    import simplejpeg

    files = variants()
    same = sum(both(data, side) for data in files for side in (0, 32))
    print(f"{len(files):,} files, whole and scaled: {same:,} of {2 * len(files):,} the same bits")
    data = [path.read_bytes() for path in photos(folder)[:200]]
    sizes = [Image.open(io.BytesIO(each)).size for each in data]

    def by_pillow(scale: int) -> None:
        for each, (width, height) in zip(data, sizes, strict=True):
            with Image.open(io.BytesIO(each)) as image:
                image.draft("RGB", (-(-width // scale), -(-height // scale)))
                np.asarray(image.convert("RGB"))

    def by_simplejpeg(eighths: int) -> None:
        for each, (width, height) in zip(data, sizes, strict=True):
            least = {"min_height": -(-height * eighths // 8), "min_width": -(-width * eighths // 8)}
            simplejpeg.decode_jpeg(each, "RGB", **least, min_factor=1)

    print(f"{len(data)} photos, {statistics.median(w * h for w, h in sizes) / 1e6:.2f} megapixels")
    told(
        {
            "Pillow, whole": lambda: by_pillow(1), "Pillow, 1/2": lambda: by_pillow(2),
            "simplejpeg, whole": lambda: by_simplejpeg(8), "simplejpeg, 6/8": lambda: by_simplejpeg(6),
            "simplejpeg, 1/2": lambda: by_simplejpeg(4),
        },
        len(data), rounds,
    )  # fmt: skip


# ---------------------------------------------------------------- a worker's memory


def pages(folder: Path, rounds: int) -> None:
    """What the kernel charges for new pages: the same decoding in processes of their own, in turn."""
    line = [sys.executable, "-m", "tests.benchmarks.decisions", "decoding", folder]
    bare = {key: value for key, value in os.environ.items() if key not in _MEMORY}
    sides = {"as the system has it": bare, "as workers have it": {**bare, **_MEMORY}}
    costs = in_turn(rounds, {name: partial(run, line, env=env) for name, env in sides.items()})
    for name, runs in costs.items():
        each = [float(cost.output) for cost in runs]
        print(f"  {name}: {statistics.median(each):.3g} ms ({min(each):.3g} to {max(each):.3g})")


def decoding(folder: Path) -> None:
    """Prints what a photo costs of what a worker does for two extractors."""
    extractors, paths = (Autoencoder(), Properties()), photos(folder)
    began = time.process_time()
    for path in paths:
        frame = decode(path.read_bytes(), Decode(), 256).frame
        for extractor in extractors:
            extractor.prepare(frame)
    print((time.process_time() - began) / len(paths) * 1e3)


# ---------------------------------------------------------------- a cache's store


def store(rounds: int, entries: int = 20_000, size: int = 1_600, at_once: int = 64) -> None:
    """Writes and reads entries of the cache's size, in the cache's own tables and in folders of files put in place whole."""
    rng = np.random.default_rng(0)
    keys, value = [rng.bytes(32) for _ in range(entries)], rng.bytes(size)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        number = iter(range(1_000_000))

        def file(root: Path, key: bytes) -> Path:
            return root / key.hex()[:2] / key.hex()

        def as_files() -> None:
            root = place / f"files-{next(number)}"
            for first in range(256):
                (root / f"{first:02x}").mkdir(parents=True)
            for key in keys:
                file(root, key).with_suffix(".new").write_bytes(value)
                file(root, key).with_suffix(".new").replace(file(root, key))

        def as_tables() -> None:
            with sqlite3.connect(place / f"{next(number)}.sqlite") as opened:
                opened.executescript(_SCHEMA)
                for start in range(0, entries, at_once):
                    rows = [(key, 0, value) for key in keys[start : start + at_once]]
                    opened.executemany("INSERT INTO entries VALUES (?, ?, ?)", rows)
                    opened.commit()

        told({"write, SQLite": as_tables, "write, files": as_files}, entries, rounds)
        tables, files = min(place.glob("*.sqlite")), min(place.glob("files-*"))
        opened = sqlite3.connect(tables)
        query = "SELECT value FROM entries WHERE key = ?"
        told(
            {
                "read, SQLite": lambda: [opened.execute(query, (key,)).fetchone() for key in keys],
                "read, files": lambda: [file(files, key).read_bytes() for key in keys],
            },
            entries, rounds,
        )  # fmt: skip
        blocks = sum(path.stat().st_blocks for path in files.rglob("*")) * 512
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        print(f"  on disk: SQLite {tables.stat().st_size / 1e6:.0f} MB, files {blocks / 1e6:.0f} MB")


# ---------------------------------------------------------------- two runtimes


def two_runtimes(folder: Path, artifact: str, rounds: int, count: int = 32) -> None:
    reference = open_reference(artifact, Settings(), ())[1]
    frames = []
    for path in photos(folder)[:count]:
        with Image.open(path) as image:
            facts = FileFacts(*image.size, path.stat().st_size, str(image.format), image.mode, grey=False)
            frames.append(Frame(image.convert("RGB"), facts))
    for kind, state in reference.states.items():
        if "onnx" in state:
            extractor = reference.extractors[kind]
            prepared = np.stack([extractor.prepare(frame) for frame in frames])
            bare = {key: value for key, value in state.items() if not key.startswith("onnx")}
            rest = prepared, Runtime(device="cpu")
            sides = {
                f"{kind}, onnxruntime": partial(extractor.extract, state, *rest),
                f"{kind}, torch": partial(extractor.extract, bare, *rest),
            }
            for side in sides.values():
                side()
            told(sides, len(prepared), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["jpeg", "pages", "decoding", "store", "runtime"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    if asked.what == "decoding":
        decoding(Path(asked.names[0]))
        return
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    if asked.what == "jpeg":
        two_decoders(Path(asked.names[0]), asked.rounds)
    elif asked.what == "pages":
        pages(Path(asked.names[0]), asked.rounds)
    elif asked.what == "store":
        store(asked.rounds)
    else:
        two_runtimes(Path(asked.names[0]), asked.names[1], asked.rounds)


if __name__ == "__main__":
    main()
