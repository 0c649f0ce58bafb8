"""Where on an image its strangest place is: the images that a family for small defects found, read once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.extractors.base import Extractor, Shown
from driftcli.reading.entries import entries_again
from driftcli.reading.reader import Reader
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline
from driftcli.stats.minp import Verdict

MOST = 24
"""Images read again."""
PLACES = (
    ("upper left", "at the top", "upper right"),
    ("on the left", "in the centre", "on the right"),
    ("lower left", "at the bottom", "lower right"),
)
"""A third of the image's height and width each."""


@dataclass(frozen=True)
class Spots:
    """By image, the name of the third of its height and width that holds its strangest place."""

    family: str
    at: Mapping[str, str]
    """The strangest image first."""


def find(
    reader: Reader, sources: Sequence[str], batch: Features, baseline: Baseline, verdict: Verdict
) -> Spots | None:
    """The places of the strangest images; None where no family for small defects has a say and differs.

    An image that changed since it was audited, or cannot be read twice, is left out.
    """
    differ = {found.name for found in verdict.families if found.gate == "on" and found.significant}
    family = next((f for f in baseline.families if f.tells == "local" and f.name in differ), None)
    extractors = {k: e for k, e in reader.extractors.items() if family and family.view in e.view_names()}
    if family is None or not extractors:
        return None
    chosen = _strangest(family, batch, baseline)
    wanted = {batch.names[i]: batch.content[i].decode() for i in chosen}
    with replace(reader, extractors=extractors, classifier=None, thumbnails=False) as again:
        decoded = list(again.decoded(entries_again(sources, reader.settings, wanted)))
    same = {image.name: image for image in decoded if wanted.get(image.name) == image.content.hex()}
    kind, extractor = next(iter(extractors.items()))
    names = [name for name in wanted if name in same]
    if not names:
        return None
    images = np.stack([same[name].arrays[kind] for name in names])
    shown = Shown(reader.states[kind], images, reader.runtime)
    return Spots(family.name, dict(zip(names, _places(extractor, family.view, shown), strict=False)))


def _strangest(family: Family, batch: Features, baseline: Baseline) -> Sequence[int]:
    """Positions in the batch, the strangest first."""
    held_out = baseline.features.views[family.view]
    scores = family.detector.scores(family.state, held_out, batch.views[family.view], family.columns)[1]
    return sorted(range(len(batch)), key=lambda i: (-scores[i], batch.names[i]))[:MOST]


def _places(extractor: Extractor, view: str, shown: Shown) -> list[str]:
    maps = extractor.heat(view, shown)
    return [] if maps is None else [name_of(one) for one in maps.values]


def name_of(strangeness: NDArray[np.float32]) -> str:
    """Where the largest value of a map [h, w] is."""
    high, wide = strangeness.shape
    row, column = divmod(int(strangeness.argmax()), wide)
    return PLACES[3 * row // high][3 * column // wide]
