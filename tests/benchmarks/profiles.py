"""What a profile weighs, what merging costs, and what an actor of Ray holds beside a local worker.

    python -m tests.benchmarks.profiles merge          # no images needed: 10^5 of them in 20 profiles
    python -m tests.benchmarks.profiles actors FOLDER ARTIFACT

CPU seconds (user and system); peak resident memory, of which private is what no other process shares and a node pays for
each actor. Each figure is the median of `--rounds` runs in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from driftcli.config.settings import Input
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.reading.profiles.merging import Merger
from driftcli.reading.profiles.profile import Profile
from driftcli.reading.profiles.profile_file import encode, read
from driftcli.reading.reading import Reading
from driftcli.reading.shard import Shard
from driftcli.reading.table import hexadecimal

MEASURES = ("resident", "private")
WIDTHS = {
    "style": 160,
    "content": 192,
    "concepts": 24,
    "error": 9,
    "latent": 63,
    "properties": 14,
    "file": 15,
}
"""Columns of the default extractors on photographs; the autoencoder's code may have one more or less."""


def drawn(number: int, images: int, keep: int) -> Profile:
    """A profile of images that never were: hashes and features by chance."""
    rng = np.random.default_rng(number)
    raw = np.frombuffer(rng.bytes(32 * images), "V32")
    kept = min(keep, images)
    contents = hexadecimal(raw)
    contents.sort()
    views = {
        name: rng.normal(size=(kept, width)).astype(np.float16).astype(np.float32)
        for name, width in WIDTHS.items()
    }
    features = Features(
        names=tuple(f"images/{number:04d}/{i:08d}.jpg" for i in range(kept)),
        content=contents[:kept],
        pixels=rng.integers(2**63, size=kept, dtype=np.uint64),
        near=rng.integers(2**63, size=kept, dtype=np.uint64),
        views=views,
        time=np.full(kept, np.nan),
    )
    seen = np.sort(rng.integers(2**63, size=images, dtype=np.uint64))
    reading = Reading(features, Ledger(images, images, {}, {}, 0), (), 0.0, contents, seen)
    return Profile(
        "e" * 64, ("images",), Shard(number + 1, 10_000), {}, keep, "", {}, {}, reading, ({},) * kept,
        np.zeros(kept, np.int32),
    )  # fmt: skip


def merge(shards: int, images: int, keep: int) -> dict[str, float]:
    """Writes so many profiles of so many images each, then merges them in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(shards):
            (Path(folder) / f"{number}.safetensors").write_bytes(encode(drawn(number, images, keep)))
        size = (Path(folder) / "0.safetensors").stat().st_size
        ran = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.profiles", "merging", folder, str(keep)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return {"bytes_a_profile": size, **json.loads(ran.stdout)}


def merging(folder: str, keep: int) -> None:
    """Prints CPU seconds and memory of merging what lies there."""
    before, began = _peak(), time.process_time()
    merger = Merger(keep)
    for path in sorted(Path(folder).iterdir()):
        merger.add(read(str(path)).keyed(Input()))
    reading = merger.merged()
    found = {"cpu": time.process_time() - began, "peak_mb": _peak(), "before_mb": before}
    print(json.dumps({**found, "images": len(reading.contents)}))


def actors(folder: str, artifact: str, workers: int) -> dict[str, float]:
    """Peak memory in MiB of a local run (main process, one decode worker), and of an actor with its decode worker.

    Of several actors, the mean. The ratios are what an actor takes by what the local run with one worker does.
    """
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        for engine in ("local", "ray"):
            line = [
                sys.executable, "-m", "driftcli", "profile", folder, "--artifact", artifact, "--engine", engine,
                "--workers", str(workers if engine == "ray" else 1), "-q", "-o", f"{place}/p.safetensors",
            ]  # fmt: skip
            largest = _Watched(subprocess.Popen(line, stdout=subprocess.DEVNULL)).largest()
            owners = {owner for kind, owner, _ in largest if kind == "decode worker"}
            for measure in MEASURES:
                parts = [
                    size for (_, owner, what), size in largest.items() if owner in owners and what == measure
                ]
                found[f"{engine} {measure}"] = sum(parts) / len(owners)
    return found | {f"ratio {m}": found[f"ray {m}"] / found[f"local {m}"] for m in MEASURES}


class _Watched:
    """A process and all below it, looked at ten times a second."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.peaks = process, dict[tuple[str, int, str], float]()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            for pid in _below(self.process.pid):
                kind, owner = _kind(pid)
                for measure, size in _memory(pid).items() if kind else ():
                    key = kind, owner, measure
                    self.peaks[key] = max(self.peaks.get(key, 0), size)
            time.sleep(0.1)

    def largest(self) -> dict[tuple[str, int, str], float]:
        """Peak by kind of process, whose memory it counts as, and measure."""
        self.process.wait()
        self.thread.join()
        return self.peaks


def _below(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, todo = [root], [root]
    while todo:
        pid = todo.pop()
        children = [child for child, parent in parents.items() if parent == pid]
        found += children
        todo += children
    return found


def _kind(pid: int) -> tuple[str, int]:
    """What a process is, and whose memory it counts as."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return "", 0
    if line.startswith(("ray::Actor", "ray::MapWorker")):
        return "actor", pid
    if "decoding/worker" in line or "decoding.worker" in line:
        return "decode worker", parent
    return ("main", pid) if "driftcli profile" in line else ("", 0)


def _memory(pid: int) -> dict[str, float]:
    """Megabytes (2^20) now, by measure; nothing of a process that has ended."""
    try:
        rows = [row.split() for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]]
    except OSError:
        return {}
    kilobytes = {row[0].rstrip(":"): int(row[1]) for row in rows}
    private = kilobytes["Private_Clean"] + kilobytes["Private_Dirty"]
    return {"resident": kilobytes["Rss"] / 1024, "private": private / 1024}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["merge", "merging", "actors"])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--images", type=int, default=5_000, help="of one profile")
    parser.add_argument("--keep", type=int, default=2_000)
    parser.add_argument("--workers", type=int, default=2, help="actors")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if asked.what == "merging":
        merging(asked.names[0], int(asked.names[1]))
        return
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    if asked.what == "actors":
        runs = [actors(*asked.names, asked.workers) for _ in range(asked.rounds)]
        print(f"{asked.workers} actors, {asked.rounds} rounds; MiB, median (range)")
    else:
        runs = [merge(asked.shards, asked.images, asked.keep) for _ in range(asked.rounds)]
        print(
            f"{asked.shards} profiles of {asked.images:,} images, {asked.keep:,} of each kept; median (range)"
        )
    for key in runs[0]:
        values = [run[key] for run in runs]
        print(f"  {key}: {statistics.median(values):,.2f} ({min(values):,.2f}..{max(values):,.2f})")


if __name__ == "__main__":
    main()
