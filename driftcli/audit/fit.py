"""`fit`: a reference learnt from good images, and its first baseline from those that were held back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from driftcli.artifact import store as artifacts
from driftcli.calibration import fit_steps
from driftcli.calibration.held_out import FEWEST, HeldOut, measure_held_out, with_images
from driftcli.calibration.make_baseline import Calibration, calibrate_baseline
from driftcli.config.settings import Settings
from driftcli.core.outcomes import Fitted
from driftcli.core.progress import SILENT, Progress
from driftcli.gate import preconditions
from driftcli.reading import canaries
from driftcli.reading.entries import entries_of
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime
from driftcli.reference.reference import Reference
from driftcli.reference.split import split

FEWEST_TO_FIT = 40
"""Usable images, fit set and held-out set together."""


def fit(
    sources: Sequence[str],
    output: str | Path,
    settings: Settings,
    *,
    force: bool = False,
    progress: Progress = SILENT,
) -> Fitted:
    """Learn the reference from F, keep back C, calibrate on it as baseline `holdout`; what was done.

    Raises UsageError (exit 2) when the artifact exists and `force` is off, NotAuditedError (3)
    when fewer than 40 usable images are found, InternalError (4) when training diverges.
    """
    started = time.monotonic()
    artifacts.check_output(output, force=force)
    runtime = make_runtime(settings, progress)
    completed = fit_steps.completed(settings, runtime)
    entries = entries_of(sources, settings)  # once: standard input can be read only once
    extractors = fit_steps.resolved(entries, settings, completed)
    states = fit_steps.states_without_images(extractors, settings.seed, runtime)
    with Reader(settings, extractors, states, runtime, bool(settings.fit.thumbnails), progress) as reader:
        reading = reader.read_entries(entries, fit_steps.most_images(settings, extractors), "reading images")
        preconditions.require(reading, settings, FEWEST_TO_FIT, "fit")
        share = fit_steps.holdout_share(settings, len(reading.features))
        parts = split(reading.features, share, settings.seed)
        reader.states = fit_steps.learnt_states(reader, reading, np.flatnonzero(~parts.held_out))
        reading = fit_steps.with_learnt_views(reader, reading)
        canary = canaries.entries()
        canary_views = reader.read_entries(canary, len(canary), "canaries").features.views
        kept_back = with_images(reading, np.flatnonzero(parts.held_out))
        held_out = measure_held_out(reader, sources, kept_back, canary_views)
    fit_set = reading.features.at(np.flatnonzero(~parts.held_out))
    reference = fit_steps.learn_reference(reader, fit_set, canaries.pack(canary, canary_views))
    baseline, cautions = _first_baseline(reference, held_out, share, progress)
    with artifacts.writing(output, create=True, force=force) as draft:
        fit_steps.store_reference(draft, reference, fit_steps.fit_facts(reference, fit_set, reading, sources))
        if baseline is not None:
            baseline.store(draft)
    return Fitted(
        artifact=str(output),
        digest=artifacts.read(output).digest,
        fitted_on=len(fit_set),
        held_out=len(held_out.features),
        ledger=reading.ledger,
        cautions=(*fit_steps.cautions(reading, reader, parts), *cautions),
        notes=fit_steps.notes(reference),
        seconds=time.monotonic() - started,
    )


def _first_baseline(
    reference: Reference, held_out: HeldOut, share: float, progress: Progress
) -> tuple[Calibration | None, list[str]]:
    """The baseline `holdout`, unless too few images were held back for one; and what to say about it.

    `share`: that was to be held back; where it is 0, nobody asked for a baseline.
    """
    count = len(held_out.features)
    if count < FEWEST:
        too_few = f"{count} held-out images are too few to calibrate on: run driftcli baseline"
        return None, [too_few] if share else []
    baseline = calibrate_baseline("holdout", reference, held_out, progress)
    return baseline, baseline.cautions
