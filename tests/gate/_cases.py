"""A small gate to ask: one brightness view, images as numbers."""

from __future__ import annotations

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core.features import Column, Features
from driftcli.core.images import Ledger
from driftcli.detectors.univariate import Univariate
from driftcli.reading.reading import Reading
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline, Reference
from driftcli.reference.seen import Seen

COLUMNS = (Column("brightness"),)


def features(values, start=0, group=None, stratum=None) -> Features:
    """One image a value; pixel hashes count from `start`."""
    n = len(values)
    pixels = np.arange(start, start + n, dtype=np.uint64)
    content = np.array([b"%064d" % i for i in range(start, start + n)], "S64")
    view = {"properties": np.asarray(values, np.float32)[:, None]}
    names = tuple(f"{i}.png" for i in range(start, start + n))
    return Features(names, content, pixels, pixels, view, group=group, stratum=stratum)


def reading(batch: Features, unreadable: int = 0, pixels=None) -> Reading:
    """As if these had been all images of the sources."""
    used = len(batch)
    ledger = Ledger(used + unreadable, used, {"broken": unreadable} if unreadable else {}, {}, 0)
    seen = batch.pixels if pixels is None else np.asarray(pixels, np.uint64)
    return Reading(batch, ledger, (), ledger.unreadable_share, batch.content, np.sort(seen))


def family(gate="on") -> Family:
    detector = Univariate()
    state = detector.fit(np.random.default_rng(9).normal(size=(60, 1)).astype("f"), COLUMNS, 0)
    return Family("properties", "properties", gate, detector, COLUMNS, state, named=True, yardstick=True)


def baseline(good: Features, gate="on", **facts) -> Baseline:
    return Baseline("default", good, (family(gate),), {}, {}, {"digest": "x", **facts})


def reference(settings: Settings, seen=()) -> Reference:
    return Reference(settings, {}, {}, {}, Seen(np.asarray(seen, np.uint64)), {}, {}, {}, {})


def settings(gate=None, **sections) -> Settings:
    return Settings.model_validate({"gate": gate or {}, **sections})
