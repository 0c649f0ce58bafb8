"""fit(), baseline(), check(): the story on one page, usable from Python without the command line."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from driftcli.artifact import store as artifacts
from driftcli.audit import image_map, result
from driftcli.audit.distributions import summaries
from driftcli.audit.inconclusive import inconclusive
from driftcli.calibration import corruption_library, detectability, fit_steps
from driftcli.calibration.make_baseline import calibrate_baseline, drop_seen_images, merge_readings
from driftcli.check_history import record
from driftcli.check_history.records import Measured
from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError
from driftcli.core.outcomes import Calibrated, Fitted
from driftcli.core.progress import SILENT, Progress
from driftcli.core.report import Report
from driftcli.extractors.base import Runtime, resolve_device
from driftcli.gate import composition, preconditions, rules
from driftcli.gate.batch_test import run_gate
from driftcli.pictures import gallery
from driftcli.pictures.picture import Gallery
from driftcli.reading import canaries
from driftcli.reading.entries import entries_of
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime, versions
from driftcli.reference import pixel_errors
from driftcli.reference.reference import (
    Reference,
    build_extractors,
    build_families,
    open_baseline,
    open_reference,
    require_same_fit,
    with_extractors,
)
from driftcli.reference.split import split

MIN_FIT, MIN_BASELINE = 40, 20


def fit(
    sources: Sequence[str],
    output: str | Path,
    settings: Settings,
    *,
    force: bool = False,
    progress: Progress = SILENT,
) -> Fitted:
    """Learn the reference from F, keep back C, calibrate on it as baseline `holdout`.

    Raises UsageError (exit 2) when the artifact exists and `force` is off, NotAuditedError (3)
    when fewer than 40 usable images are found, InternalError (4) when training diverges.
    """
    started = time.monotonic()
    artifacts.check_output(output, force=force)
    runtime = make_runtime(settings, progress)
    completed = {kind: e.complete(runtime) for kind, e in build_extractors(settings).items()}
    entries = entries_of(sources, settings)  # once: standard input can be read only once
    extractors = fit_steps.resolved(entries, settings, completed)
    states = {k: e.fit(np.empty(0), settings.seed, runtime) for k, e in extractors.items() if not e.learns}
    with Reader(settings, extractors, states, runtime, bool(settings.fit.thumbnails), progress) as reader:
        keep = fit_steps.most_images(settings, extractors)
        reading = reader.read_entries(entries, keep, "reading images")
        preconditions.require(reading, settings, MIN_FIT, "fit")
        share = fit_steps.holdout_share(settings, len(reading.features))
        parts = split(reading.features, share, settings.seed)
        held_out, learnt = parts.held_out, ~parts.held_out
        states |= {
            k: e.fit(reading.prepared[k][learnt], settings.seed, runtime)
            for k, e in extractors.items()
            if e.learns
        }
        features = fit_steps.with_learnt_views(reading, extractors, states, runtime)
        reader.states = states
        birds = canaries.entries()
        seen_birds = reader.read_entries(birds, len(birds), "canaries").features
        f_part, c_part = features.at(np.flatnonzero(learnt)), features.at(np.flatnonzero(held_out))
        study = detectability.study(reader, sources, c_part, settings)
        library = corruption_library.library(reader, sources, c_part)
        errors = pixel_errors.usual(reader, sources, c_part)
    families = build_families(settings, extractors, {}, states, every=True)
    detectors = {f.name: f.detector.fit(f_part.views[f.view], f.columns, settings.seed) for f in families}
    cautions = [*reading.cautions, *fit_steps.left_out(reading, settings, extractors)]
    cautions += [parts.caution] if parts.caution else []
    notes = {k: dict(e.notes(states[k])) for k, e in extractors.items()}
    resolved = with_extractors(settings, extractors)
    spread = {name: np.nanstd(x.astype(np.float64), axis=0) for name, x in f_part.views.items()}
    seen = np.unique(f_part.pixels)
    calibrated = None
    if len(c_part) >= MIN_BASELINE:
        reference = Reference(resolved, extractors, states, detectors, seen, spread, {}, {})
        thumbnails = [t for t, h in zip(reading.thumbnails, held_out, strict=True) if h]
        calibrated = calibrate_baseline(
            "holdout",
            reference,
            c_part,
            thumbnails,
            reading,
            sources,
            seen_birds.views,
            study,
            library,
            errors,
            progress,
        )
        cautions += calibrated.cautions
    elif share:
        cautions.append(f"{len(c_part)} held-out images are too few to calibrate on: run driftcli baseline")
    with artifacts.writing(output, create=True, force=force) as draft:
        for kind, state in states.items():
            draft.put(kind, state)
        draft.put("detectors", {f"{n}/{k}": v for n, s in detectors.items() for k, v in s.items()})
        draft.put("reference", {**fit_steps.in_common(f_part, spread, settings), "seen": seen})
        draft.put("canary", canaries.pack(birds, seen_birds.views))
        draft.document.update(
            fit_steps.fit_document(resolved, f_part, reading, families, versions(), notes, sources)
        )
        if calibrated is not None:
            calibrated.store(draft)
    digest = artifacts.read(output).digest
    seconds = time.monotonic() - started
    return Fitted(
        str(output), digest, len(f_part), len(c_part), reading.ledger, tuple(cautions), notes, seconds
    )


def baseline(
    artifact: str | Path,
    sources: Sequence[str],
    settings: Settings,
    *,
    name: str = "default",
    drop_seen: bool = False,
    given: Collection[str] = (),
    progress: Progress = SILENT,
) -> Calibrated:
    """Calibrate on good images that are not in F. `given`: dotted keys that the user set explicitly.

    Several sources are pooled and remembered as groups. Raises UsageError (2) when more than 1 % of
    the images are in F (unless `drop_seen`), NotAuditedError (3) for fewer than 20 usable images.
    """
    started = time.monotonic()
    _, reference = open_reference(str(artifact), settings, given)
    runtime = make_runtime(settings, progress)
    thumbnails = bool(reference.thumbnails)
    with Reader(
        reference.settings, reference.extractors, reference.states, runtime, thumbnails, progress
    ) as reader:
        birds = canaries.seen_by(reader, reference.canary)
        as_groups = len(sources) > 1 and settings.input.group_by is None
        keep = reference.settings.fit.max_images
        readings = (
            [reader.read([source], keep, f"reading {source}", source) for source in sources]
            if as_groups
            else [reader.read(sources, keep, "reading images")]
        )
        reading = merge_readings(readings, keep)
        preconditions.require(reading, settings, MIN_BASELINE, "baseline")
        reading, dropped = drop_seen_images(reading, reference.seen, drop_seen)
        if len(reading.features) < MIN_BASELINE:
            raise NotAuditedError(
                f"{len(reading.features)} images are left after leaving out those of F; {MIN_BASELINE} are needed",
                "give good images that the reference was not fitted on",
            )
        study = detectability.study(reader, sources, reading.features, reference.settings)
        library = corruption_library.library(reader, sources, reading.features)
        errors = pixel_errors.usual(reader, sources, reading.features)
    calibrated = calibrate_baseline(
        name,
        reference,
        reading.features,
        reading.thumbnails,
        reading,
        sources,
        birds,
        study,
        library,
        errors,
        progress,
    )
    made_with = reference.manifest["versions"]
    elsewhere = canaries.difference(reference.canary, birds, reference.spread, made_with, versions())
    with artifacts.writing(artifact) as draft:
        require_same_fit(draft.document, reference, str(artifact))
        calibrated.store(draft)
    groups = Counter(reading.features.group or ())
    return Calibrated(
        str(artifact),
        artifacts.read(artifact).digest,
        name,
        len(reading.features),
        dropped,
        dict(sorted(groups.items())),
        reading.ledger,
        (*reading.cautions, *calibrated.cautions, *([elsewhere] if elsewhere else [])),
        time.monotonic() - started,
    )


def check(
    artifact: str | Path,
    sources: Sequence[str],
    settings: Settings,
    *,
    baseline: str | None = None,
    given: Collection[str] = (),
    progress: Progress = SILENT,
) -> Report:
    """Audit one batch, and remember the check where the settings name a history.

    Raises DriftcliError only for usage (2) and internal (4) failures, a missing source and a missing or
    broken artifact or history (3); every other "not audited" is a Report with verdict `inconclusive`.
    """
    return _remembered(str(artifact), sources, settings, baseline, given, progress, pictures=False).report


def check_with_pictures(
    artifact: str | Path,
    sources: Sequence[str],
    settings: Settings,
    *,
    baseline: str | None = None,
    given: Collection[str] = (),
    progress: Progress = SILENT,
) -> tuple[Report, Gallery]:
    """As `check`, the same report; then the images that it shows are read once more."""
    found = _remembered(str(artifact), sources, settings, baseline, given, progress, pictures=True)
    return found.report, found.gallery


@dataclass(frozen=True)
class _Checked:
    """A check before it is remembered."""

    report: Report
    gallery: Gallery
    measured: Sequence[Measured] = ()


def _remembered(
    artifact: str,
    sources: Sequence[str],
    settings: Settings,
    baseline: str | None,
    given: Collection[str],
    progress: Progress,
    *,
    pictures: bool,
) -> _Checked:
    """The check, and a row of the history where the settings name one: of one that failed, too."""
    preconditions.contradictions(settings)
    record.prepare(settings)
    try:
        found = _checked(artifact, sources, settings, baseline, given, progress, pictures=pictures)
    except NotAuditedError as error:
        failed = inconclusive(
            error, artifact=Path(artifact), sources=sources, settings=settings, baseline=baseline
        )
        record.record(failed, settings)
        raise
    return replace(found, report=record.record(found.report, settings, found.measured))


def _checked(
    artifact: str,
    sources: Sequence[str],
    settings: Settings,
    baseline: str | None,
    given: Collection[str],
    progress: Progress,
    *,
    pictures: bool,
) -> _Checked:
    started = time.monotonic()
    found, reference = open_reference(artifact, settings, given)
    calibrated = open_baseline(found, reference, baseline, artifact)
    rules.refuse_impossible(settings.gate, calibrated)
    runtime = make_runtime(settings, progress)
    keep = max(settings.gate.max_test_images, settings.report.max_images_in_result)
    to_read = composition.with_remembered_key(reference.settings, calibrated)
    with Reader(to_read, reference.extractors, reference.states, runtime, False, progress) as reader:
        birds = canaries.seen_by(reader, reference.canary)
        canaries.compare(calibrated.canary, birds, reference.spread, calibrated.facts["versions"], versions())
        reading = reader.read(sources, keep, "reading images")
    draft = result.Draft(artifact, sources, reference, calibrated, reading, _environment(runtime))
    nothing = Gallery(reason="nothing was audited")
    problem = preconditions.why_not(reading, reference, calibrated.features, settings)
    if problem is not None:
        return _Checked(draft.inconclusive(*problem, seconds=time.monotonic() - started), nothing)
    mix = composition.mix_of(reference, calibrated, reading.features)
    calibrated, reading = composition.with_family(mix, reference.settings, calibrated, reading)
    draft = replace(draft, baseline=calibrated, reading=reading)
    try:
        outcome = run_gate(reference.settings, calibrated, reading, mix)
    except NotAuditedError as error:
        return _Checked(
            draft.inconclusive(error.what, error.hint, seconds=time.monotonic() - started), nothing
        )
    report = draft.report(outcome, seconds=time.monotonic() - started)
    report = image_map.placed(report, reading.features, calibrated, settings.report.pictures)
    measured = summaries(calibrated.families, calibrated.features.views, outcome.tested.views)
    shown = gallery.made(reader, sources, report, reading.features, calibrated) if pictures else Gallery()
    return _Checked(report, shown, measured)


def _environment(runtime: Runtime) -> dict[str, Any]:
    known = versions()
    return {"device": resolve_device(runtime.device), **{k: known[k] for k in sorted(known)}}
