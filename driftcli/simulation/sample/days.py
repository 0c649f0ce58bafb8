"""The sample folders: a reference, held-out good images, seven days that go wrong, and a day of another mix."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from driftcli.core.errors import UsageError
from driftcli.simulation.sample.cameras import HEALTHY, Fault, develop, expose
from driftcli.simulation.sample.scene import view

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MARK = "sample.json"
"""Says that a folder is ours to write in, and from which seed and recipe its images came."""
RECIPE = 1
MANIFEST = "manifest.csv"
USUAL = (0.45, 0.35, 0.20)
"""Shares of the classes A (hex nut), B (ball bearing), C (gear)."""
SHIFT_DAY = 40
"""Images the camera stores in one shift, 06:00 to 14:00."""


@dataclass(frozen=True)
class Folder:
    """One folder of images: how many, from when, which mix of parts, and what is wrong with the camera."""

    name: str
    images: int
    first_day: str
    mix: tuple[float, float, float] = USUAL
    fault: Fault = HEALTHY


FOLDERS = (
    Folder("reference", 400, "2026-01-05"),
    Folder("good", 360, "2026-01-16"),
    Folder("day-01", SHIFT_DAY, "2026-02-02"),
    Folder("day-02", SHIFT_DAY, "2026-02-03"),
    Folder("day-03", SHIFT_DAY, "2026-02-04"),
    Folder("day-04", SHIFT_DAY, "2026-02-05", fault=Fault(defocus=0.34)),
    Folder("day-05", SHIFT_DAY, "2026-02-06", fault=Fault(defocus=0.48)),
    Folder("day-06", SHIFT_DAY, "2026-02-07", fault=Fault(defocus=0.62, warmth=0.03)),
    Folder("day-07", SHIFT_DAY, "2026-02-08", fault=Fault(defocus=0.74, warmth=0.05)),
    Folder("day-mix", SHIFT_DAY, "2026-02-09", mix=(0.15, 0.25, 0.60)),
)


@dataclass(frozen=True)
class Photo:
    """One stored image: the file's bytes, the class of the part in it, and when it was taken."""

    data: bytes
    label: str
    taken: datetime


def photo(folder: Folder, index: int, seed: int) -> Photo:
    """Image `index` of a folder: a function of (seed, folder, index) alone, whatever else is drawn."""
    rng = np.random.default_rng([seed, crc32(folder.name.encode()), index])
    label = "ABC"[int(rng.choice(3, p=folder.mix))]
    day, slot = divmod(index, SHIFT_DAY)
    minutes = (slot + rng.random()) * 8 * 60 / SHIFT_DAY
    start = datetime.fromisoformat(folder.first_day) + timedelta(days=day, hours=6)
    taken = (start + timedelta(minutes=float(minutes))).replace(microsecond=0)
    picture = expose(view(label, seed, rng), rng, folder.fault)
    return Photo(develop(picture, taken, rng), label, taken)


def name(index: int, suffix: str = "jpg") -> str:
    """The file name of image `index`, the same whatever its class or its camera's fault."""
    return f"img-{index:04d}.{suffix}"


@dataclass(frozen=True)
class Sample:
    """Folders that are drawn together: which, and how an image of them comes about."""

    folders: tuple[Folder, ...]
    photo: Callable[[Folder, int, int], Photo] = photo
    suffix: str = "jpg"
    name: str = ""
    """Stands in the mark, so that no sample is taken for another; the demo's own has none."""


def _write(root: Path, sample: Sample, folder: Folder, seed: int) -> None:
    """One folder's images, then its manifest: a manifest means that the folder is complete."""
    place = root / folder.name
    place.mkdir(parents=True, exist_ok=True)
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(("path", "label", "time"))
    for index in range(folder.images):
        taken, file = sample.photo(folder, index, seed), name(index, sample.suffix)
        (place / file).write_bytes(taken.data)
        table.writerow((file, taken.label, taken.taken.isoformat()))
    (place / MANIFEST).write_text(rows.getvalue(), encoding="utf-8", newline="")


def _complete(root: Path, sample: Sample, folder: Folder) -> bool:
    """Whether a folder's images and manifest are all there."""
    place = root / folder.name
    files = (MANIFEST, *(name(index, sample.suffix) for index in range(folder.images)))
    return all((place / file).is_file() for file in files)


def _claim(root: Path, sample: Sample, seed: int) -> None:
    """Makes the root ours for this sample and seed; what another one left there is drawn anew.

    Raises UsageError when the folder has things in it that this module did not make.
    """
    mark = root / MARK
    ours = {"made_by": "driftcli sample images", "recipe": RECIPE, "seed": seed}
    if sample.name:
        ours["sample"] = sample.name
    if not mark.exists() and any((root / folder.name).exists() for folder in sample.folders):
        raise UsageError(
            f"{root} already has a folder named like a sample folder, and no {MARK}",
            "name another folder: the sample images are not written over files that are yours",
        )
    try:
        same: bool = json.loads(mark.read_text(encoding="utf-8")) == ours
    except (OSError, ValueError):
        same = False
    if not same:
        for folder in sample.folders:
            (root / folder.name / MANIFEST).unlink(missing_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(ours) + "\n", encoding="utf-8")


def _nothing(_folder: str) -> None:
    """Announces nothing."""


def generate(
    root: Path, seed: int = 0, announce: Callable[[str], None] = _nothing, sample: Sample | None = None
) -> int:
    """Write a sample's images under `root`, as far as they are absent; `announce` is called with each folder's name.

    `sample`: the demo's own, if it is None. Returns how many images were written (0: all were there). About ten
    milliseconds an image. Raises UsageError as `_claim`.
    """
    sample = sample or Sample(FOLDERS)
    _claim(root, sample, seed)
    missing = [folder for folder in sample.folders if not _complete(root, sample, folder)]
    for folder in missing:
        announce(folder.name)
        _write(root, sample, folder, seed)
    return sum(folder.images for folder in missing)
