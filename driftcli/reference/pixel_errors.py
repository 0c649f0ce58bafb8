"""What good images are like to extractors, measured when a baseline is made: what maps and words rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from driftcli.core.features import Features, State
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader

MOST = 256
"""Held-out images that are read again."""
PREFIX = "pixels/"


def usual(reader: Reader, sources: Sequence[str], held_out: Features) -> State:
    """What extractors keep of up to 256 held-out images, read again (`Extractor.usual`); {} where none wants any."""
    asked = {kind: e for kind, e in reader.extractors.items() if e.overrides("usual")}
    if not asked:
        return {}
    few = held_out.first(MOST)
    reader.progress.start("measuring what heat maps show of good images", len(few))
    again = [image.arrays for image in reader.decoded(entries_again(sources, reader.settings, few.names))]
    reader.progress.finish()
    if not again:
        return {}
    kept: dict[str, Any] = {}
    for kind, extractor in asked.items():
        images = np.stack([arrays[kind] for arrays in again])
        measured = extractor.usual(reader.states[kind], images, reader.runtime)
        kept |= {f"{PREFIX}{key}": value for key, value in measured.items()}
    return kept


def of_baseline(drawing: State) -> State:
    """What `usual` measured, by the extractors' own keys."""
    return {key.removeprefix(PREFIX): value for key, value in drawing.items() if key.startswith(PREFIX)}
