"""The gate once more on a part of the batch: without its strangest images, or on one of its groups alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.gate import composition
from driftcli.gate.batch_test import run_gate
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline, Reference
from driftcli.stats import minp
from driftcli.stats.relabelling import PERMUTATIONS


@dataclass(frozen=True)
class Rerun:
    """A check's gate, ready to be run on fewer of its images; only families with a say take part."""

    reference: Reference
    baseline: Baseline
    reading: Reading

    def on(
        self, chosen: NDArray[np.int64], *, permutations: int | None = None, most: int | None = None
    ) -> minp.Verdict | None:
        """The verdict on these images (positions in the batch), as `check` would give it on their files alone.

        `permutations`, `most`: fewer relabellings or images than the settings ask for. None where too few
        images, groups or relabellings are left for an honest answer.
        """
        settings = self.reference.settings
        if len(chosen) < settings.gate.min_images:
            return None
        given = {"permutations": permutations, "max_test_images": most, "mode": "batch"}
        changed = {key: value for key, value in given.items() if value is not None}
        settings = settings.model_copy(update={"gate": settings.gate.model_copy(update=changed)})
        part = _part(self.reading, chosen)
        mix = None
        if settings.gate.ignore_composition:
            mix = composition.mix_of(self.reference, self.baseline, part.features)
        try:
            return run_gate(settings, self._gating, part, mix).verdict
        except NotAuditedError:
            return None

    @property
    def _gating(self) -> Baseline:
        on = tuple(family for family in self.baseline.families if family.gate == "on")
        return replace(self.baseline, families=on)

    def enough(self, tests: int) -> int:
        """The fewest relabellings with which each of so many tests can fall below alpha / tests, and all families can."""
        families = len(self._gating.families)
        alpha = self.reference.settings.gate.alpha
        fitting = (b for b in PERMUTATIONS if (b + 1) * alpha >= max(tests, families) - 1e-9)
        return next(fitting, PERMUTATIONS[-1])


def _part(reading: Reading, chosen: NDArray[np.int64]) -> Reading:
    """The reading as if only these images, and those beyond `keep`, had been there."""
    features = reading.features
    left = np.setdiff1d(np.arange(len(features)), chosen)
    gone, counts = np.unique(features.content[left], return_counts=True)
    first = np.searchsorted(reading.contents, gone)
    rows = np.concatenate(
        [start + np.arange(count) for start, count in zip(first, counts, strict=True)] or [first]
    )
    return replace(reading, features=features.at(chosen), contents=np.delete(reading.contents, rows))
