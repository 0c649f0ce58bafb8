"""Peak memory against the number of images: the walker, a reading, `fit`, and `check` from end to end.

    python -m tests.benchmarks.memory walker                  # names in one folder and in many: 10^3 .. 10^6
    python -m tests.benchmarks.memory reading                 # what a pass keeps, without decoding: 10^3 .. 10^6
    python -m tests.benchmarks.memory fit                     # 10^5 prepared images, an autoencoder, one epoch
    python -m tests.benchmarks.memory check ARTIFACT          # generated JPEGs, command lines: 10^3, 10^4, 10^5
    python -m tests.benchmarks.memory check ARTIFACT FOLDER --sizes 1000,20000

Every figure is the largest resident set (VmHWM) of a process of its own, with `OMP_NUM_THREADS=1` and one worker; of a
command line, of the main process and of the largest worker. Linux only. Generated images are different files of 48 x 48
pixels (seed 0): pixels are the same few kilobytes whatever the number, so that what grows is what driftcli keeps.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
POLL = 0.05


def main() -> None:
    """Run the section that is asked for, in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("section", choices=["walker", "reading", "fit", "check", "child"])
    parser.add_argument("more", nargs="*")
    parser.add_argument("--sizes", default="")
    asked = parser.parse_args()
    sizes = [int(float(word)) for word in asked.sizes.split(",") if word]
    if asked.section == "child":
        CHILDREN[asked.more[0]](*asked.more[1:])
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    SECTIONS[asked.section](asked.more, sizes)


# ---------------------------------------------------------------- sections


def walker(_: Sequence[str], sizes: Sequence[int]) -> None:
    """One flat folder, and folders of a thousand."""
    for count in sizes or (1_000, 10_000, 100_000, 1_000_000):
        for shape, each in (("one folder", count), ("folders of 1,000", 1_000)):
            with tempfile.TemporaryDirectory() as folder:
                for i in range(count):
                    place = Path(folder, f"{i // each:05d}")
                    if i % each == 0:
                        place.mkdir()
                    os.close(
                        os.open(place / f"frame_{i * 7919 % 1_000_003:09d}.jpg", os.O_CREAT | os.O_WRONLY)
                    )
                _print(f"walker, {shape}, {count:,} names", _child("walk", folder))


def reading(_: Sequence[str], sizes: Sequence[int]) -> None:
    """What a check keeps of its images: `keep` 10,000, views of the default extractors."""
    for count in sizes or (1_000, 10_000, 100_000, 1_000_000):
        _print(f"reading, {count:,} images", _child("read", str(count)))


def fit(_: Sequence[str], sizes: Sequence[int]) -> None:
    """What `fit` keeps and learns from: 40,000 prepared images of 64 x 64 pixels, one epoch, all views."""
    for count in sizes or (1_000, 100_000):
        _print(f"fit, {count:,} images", _child("learn", str(count)))


def check(more: Sequence[str], sizes: Sequence[int]) -> None:
    """`driftcli check ARTIFACT`, on a folder of images or generated ones."""
    artifact, *folder = more
    with tempfile.TemporaryDirectory() as made:
        place = Path(folder[0]) if folder else Path(made, "images")
        first = None
        for count in sizes or (1_000, 10_000, 100_000):
            if not folder:
                _generate(place, count)
            peak = _command("check", artifact, str(place), "--limit", str(count), "--workers", "1", "-q")
            first = first or peak[0]
            _print(f"check, {count:,} images", peak)
            print(f"    {peak[0] / first:.3f} times the first", flush=True)


SECTIONS = {"walker": walker, "reading": reading, "fit": fit, "check": check}

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

# ---------------------------------------------------------------- measuring


def _child(what: str, *arguments: str) -> tuple[float, float, float]:
    return _peak([sys.executable, "-m", "tests.benchmarks.memory", "child", what, *arguments])


def _command(*arguments: str) -> tuple[float, float, float]:
    return _peak([sys.executable, "-m", "driftcli", *arguments])


def _peak(command: Sequence[str]) -> tuple[float, float, float]:
    """Largest resident set in MiB: of the process, of its largest child; and CPU seconds of both."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    before = os.times()
    running = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    own = largest = 0.0
    while running.poll() is None:
        own = max(own, _resident(running.pid))
        largest = max([largest, *map(_resident, _children(running.pid))])
        time.sleep(POLL)
    if running.returncode not in (0, 1):  # 1: it has drifted
        raise SystemExit(f"{' '.join(command)}: exit {running.returncode}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return own, largest, cpu


def _resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, task.read_text(encoding="ascii").split())
        except OSError:
            continue


def _generate(folder: Path, count: int) -> None:
    """JPEGs 0 .. count - 1 that are not there yet, a thousand a folder, each of other bytes and pixels."""
    import numpy as np
    from PIL import Image

    for i in range(count):
        path = folder / f"{i // 1000:04d}" / f"{i:07d}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        small = np.random.default_rng(i).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((48, 48), Image.Resampling.BICUBIC).save(path, quality=85)


def _print(what: str, peak: tuple[float, float, float]) -> None:
    own, largest, cpu = peak
    print(f"{what:<44} {own:7.1f} MiB, a worker {largest:5.1f} MiB, CPU {cpu:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
