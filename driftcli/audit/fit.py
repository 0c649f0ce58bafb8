"""`fit`: a reference learnt from good images, and its first baseline from those that were held back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from driftcli.artifact import store as artifacts
from driftcli.audit import classifier
from driftcli.calibration import fit_steps
from driftcli.calibration.held_out import FEWEST, HeldOut, measure_held_out, with_images
from driftcli.calibration.make_baseline import Calibration, calibrate_baseline
from driftcli.config.call import Call
from driftcli.core.images import Entry, Skipped
from driftcli.core.outcomes import Fitted
from driftcli.core.progress import Progress
from driftcli.core.stages import Stopwatch
from driftcli.gate import preconditions
from driftcli.reading.entries import entries_of
from driftcli.reading.predictions import joined, require_tables
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import make_runtime
from driftcli.reference import predicted
from driftcli.reference.reference import Reference

FEWEST_TO_FIT = 40
"""Usable images, fit set and held-out set together."""


def fit(
    sources: Sequence[str],
    output: str | Path,
    call: Call,
    *,
    force: bool = False,
) -> Fitted:
    """Learn the reference from F, keep back C, calibrate on it as baseline `holdout`; what was done.

    Raises UsageError (exit 2) when the artifact exists and `force` is off, NotAuditedError (3)
    when fewer than 40 usable images are found, InternalError (4) when training diverges.
    """
    started = time.monotonic()
    artifacts.check_output(output, force=force)
    require_tables(call.settings)
    watch = Stopwatch(call.progress, call.loading)
    call = replace(call, progress=watch)
    with watch.stage("opening networks"):
        reader, entries = _open(sources, call)
        asked = reader.classifier
    with reader:
        reading = _read(reader, entries)
        preconditions.require_columns(reading, call.settings, call.given)
        reading = joined(reading, sources, call.settings, classifier=asked)
        parts = fit_steps.parts(reading.features, call.settings)
        fit_rows, held_rows = np.flatnonzero(~parts.held_out), np.flatnonzero(parts.held_out)
        reading = fit_steps.learn_extractors(reader, reading, fit_rows)
        canary, canary_views = fit_steps.canary(reader)
        held = reader.with_thumbnails(sources, with_images(reading, held_rows), call.settings.fit.thumbnails)
        reading = replace(reading, prepared={})  # half a gigabyte of 40,000 images, and learnt
        answering = classifier.answering(reader, canary, held.features)
        held_out = measure_held_out(reader, sources, held, canary_views, answering)
    fit_set = reading.features.at(fit_rows)
    with watch.stage("learning the reference"):
        reference = fit_steps.learn_reference(reader, fit_set, canary)
    baseline, cautions = _first_baseline(reference, held_out, call.progress)
    with watch.stage("writing the artifact"), artifacts.writing(output, create=True, force=force) as draft:
        fit_steps.store_reference(draft, reference, fit_steps.fit_facts(reference, fit_set, reading, sources))
        if baseline is not None:
            baseline.store(draft)
    return Fitted(
        artifact=str(output),
        digest=artifacts.read(output).digest,
        fitted_on=len(fit_set),
        held_out=len(held_out.features),
        ledger=reading.ledger,
        cautions=(
            *fit_steps.without_effect(call),
            *fit_steps.cautions(reading, reader, parts),
            *cautions,
        ),
        notes=fit_steps.notes(reference),
        seconds=time.monotonic() - started,
        stages=watch.stages(),
        predictions=None if baseline is None else baseline.facts.get(predicted.KEY),
    )


def _open(sources: Sequence[str], call: Call) -> tuple[Reader, Iterable[Entry | Skipped]]:
    """A reader whose extractors are decided and know what they need no images for; and what it is to read."""
    settings, runtime = call.settings, make_runtime(call.settings, call.progress)
    asked = classifier.named(call, sources)
    completed = fit_steps.completed(settings, runtime)
    entries = entries_of(sources, settings)  # once: standard input can be read only once
    extractors = fit_steps.resolved(entries, settings, completed)
    states = fit_steps.states_without_images(extractors, settings.seed, runtime)
    extractors = {kind: e.fitted(states[kind]) if kind in states else e for kind, e in extractors.items()}
    reader = Reader(
        settings,
        extractors,
        states,
        runtime,
        bool(settings.fit.thumbnails),
        call.progress,
        classifier=asked,
    )
    return reader, entries


def _read(reader: Reader, entries: Iterable[Entry | Skipped]) -> Reading:
    """The images of F and C. Raises NotAuditedError for too few, or too many unreadable ones."""
    keep = fit_steps.most_images(reader.settings, reader.extractors)
    reading = reader.read_entries(entries, keep, "reading images")
    preconditions.require(reading, reader.settings, FEWEST_TO_FIT, "fit")
    return reading


def _first_baseline(
    reference: Reference, held_out: HeldOut, progress: Progress
) -> tuple[Calibration | None, list[str]]:
    """The baseline `holdout`, unless too few images were held back for one; and what to say about it."""
    count = len(np.unique(held_out.features.pixels))
    if count < FEWEST:
        too_few = f"{count} distinct held-out images are too few to calibrate on: run driftcli baseline"
        return None, [too_few] if reference.settings.fit.holdout else []
    baseline = calibrate_baseline("holdout", reference, held_out, progress)
    return baseline, baseline.cautions
