"""The same images clean and corrupted: read once more, changed in the workers, paired row for row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import Corrupted, Entry
from driftcli.extractors.base import views as declared_views
from driftcli.reading.reader import Reader

Views = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, order=True)
class Change:
    """One corruption at one severity."""

    corruption: str
    severity: float


@dataclass(frozen=True)
class Simulated:
    """n images as they are, and under every change."""

    clean: Features
    changed: Mapping[Change, Views]
    """By change: views [n, d], row for row with `clean`."""

    def __len__(self) -> int:
        return len(self.clean)


def simulate(
    reader: Reader, entries: Sequence[Entry], changes: Sequence[Change], seed: int, stage: str
) -> Simulated:
    """Read every entry clean and under every change. Images that fail anywhere, and copies, are left out."""
    variants = [None, *(Corrupted(c.corruption, c.severity, seed) for c in changes)]
    wanted = (
        replace(entry, name=f"{k:04d}|{entry.name}", corruption=variant)
        for entry in entries
        for k, variant in enumerate(variants)
    )
    count = len(entries) * len(variants)
    found = reader.read_entries(wanted, count, stage, total=count).features
    rows: dict[bytes, dict[int, int]] = {}
    for row, (content, name) in enumerate(zip(found.content, found.names, strict=True)):
        rows.setdefault(bytes(content), {}).setdefault(int(name[:4]), row)
    whole = [by for by in rows.values() if len(by) == len(variants)]
    at = np.array([[by[k] for k in range(len(variants))] for by in whole], np.int64).reshape(
        -1, len(variants)
    )
    clean = found.at(at[:, 0])
    clean = replace(clean, names=tuple(name[5:] for name in clean.names))
    changed = {c: {v: x[at[:, k + 1]] for v, x in found.views.items()} for k, c in enumerate(changes)}
    return Simulated(clean, changed)


FOREIGN_IMAGES = 8


def foreign() -> list[Entry]:
    """Pictures that no user's model was built on: drawn machine parts, as in the sample images."""
    from driftcli.simulation.sample.days import FOLDERS, name, photo

    seed = 20_261_124
    return [Entry(f"foreign-{name(i)}", data=photo(FOLDERS[0], i, seed).data) for i in range(FOREIGN_IMAGES)]


def moved(
    views: Views, simulated: Simulated, change: Change, rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """`views` [m, d] of other clean images, each with what the change did to a random simulated one.

    A corruption moves most features by about as much in one image as in the next, so a few simulated
    images serve batches of any size. A value that is missing on one side of the pair is taken as it is
    after the change. Words cannot be added up: they stay.
    """
    m = len(next(iter(views.values())))
    pick = rng.integers(len(simulated), size=m)
    out = {}
    for name, x in views.items():
        if name in declared_views() and declared_views()[name].worded:
            out[name] = x
            continue
        before, after = simulated.clean.views[name][pick], simulated.changed[change][name][pick]
        shifted = x + (after - before)
        out[name] = np.where(np.isfinite(shifted), shifted, after).astype(np.float32)
    return out
