"""Heat maps of a report: which extractor can say where an image is strange, and in which unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.report import Report
from driftcli.detectors.mmd import Mmd
from driftcli.extractors.autoencoder import residuals
from driftcli.extractors.base import Direction
from driftcli.extractors.embedding import Embedding
from driftcli.extractors.patches import Patches
from driftcli.pictures.heat_maps import Maps, relative
from driftcli.reading.reader import Reader
from driftcli.reference import pixel_errors
from driftcli.reference.reference import Baseline

Prepared = Mapping[str, NDArray[Any]]
FAR = 3.0
"""Standard deviations of good images' means at which a place gets a colour."""


@dataclass(frozen=True)
class Heat:
    """One family's maps and the extractor whose view of the image they cover."""

    family: str
    kind: str
    maps: Maps


def maps(
    reader: Reader,
    prepared: Prepared,
    rebuilt: NDArray[np.float32] | None,
    report: Report,
    batch: Features,
    baseline: Baseline,
) -> Iterator[Heat]:
    """Of n images, `prepared` by extractor [n, ...] and `rebuilt` by the autoencoder [n, s, s, c].

    Style and content have maps only where they differ significantly: without a shift there is no
    direction, and a map of noise would be shown.
    """
    if rebuilt is not None:
        errors = residuals(prepared["autoencoder"], rebuilt)
        usual, unit = pixel_errors.learnt(baseline.drawing, reader.states["autoencoder"])
        yield Heat("reconstruction", "autoencoder", Maps(list(relative(errors, usual)), 1.0, unit))
    for family in report.families:
        if family.name in {"style", "content"} and family.significant:
            yield from _towards_batch(reader, prepared, family.name, batch, baseline)
    patches = reader.extractors.get("patches")
    if isinstance(patches, Patches):
        found = patches.heat_map(reader.states["patches"], prepared["patches"], reader.runtime)
        unit = "× the strangeness that 99 % of the places of good images stay below"
        yield Heat("local", "patches", Maps(list(found), 1.0, unit))


def _towards_batch(
    reader: Reader, prepared: Prepared, name: str, batch: Features, baseline: Baseline
) -> Iterator[Heat]:
    """Where an image goes the way that the means of the batch went from those of the good images."""
    extractor = reader.extractors.get("embedding")
    family = next(f for f in baseline.families if f.name == name)
    if not isinstance(extractor, Embedding) or not isinstance(family.detector, Mmd):
        return
    good = baseline.features.views[family.view]
    weights = family.detector.direction(family.state, good, batch.views[family.view])
    direction = Direction(family.view, weights, good.mean(axis=0, dtype=np.float64))
    found = extractor.heat_map(reader.states["embedding"], prepared["embedding"], direction, reader.runtime)
    if found is not None:
        unit = f"standard deviations of good images, along the shift of {name}; its mean is the image's own"
        yield Heat(name, "embedding", Maps(list(found), FAR, unit))
