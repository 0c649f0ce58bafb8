"""`check`: one batch against one baseline, remembered where the settings name a history."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.audit import classifier, image_map, result
from driftcli.audit.distributions import summaries
from driftcli.audit.inconclusive import inconclusive
from driftcli.audit.spots import find
from driftcli.check_history import record
from driftcli.check_history.records import Measured
from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core.errors import NotAuditedError
from driftcli.core.report import Report
from driftcli.core.stages import Stopwatch
from driftcli.extractors.base import resolve_device
from driftcli.gate import composition, good_days, overlap, preconditions, predictions, rules
from driftcli.gate.batch_test import run_gate
from driftcli.pictures import gallery
from driftcli.pictures.picture import Gallery
from driftcli.reading import canaries
from driftcli.reading.cache import refuse_inside
from driftcli.reading.predictions import joined, offered, require_tables
from driftcli.reading.profiles.together import Together
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import engines, make_runtime, versions
from driftcli.reference.reference import Baseline, Reference, open_baseline, open_reference

if TYPE_CHECKING:
    from driftcli.extractors.networks.classifier import Classifier


def check(
    artifact: str | Path,
    sources: Sequence[str],
    call: Call,
    *,
    baseline: str | None = None,
) -> Report:
    """Audit one batch, and remember the check where the settings name a history; the result.

    Raises DriftcliError only for usage (2) and internal (4)
    failures, a missing source and a missing or broken artifact or history (3); every other "not audited" is a
    Report with verdict `inconclusive`.
    """
    return _check(_Asked(str(artifact), sources, call, baseline)).report


def check_with_pictures(
    artifact: str | Path,
    sources: Sequence[str],
    call: Call,
    *,
    baseline: str | None = None,
) -> tuple[Report, Gallery]:
    """As `check`, the same report; then the images that it shows are read once more."""
    checked = _check(_Asked(str(artifact), sources, call, baseline, pictures=True))
    return checked.report, checked.gallery


@dataclass(frozen=True)
class _Asked:
    """One call: the arguments of `check`, and whether its report shows pictures."""

    artifact: str
    sources: Sequence[str]
    call: Call
    baseline: str | None
    pictures: bool = False

    @property
    def settings(self) -> Settings:
        """Those of the call."""
        return self.call.settings


@dataclass(frozen=True)
class _Checked:
    """A check before it is remembered."""

    report: Report
    gallery: Gallery = field(default_factory=lambda: Gallery(reason="nothing was audited"))
    measured: Sequence[Measured] = ()


def _check(asked: _Asked) -> _Checked:
    """The audit, and a row of the history where the settings name one: of one that failed, too."""
    settings = asked.settings
    preconditions.contradictions(settings)
    refuse_inside(settings, [asked.artifact, *asked.sources])
    record.prepare(settings)
    watch = Stopwatch(asked.call.progress, asked.call.loading)
    asked = replace(asked, call=replace(asked.call, progress=watch))
    try:
        checked = _audit(asked)
    except NotAuditedError as error:
        failed = inconclusive(
            error,
            artifact=Path(asked.artifact),
            sources=asked.sources,
            settings=settings,
            baseline=asked.baseline,
        )
        record.record(_addressed(failed, asked), settings)
        raise
    report = _addressed(checked.report, asked)
    report = replace(report, timing={**report.timing, "stages": watch.stages()})
    return replace(checked, report=record.record(report, settings, checked.measured))


def _addressed(report: Report, asked: _Asked) -> Report:
    """With the day that the images are from, and where the report will be found."""
    batch = replace(report.batch, date=record.date(asked.settings))
    return replace(report, batch=batch, link=asked.call.link)


def _audit(asked: _Asked) -> _Checked:
    """Open, read, refuse or test, explain."""
    started = time.monotonic()
    progress = asked.call.progress
    require_tables(asked.settings)
    progress.start("opening the reference")
    reference, baseline = _open(asked)
    answers = classifier.of_baseline(asked.call, asked.sources, baseline)
    progress.finish()
    reader = _reader(asked, reference, baseline, answers.classifier)
    reading = _read(reader, asked, reference, baseline)
    preconditions.require_columns(reading, asked.settings, asked.call.given)
    environment = _environment(reader)
    draft = result.Draft(asked.artifact, asked.sources, reference, baseline, reading, environment)
    problem = preconditions.why_not(reading, reference, baseline.features, asked.settings)
    if problem is not None:
        return _Checked(draft.inconclusive(*problem, seconds=time.monotonic() - started))
    reading = _with_predictions(asked, baseline, reading, answers)
    draft = replace(draft, reading=reading)
    mix = composition.mix_of(reference, baseline, reading.features)
    baseline, reading = composition.with_family(mix, reference.settings, baseline, reading)
    baseline, reading = predictions.with_family(reference.settings, baseline, reading)
    draft = replace(draft, baseline=baseline, reading=reading)
    progress.start("statistics")
    try:
        outcome = run_gate(
            reference.settings, baseline, *overlap.tested(reference, baseline.features, reading, mix)
        )
    except NotAuditedError as error:
        progress.finish()
        return _Checked(draft.inconclusive(error.what, error.hint, seconds=time.monotonic() - started))
    progress.finish()
    progress.start("explaining")
    spots = find(reader, asked.sources, reading.features, baseline, outcome.verdict)
    draft = replace(draft, spots=spots)
    report = draft.report(outcome, seconds=time.monotonic() - started)
    report = image_map.placed(report, reading.features, baseline, asked.settings.report)
    progress.finish()
    measured = summaries(baseline.families, baseline.features.views, outcome.tested.views)
    if not asked.pictures:
        return _Checked(report, Gallery(), measured)
    pictures = gallery.made(reader, asked.sources, report, reading.features, baseline)
    return _Checked(report, pictures, measured)


def _open(asked: _Asked) -> tuple[Reference, Baseline]:
    """Reference and baseline of the artifact. Raises UsageError for a gate that no batch could pass."""
    artifact, reference = open_reference(
        asked.artifact, asked.settings, asked.call.given, asked.call.expect_sha256
    )
    baseline = open_baseline(artifact, reference, asked.baseline, asked.artifact)
    rules.refuse_impossible(asked.settings, baseline)
    good_days.require(asked.settings.gate, baseline)
    return reference, baseline


def _reader(asked: _Asked, reference: Reference, baseline: Baseline, answers: Classifier | None) -> Reader:
    """What turns the batch into features as it did with the baseline's images."""
    settings = composition.with_remembered_key(reference.settings, baseline)
    runtime = make_runtime(asked.settings, asked.call.progress)
    return Reader(
        settings,
        reference.extractors,
        reference.states,
        runtime,
        progress=asked.call.progress,
        classifier=answers,
    )


def _read(reader: Reader, asked: _Asked, reference: Reference, baseline: Baseline) -> Reading:
    """The batch. Raises ArtifactError where a machine sees the canaries otherwise than the baseline's did."""
    keep = max(asked.settings.gate.max_test_images, asked.settings.report.max_images_in_result)
    together = Together(reader, asked.sources, keep, asked.artifact, reference.canary)

    def judge(views: Mapping[str, NDArray[np.float32]], theirs: Mapping[str, str], machine: str) -> None:
        made_with = baseline.facts["versions"]
        canaries.compare(baseline.canary, views, reference.spread, made_with, theirs, machine)

    with reader if together.read_here else nullcontext():
        classifier.replay(reader, baseline, reference.canary)
        return together.read(judge, "reading images")


def _with_predictions(
    asked: _Asked, baseline: Baseline, reading: Reading, answers: classifier.Asked
) -> Reading:
    """The batch with its predictions where the baseline has some; that only one side has any is said.

    Raises NotAuditedError, UsageError as `joined`; NotAuditedError where a rule about accuracy has nothing to judge by.
    """
    said = baseline.features.predictions
    if said is not None:
        reading = joined(reading, asked.sources, asked.settings, said.classes, classifier=answers.classifier)
    found = reading.features.predictions
    alone = predictions.one_sided(baseline, reading.features, offered=offered(reading, asked.settings))
    alone = alone if alone is None or found is not None else answers.remark or alone
    if asked.settings.harm.max_accuracy_drop is not None and (found is None or found.hard):
        rules.refuse_unanswered(baseline.name, alone)
    return reading if alone is None else replace(reading, remarks=(*reading.remarks, alone))


def _environment(reader: Reader) -> dict[str, Any]:
    """Device, what ran the networks, and versions: all that can change a number."""
    known = versions()
    ran = engines(reader.extractors, reader.states, reader.runtime)
    device = resolve_device(reader.runtime.device)
    return {"device": device, **({"runtime": ran} if ran else {}), **{k: known[k] for k in sorted(known)}}
