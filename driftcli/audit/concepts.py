"""What a batch shows, in the words of the network that saw it: which subjects more, which fewer, and of each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from driftcli.audit.vocabulary import words
from driftcli.core.features import Features, Vocabulary
from driftcli.core.findings import ConceptsResult, ImageResult
from driftcli.explain.concepts import Moved, chosen, subjects
from driftcli.extractors.base import Silence
from driftcli.gate.batch_test import Outcome
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline, Reference


@dataclass(frozen=True)
class Concepts:
    """The words for one batch."""

    reference: Reference
    baseline: Baseline
    outcome: Outcome

    @cached_property
    def _words(self) -> Vocabulary | Silence | None:
        return words(self.reference, self.baseline)

    @cached_property
    def _family(self) -> Family | None:
        """The family whose view is in words; None where it is off."""
        return next((family for family in self.baseline.families if family.worded), None)

    def result(self, alpha: float) -> ConceptsResult | None:
        """Which subjects became more and which fewer; None where no network could have words."""
        known, family = self._words, self._family
        if known is None:
            return None
        if isinstance(known, Silence):
            return ConceptsResult(known.source, speaks=False, reason=known.reason)
        if family is None:
            return ConceptsResult(known.source, speaks=False, reason="families.concepts.gate is off")
        moved = self._moved(family, len(known.words), alpha)
        more, fewer = ((), ()) if moved is None else chosen(moved, known, alpha)
        return ConceptsResult(known.source, speaks=True, reason=None, more=more, fewer=fewer)

    def _moved(self, family: Family, count: int, alpha: float) -> Moved | None:
        """How the shares moved, as arrays of `count` words."""
        sides = (side.views[family.view] for side in (self.baseline.features, self.outcome.tested))
        held_out, batch, relabellings = self.outcome.relabellings.tested(*sides)
        found = family.detector.changes(family.state, held_out, batch, relabellings, family.columns, alpha)
        return None if found is None else of_every_word(found, count)

    def with_subjects(self, images: Sequence[ImageResult], batch: Features) -> tuple[ImageResult, ...]:
        """The images with what each of them shows, where the words mean something."""
        known, family = self._words, self._family
        if not isinstance(known, Vocabulary) or family is None:
            return tuple(images)
        shown = dict(zip(batch.names, subjects(batch.views[family.view], known), strict=True))
        return tuple(replace(image, subject=shown[image.path]) for image in images)


def of_every_word(found: Any, count: int) -> Moved:
    """What a detector's `changes` found, [count]: of words, too, that no image has among its largest shares."""
    arrays = {}
    for field in fields(Moved):
        known = getattr(found, field.name)[:count]
        arrays[field.name] = np.pad(known, (0, count - len(known)), constant_values=NEVER_MET[field.name])
    return Moved(**arrays)


NEVER_MET = {
    "before": 0.0, "after": 0.0, "p": 1.0, "low": -1.0, "high": 1.0, "sure_before": 0.0, "sure_after": 0.0,
}  # fmt: skip
"""Of a word that no image has among its largest shares."""
