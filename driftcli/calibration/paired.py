"""The same images clean and corrupted: read once more, changed in the workers, paired row for row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.images import Corrupted, Entry
from driftcli.extractors.base import views as declared_views

if TYPE_CHECKING:
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


def joined(parts: Sequence[Sequence[Simulated]], views: Collection[str]) -> Simulated:
    """One simulation of several: `parts` hold different images, the members of a part other changes of the same ones.

    Only these views; images that a member of their part lacks are left out. Rows by content hash, as `simulate` has them.
    """
    whole = [_all_changes(part, views) for part in parts if all(len(member) for member in part)]
    if not whole:
        return replace(parts[0][0], clean=parts[0][0].clean.first(0))
    clean = Features.concatenated([part.clean for part in whole])
    order = np.argsort(clean.content, kind="stable")
    changed = {
        change: {v: np.concatenate([part.changed[change][v] for part in whole])[order] for v in views}
        for change in whole[0].changed
    }
    return Simulated(clean.at(order), changed)


def _all_changes(part: Sequence[Simulated], views: Collection[str]) -> Simulated:
    """The images that all members have, under the changes of all of them."""
    common = reduce(np.intersect1d, [member.clean.content for member in part])
    rows = [np.flatnonzero(np.isin(member.clean.content, common)) for member in part]
    clean = part[0].clean.at(rows[0])
    clean = replace(clean, views={v: clean.views[v] for v in views})
    changed = {
        change: {v: x[v][at] for v in views}
        for member, at in zip(part, rows, strict=True)
        for change, x in member.changed.items()
    }
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
