"""Images that are no independent witnesses: which of C and of the batch belong together, found without being told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.gate import composition, predictions
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
    timed: bool
    """Neighbours in capture time; else by path."""
    images: tuple[int, int]
    """Of C and of the batch."""
    units: tuple[int, int]
    """Of C and of the batch."""

    @property
    def sentence(self) -> str:
        """How many images count as how many, why, and how to say better."""
        (c, y), (units_c, units_y) = self.images, self.units
        why = "are near-copies" if self.copied else "resemble each other"
        return (
            f"{y:,} images count as {units_y:,} independent ones (the baseline's {c:,} as {units_c:,}): neighbours "
            f"{self._order} {why}; if you know what belongs together, name it with --group-by"
        )

    @property
    def hint(self) -> str:
        """What to do where that is too few."""
        (c, y), (units_c, units_y) = self.images, self.units
        return (
            f"neighbours {self._order} are no independent witnesses: the batch's {y:,} images count as {units_y:,}, the "
            f"baseline's {c:,} as {units_c:,}; give longer batches or calibrate on more images, name what belongs together "
            "with --group-by, or give --dependence off if neighbours are independent"
        )

    @property
    def _order(self) -> str:
        return "in capture time" if self.timed else "by path"

    def within(self, strata: Sequence[str] | None) -> tuple[str, ...]:
        """The unit of each image, [n_c + m]; divided where it spans several strata."""
        names = [f"{unit:06d}" for unit in self.unit.tolist()]
        if strata is not None:
            names = [f"{name} {stratum}" for name, stratum in zip(names, strata, strict=True)]
        return tuple(names)


@dataclass(frozen=True)
class Alone:
    """The batch's neighbours resemble each other where the baseline's surely do not: a difference, and no dependence known before.

    Something may have begun within the batch (a scratch, a lamp that fails), which no test should be kept from finding.
    """

    timed: bool

    @property
    def sentence(self) -> str:
        """What that may mean, and what to do where it is harmless."""
        order = "in capture time" if self.timed else "by path"
        return (
            f"neighbours {order} resemble each other in the batch and not in the baseline: something changed within the batch, "
            "or its images are a row of frames, as the baseline's are not; then name what belongs together with --group-by"
        )


def found(baseline: Baseline, tested: Features, alpha: float) -> Found | Alone | None:
    """What depends on what in C and in the batch, each measured by itself; None where neither shows any dependence.

    By the views of the families that have a say, apart from the mix and from what a classifier says. `alpha`: so small a p-value should stay possible.
    """
    held_out, tested = baseline.features, replace(tested, group=None)
    # Groups of --group-by are what belongs together, and no kinds of images.
    if baseline.facts.get("group_by") is not None:
        held_out = replace(held_out, group=None)
    told = {composition.FAMILY, predictions.FAMILY}
    views = [f.view for f in baseline.families if f.gate == "on" and f.name not in told]
    look = look_of(held_out, views)
    (order_c, place_c, row_c), (order_y, place_y, row_y) = (
        dependence_of(side, look) for side in (held_out, tested)
    )
    if row_y.only_here(row_c):
        return Alone(order_y.timed)
    together = units(row_c, row_y, alpha)
    if together is None:
        return None
    of_c, of_y = together[0][place_c], together[1][place_y]
    return Found(
        np.concatenate([of_c, of_y]),
        row_c.copied or row_y.copied,
        order_c.timed and order_y.timed,
        (len(held_out), len(tested)),
        (int(of_c.max()) + 1, int(of_y.max()) + 1),
    )
