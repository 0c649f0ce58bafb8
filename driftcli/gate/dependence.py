"""Images that are no independent witnesses: which of C and of the batch belong together, found without being told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.gate import composition
from driftcli.reference.order import dependence_of, look_of
from driftcli.reference.reference import Baseline
from driftcli.stats.dependence import units


@dataclass(frozen=True)
class Found:
    """Dependence along capture time, else path order, and the units that it makes."""

    unit: NDArray[np.int64]
    """[n_c + m], C first: the unit of each image on its side; -1: left out of the test, between two units."""
    copied: bool
    """Neighbours are near-copies; else they are merely alike."""
    images: tuple[int, int]
    """Of C and of the batch."""
    units: tuple[int, int]
    """Of C and of the batch."""

    def within(self, strata: Sequence[str] | None) -> tuple[str, ...]:
        """The unit of each image, [n_c + m]; divided where it spans several strata."""
        names = [f"{unit:06d}" for unit in self.unit.tolist()]
        if strata is not None:
            names = [f"{name} {stratum}" for name, stratum in zip(names, strata, strict=True)]
        return tuple(names)


def found(baseline: Baseline, tested: Features) -> Found | None:
    """What depends on what in C and in the batch, each measured by itself; None where neither shows any dependence.

    By the views of the families that have a say, apart from the mix.
    """
    held_out = baseline.features
    views = [f.view for f in baseline.families if f.gate == "on" and f.name != composition.FAMILY]
    look = look_of(held_out, views)
    (place_c, row_c), (place_y, row_y) = (dependence_of(side, look) for side in (held_out, tested))
    together = units(row_c, row_y)
    if together is None:
        return None
    of_c, of_y = together[0][place_c], together[1][place_y]
    return Found(
        np.concatenate([of_c, of_y]),
        row_c.copied or row_y.copied,
        (len(held_out), len(tested)),
        (int(of_c.max()) + 1, int(of_y.max()) + 1),
    )
