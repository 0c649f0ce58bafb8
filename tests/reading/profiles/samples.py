"""Readings and profiles without images behind them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from driftcli.core.images import Decoded, FileFacts, Skipped
from driftcli.extractors.properties import Properties
from driftcli.reading.ledger import Tally
from driftcli.reading.open_sources import ORIGIN
from driftcli.reading.profiles.profile import Profile, raw, taken
from driftcli.reading.reading import Reading
from driftcli.reading.shard import Shard
from driftcli.reading.table import Keys, Table

FACTS = FileFacts(8, 8, 100, "JPEG", "RGB", grey=False)
PROPERTIES = 29


def image(number: int, name: str = "", copy_of: int | None = None) -> Decoded:
    """An image whose hashes and columns follow from its number."""

    def hashed(word: str) -> bytes:
        return random.Random(f"{word}{number if copy_of is None else copy_of}").randbytes(32)  # noqa: S311

    columns = {"label": f"c{number % 3}", "time": f"2026-11-0{1 + number % 9}T10:00"} if number % 4 else {}
    marked = {**columns, ORIGIN: str(number % 2)}
    facts = replace(FACTS, format=("JPEG", "PNG")[number % 2], time=1e9 + number)
    return Decoded(
        name or f"{number:04d}.jpg", marked, hashed("content"), hashed("pixels"), number, facts, {}
    )


def read(images: Iterable[Decoded | Skipped], keep: int = 1000) -> Reading:
    """A reading as the pass that makes a profile gives it: sources and columns in its groups."""
    table, tally = Table(keep, Keys(raw, None, None), (Properties(),)), Tally()
    for one in images:
        tally.add(one)
        if isinstance(one, Decoded):
            rng = np.random.default_rng(list(one.content))
            views = {
                "error": rng.normal(size=9).astype(np.float32),
                "style": rng.normal(size=5).astype(np.float16).astype(np.float32),
                "properties": np.where(rng.random(PROPERTIES) < 0.2, np.nan, 1).astype(np.float32),
            }
            table.add(one, views, {})
    return table.reading(tally)


def profile(images: Iterable[Decoded | Skipped], keep: int = 1000, shard: Shard | None = None) -> Profile:
    """A profile of these images and of what was skipped beside them."""
    reading, columns, origin = taken(read(images, keep))
    return Profile(
        extractors="e" * 64,
        sources=("good/mon", "good/tue"),
        shard=shard or Shard(),
        input={"exclude": [], "since": None, "limit": None, "follow": False},
        keep=keep,
        created="2026-11-28T04:00:00Z",
        versions={"driftcli": "0.2.0", "numpy": "2.0"},
        canary={"error": np.ones((3, 9), np.float32)},
        reading=replace(reading, facts=(), thumbnails=()),
        columns=columns,
        origin=origin,
    )
