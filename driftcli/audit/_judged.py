"""What a baseline says of images that are to become part of it, and whether that needs somebody's word."""

from __future__ import annotations

from dataclasses import dataclass, replace

from driftcli.core import amounts, sentences
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.gate import composition, overlap, preconditions, predictions
from driftcli.gate.batch_test import run_gate
from driftcli.reading.reading import Reading
from driftcli.reference.reference import Baseline, Reference


@dataclass(frozen=True)
class Judged:
    """What the baseline of before says of the new images."""

    verdict: str
    p_value: float | None
    reason: str | None = None


def judge(reference: Reference, before: Baseline, reading: Reading) -> Judged:
    """The verdict of `check` on the new images, under the same options; one batch decides by itself."""
    gate = reference.settings.gate.model_copy(update={"mode": "batch"})
    settings = reference.settings.model_copy(update={"gate": gate})
    reference = replace(reference, settings=settings)
    problem = preconditions.why_not(reading, reference, before.features, settings)
    if problem is not None:
        return Judged("inconclusive", None, problem[0])
    mix = composition.mix_of(reference, before, reading.features)
    before, reading = composition.with_family(mix, settings, before, reading)
    before, reading = predictions.with_family(settings, before, reading)
    try:
        outcome = run_gate(settings, before, *overlap.tested(reference, before.features, reading, mix))
    except NotAuditedError as error:
        return Judged("inconclusive", None, error.what)
    return Judged(outcome.verdict.outcome, outcome.verdict.p_value)


def require_accepted(judged: Judged, images: int, name: str, *, accept: bool) -> None:
    """Raise UsageError for images that somebody should look at before they count as good."""
    if accept or judged.verdict not in sentences.DOUBTED:
        return
    if judged.p_value is None:
        raise UsageError(
            f"whether the {images:,} new images are like baseline {name} cannot be told: {judged.reason}",
            "look at them; if all of them are good: --accept-drift, which the baseline remembers",
        )
    raise UsageError(
        f"the {images:,} new images are drift from baseline {name}, p = {amounts.p_value(judged.p_value)}: "
        "as a part of it they would hide such drift from now on",
        "see what is different (driftcli check); if it is how good images look now: --accept-drift, which the baseline remembers",
    )
