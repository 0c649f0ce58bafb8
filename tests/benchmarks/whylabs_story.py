"""Seven days of photos, pixelated from the fourth on, through `check --history` and `history`: WhyLabs' example.

    python tests/benchmarks/whylabs_story.py [--data FOLDER] [--scratch FOLDER]

The reference learns from 650 photos of cats and dogs (half of them held out to calibrate on); every day brings
50 others. From day 4 on they are pixelated (severity 3: squares of 3 pixels at a short side of 224). All days
are lossless copies, so that nothing but the squares differs. Each day is checked twice with one history: by the
batch gate (alpha 0.01) and by the gate over all checks (alpha 0.05 for a year of days); the batch counts once.
Expected: the batch gate returns 1 on day 4 and on none of days 1 to 3; the sequence alarms by day 7. Leaves
`history.html` in --scratch.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _lab import data_folder, machine
from null_rate import command
from PIL import Image

from driftcli.check_history import read
from driftcli.corruptions.pixelate import Pixelate

REFERENCE, DAY, DAYS, FIRST, SEVERITY = 650, 50, 7, 4, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "driftcli-whylabs")
    given = parser.parse_args()
    started = time.perf_counter()
    photos = sorted((data_folder(given.data) / "catsdogs").glob("*.jpg"))
    photos = [photos[i] for i in np.random.default_rng(given.seed).permutation(len(photos))]
    given.scratch.mkdir(parents=True, exist_ok=True)
    ref, database = given.scratch / "ref", given.scratch / "drift.db"
    for name in ("drift.db", "drift.db-wal", "drift.db-shm"):
        (given.scratch / name).unlink(missing_ok=True)
    lists = given.scratch / "reference.txt"
    lists.write_text("\n".join(map(str, photos[:REFERENCE])))
    command("fit", lists, "-o", ref, "--force", "--detectable", "none", "--seed", given.seed)
    codes = []
    for day in range(1, DAYS + 1):
        start = REFERENCE + (day - 1) * DAY
        folder = written(photos[start : start + DAY], given.scratch / f"day-{day}", drifted=day >= FIRST)
        batch = command("check", ref, folder, "-q", "--history", database, may_alarm=True)
        over_all = ("--gate", "sequence", "--alpha", "0.05", "--history", database)
        sequence = command("check", ref, folder, "-q", *over_all, may_alarm=True)
        codes.append((batch, sequence))
    table(codes, database)
    page = given.scratch / "history.html"
    shown = [sys.executable, "-m", "driftcli", "history", str(database), "-o", f"html={page}"]
    print(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)
    print(f"{page}; {machine()}; seed {given.seed}; {time.perf_counter() - started:.0f} s")
    batch, sequence = zip(*codes, strict=True)
    good = batch[FIRST - 1] == 1 and not any(batch[: FIRST - 1])
    sys.exit(0 if good and 1 in sequence and 1 not in sequence[: FIRST - 1] else 1)


def written(photos: list[Path], folder: Path, *, drifted: bool) -> Path:
    """The day's photos as lossless files, pixelated or as they are."""
    folder.mkdir(exist_ok=True)
    for photo in photos:
        image = Image.open(photo).convert("RGB")
        if drifted:
            image = Pixelate()(image, SEVERITY, np.random.default_rng(0))
        image.save(folder / f"{photo.stem}.png", compress_level=1)
    return folder


def table(codes: list[tuple[int, int]], database: Path) -> None:
    """A line a day, from the history itself."""
    checks = read.read(database).checks
    pairs = list(zip(checks[::2], checks[1::2], strict=True))
    print("| day | images | p | exit, batch gate (0.01) | evidence | exit, sequence (0.05 a year) |")
    print("|---|---|---|---|---|---|")
    for day, ((alone, over_all), (batch, sequence)) in enumerate(zip(pairs, codes, strict=True), 1):
        what = "pixelated" if day >= FIRST else "good"
        print(f"| {day} | {what} | {alone.p_value:.4f} | {batch} | {over_all.value:.3g} | {sequence} |")
    print()


if __name__ == "__main__":
    main()
