"""Whether a network's own class words mean something on a baseline's images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.reference import pixel_errors

if TYPE_CHECKING:
    from driftcli.core.features import Vocabulary
    from driftcli.extractors.base import Silence
    from driftcli.reference.reference import Baseline, Reference


def words(reference: Reference, baseline: Baseline) -> Vocabulary | Silence | None:
    """The words that a check against this baseline has, or why it has none; None where no network could have any."""
    usual = pixel_errors.of_baseline(baseline.drawing)
    asked = (e.vocabulary(reference.states[kind], usual) for kind, e in reference.extractors.items())
    return next((found for found in asked if found is not None), None)
