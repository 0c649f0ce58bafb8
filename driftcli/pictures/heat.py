"""Heat maps of a report: every extractor that can say where an image is strange is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.report import Report
from driftcli.extractors.base import Direction, Extractor, Shown, kinds
from driftcli.pictures.heat_maps import Maps
from driftcli.reading.reader import Reader
from driftcli.reference import pixel_errors
from driftcli.reference.reference import Baseline

Prepared = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Heat:
    """One family's maps and the extractor whose view of the image they cover."""

    family: str
    kind: str
    maps: Maps


@dataclass(frozen=True)
class Rebuilt:
    """What one extractor makes of n images, and its kind."""

    kind: str
    images: NDArray[np.float32]
    """[n, s, s, c] in [0, 1]."""


def drawing(extractors: Mapping[str, Extractor]) -> dict[str, Extractor]:
    """Those that have maps or reconstructions."""
    return {kind: e for kind, e in extractors.items() if e.overrides("heat") or e.overrides("reconstruct")}


def rebuilt(reader: Reader, prepared: Prepared) -> Rebuilt | None:
    """By the first extractor that rebuilds images at all; None where none does."""
    for kind in _ordered(reader):
        extractor = reader.extractors[kind]
        images = extractor.reconstruct(reader.states[kind], prepared[kind], reader.runtime)
        if images is not None:
            return Rebuilt(kind, images)
    return None


def maps(
    reader: Reader, prepared: Prepared, remade: Rebuilt | None, report: Report, sides: Sides
) -> Iterator[Heat]:
    """Of n images, `prepared` by extractor [n, ...].

    The map of an error comes first, for it stands beside the reconstruction; the others in the order of
    their families.
    """
    significant = {family.name for family in report.families if family.significant}
    for kind in _ordered(reader):
        own = remade.images if remade is not None and remade.kind == kind else None
        usual = pixel_errors.of_baseline(sides.baseline.drawing)
        for view in reader.extractors[kind].views:
            direction = sides.direction(view.family) if view.family in significant else None
            state = reader.states[kind]
            shown = Shown(state, prepared[kind], reader.runtime, own, usual, direction)
            found = reader.extractors[kind].heat(view.name, shown)
            if found is not None:
                yield Heat(view.family, kind, Maps(list(found.values), found.low, found.unit))


@dataclass(frozen=True)
class Sides:
    """What a shift leads from and to."""

    batch: Features
    baseline: Baseline

    def direction(self, name: str) -> Direction | None:
        """Where the means of the batch went from those of the good images, in one family's view."""
        family = next((f for f in self.baseline.families if f.name == name), None)
        if family is None:
            return None
        good = self.baseline.features.views[family.view]
        weights = family.detector.direction(family.state, good, self.batch.views[family.view])
        if weights is None:
            return None
        return Direction(family.view, weights, good.mean(axis=0, dtype=np.float64))


def _ordered(reader: Reader) -> Sequence[str]:
    """Kinds that rebuild images, then the others, as they are listed."""
    known = [kind for kind in kinds() if kind in reader.extractors]
    return sorted(known, key=lambda kind: not reader.extractors[kind].overrides("reconstruct"))
