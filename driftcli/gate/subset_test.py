"""The gate once more on a part of the batch: without its strangest images, or on one of its groups alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.gate import composition, overlap
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
        """The verdict on these images (positions in the batch), as `check` would give it on their files alone, without a tolerance.

        `permutations`, `most`: fewer relabellings or images than the settings ask for. None where too few
        images, groups or relabellings are left for an honest answer.
        """
        settings = self.reference.settings
        chosen = chosen[self.testable[chosen]]
        if len(chosen) < settings.gate.min_images:
            return None
        given = {"permutations": permutations, "max_test_images": most, "mode": "batch", "tolerance": 0.0}
        changed = {key: value for key, value in given.items() if value is not None}
        settings = settings.model_copy(update={"gate": settings.gate.model_copy(update=changed)})
        part = self.reading.only(chosen)
        mix = None
        if settings.gate.ignore_composition:
            mix = composition.mix_of(self.reference, self.baseline, part.features)
        try:
            return run_gate(settings, self._gating, part, mix).verdict
        except NotAuditedError:
            return None

    @cached_property
    def testable(self) -> NDArray[np.bool_]:
        """[n]: which images of the batch the test may use (`overlap`)."""
        return overlap.testable(self.reference, self.baseline.features, self.reading.features)

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
