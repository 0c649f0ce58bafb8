"""What good images are like to extractors, measured when a baseline is made: what maps and words rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features, State

if TYPE_CHECKING:
    from driftcli.reading.reader import Reader

PREFIX = "pixels/"


def usual(
    reader: Reader, sources: Sequence[str], held_out: Features, prepared: Mapping[str, NDArray[Any]]
) -> State:
    """What extractors keep of some held-out images (`Extractor.usual`); {} where none wants any.

    `prepared`: by kind, the first images of `held_out` as its extractor prepared them, where they are at hand.
    The others are read again, with the extractors that want them, and with no other.
    """
    wanted = {kind: min(e.looks(reader.states[kind]), len(held_out)) for kind, e in reader.extractors.items()}
    at_hand = {kind: prepared[kind][:count] for kind, count in wanted.items() if kind in prepared and count}
    images = at_hand | _read_again(
        reader, sources, held_out, {k: n for k, n in wanted.items() if k not in at_hand}
    )
    kept: dict[str, Any] = {}
    for kind in reader.extractors:
        if kind in images:
            measured = reader.extractors[kind].usual(reader.states[kind], images[kind], reader.runtime)
            kept |= {f"{PREFIX}{key}": value for key, value in measured.items()}
    return kept


def _read_again(
    reader: Reader, sources: Sequence[str], held_out: Features, wanted: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    """By kind, as many of the first images as it wants; none of the kinds that want none."""
    most = max(wanted.values(), default=0)
    if not most:
        return {}
    from driftcli.reading.entries import entries_again

    reader.progress.start("measuring what heat maps show of good images", most)
    again = {entry.name: entry for entry in entries_again(sources, reader.settings, held_out.names[:most])}
    arrays: dict[str, list[NDArray[Any]]] = {}
    counts = sorted({0, *wanted.values()})
    for first, last in pairwise(counts):  # by content hash, not in the sources' order
        some = [again[name] for name in held_out.names[first:last] if name in again]
        for image in reader.narrowed({k for k, n in wanted.items() if n >= last}).decoded(some):
            for kind, array in image.arrays.items():
                arrays.setdefault(kind, []).append(array)
    reader.progress.finish()
    return {kind: np.stack(images) for kind, images in arrays.items()}


def of_baseline(drawing: State) -> State:
    """What `usual` measured, by the extractors' own keys."""
    return {key.removeprefix(PREFIX): value for key, value in drawing.items() if key.startswith(PREFIX)}
