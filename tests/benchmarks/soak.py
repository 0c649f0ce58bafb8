"""Many checks in one process, one after the other: does anything grow?

    python -m tests.benchmarks.soak --checks 1000
    python -m tests.benchmarks.soak --minutes 30

Each check is a command line run in this process (`cli.app.run`), as a scheduler's long-lived worker would: good and changed images, a folder
and a zip in turn, with history, cache, JSON and HTML. After every one are counted: open descriptors, threads, children, files in the temporary
folder and beside the outputs, resident memory. The slope of each over the second half of the run, for every 1,000 checks, is printed
as a Markdown row; the exit code is 1 where a count that must stay does not, or memory grows by more than 32 MB for every 1,000 checks. Linux.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path

import numpy as np

from driftcli.cli import app
from tests.benchmarks._lab import machine
from tests.journey import pictures

COUNTS = ("descriptors", "threads", "children", "temporary files", "files beside outputs", "MB resident")


def counts(temporary: Path, out: Path) -> list[float]:
    """COUNTS, now."""
    proc = Path("/proc/self")
    children = sum(len((task / "children").read_text().split()) for task in (proc / "task").iterdir())
    resident = int((proc / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return [
        len(list((proc / "fd").iterdir())),
        threading.active_count(),
        children,
        len(list(temporary.iterdir())),
        len([path for path in out.rglob("*") if path.is_file()]),
        resident,
    ]


def main() -> int:
    """Runs until the checks or the minutes are over."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checks", type=int, default=10**9)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--pages", type=int, default=20, help="an HTML folder is drawn every so many checks")
    asked = parser.parse_args()
    if asked.checks == 10**9 and asked.minutes == float("inf"):
        parser.error("--checks N or --minutes M")
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        temporary, out = place / "tmp", place / "out"
        temporary.mkdir()
        tempfile.tempdir, os.environ["TMPDIR"] = str(temporary), str(temporary)
        null = os.open(os.devnull, os.O_WRONLY)
        voice = os.dup(1)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)
        good = pictures(place / "good", 100, 1)
        sources = [
            pictures(place / "same", 12, 2),
            pictures(place / "bright", 12, 3, light=45),
            place / "same.zip",
        ]
        with zipfile.ZipFile(sources[2], "w") as archive:
            for image in sources[0].iterdir():
                archive.write(image, image.name)
        fast = ["--method", "properties", "--detectable", "none", "--workers", "1", "-q"]
        codes = {app.run(["fit", str(good), "-o", str(place / "ref"), *fast])}
        rows, began = [], time.monotonic()
        while len(rows) < asked.checks and time.monotonic() - began < 60 * asked.minutes:
            number = len(rows)
            words = [
                "check",
                str(place / "ref"),
                str(sources[number % 3]),
                "--workers",
                "1",
                "--exit-zero",
                "-q",
            ]
            words += [
                "--history",
                str(out / "past.db"),
                "--cache",
                str(place / "cache"),
                "-o",
                f"json={out}/result.json",
            ]
            words += ["-o", f"html={out}/page/"] if number % asked.pages == 0 else []
            out.mkdir(exist_ok=True)
            codes.add(code := app.run(words))
            if code in {130, 143}:
                break
            rows.append(counts(temporary, out))
        seconds = time.monotonic() - began
        os.dup2(voice, 1)
    table = np.array(rows)
    half = table[len(table) // 2 :]
    slopes = np.polyfit(np.arange(len(half)), half, 1)[0] * 1_000
    told = ", ".join(
        f"{name} {half[0, i]:.0f} → {half[-1, i]:.0f} (slope {slopes[i]:+.2f})"
        for i, name in enumerate(COUNTS)
    )
    print(f"| {len(rows)} checks in one process | exit codes {sorted(codes)} | {told} | {seconds:.0f} s |")
    room = np.array([0, 0, 0, 0, 40])  # SQLite's files beside the history, and a page more or less
    grown = bool((half[:, :5].max(0) > half[:, :5].min(0) + room).any()) or slopes[5] > 32
    return int(grown or codes != {0})


if __name__ == "__main__":
    sys.exit(main())
