"""`baseline`: good images that the reference was not fitted on, measured and kept beside it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from driftcli.artifact import store as artifacts
from driftcli.audit import classifier
from driftcli.calibration.held_out import FEWEST, HeldOut, drop_seen_images, measure_held_out
from driftcli.calibration.make_baseline import calibrate_baseline
from driftcli.config.call import Call
from driftcli.core.features import Features
from driftcli.core.outcomes import Calibrated
from driftcli.core.predictions import UNKNOWN
from driftcli.core.stages import Stopwatch
from driftcli.core.text import safe_name
from driftcli.explain import duplicates
from driftcli.gate import preconditions
from driftcli.reading import canaries
from driftcli.reading.cache import refuse_inside
from driftcli.reading.predictions import joined, require_tables
from driftcli.reading.profiles.named import divided
from driftcli.reading.profiles.together import Together
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import make_runtime, versions
from driftcli.reference import predicted
from driftcli.reference.names import require_name
from driftcli.reference.reference import Reference, open_reference, require_same_fit
from driftcli.simulation.corrupted_set import CorruptedSet, GoodImages, require_free, write_corrupted

if TYPE_CHECKING:
    from driftcli.extractors.networks.classifier import Classifier

NAMED = 3
"""Near-duplicates that a caution names."""


def baseline(
    artifact: str | Path,
    sources: Sequence[str],
    call: Call,
    *,
    name: str = "default",
    drop_seen: bool = False,
    export_corrupted: str | Path | None = None,
) -> Calibrated:
    """Calibrate on good images that are not in F; what was done.

    Several sources are pooled and remembered as groups. Raises UsageError (2) for a name that no baseline can have and
    when more than 1 % of the images are in F (unless `drop_seen`), NotAuditedError (3) for fewer than 20 distinct
    usable images. `export_corrupted`: a new folder, where some of them are written as they are and under every corruption.
    """
    started = time.monotonic()
    require_name(name)
    require_tables(call.settings)
    if export_corrupted is not None:
        require_free(sources, Path(export_corrupted))
    refuse_inside(call.settings, [str(artifact), *sources])
    watch = Stopwatch(call.progress, call.loading)
    call = replace(call, progress=watch)
    with watch.stage("opening the reference"):
        _, reference = open_reference(str(artifact), call.settings, call.given, call.expect_sha256)
        asked = classifier.named(call, sources)
    with reader_for(reference, call, asked) as reader:
        reading, canary = _read(reader, reference, sources, str(artifact))
        preconditions.require(reading, call.settings, FEWEST, "baseline")
        preconditions.require_columns(reading, call.settings, call.given)
        reading = joined(reading, sources, call.settings, classifier=asked)
        reading, dropped = drop_seen_images(reading, reference.seen, drop_seen)
        preconditions.require_left(reading.features, FEWEST)
        reading = reader.with_thumbnails(sources, reading, reference.thumbnails)
        answering = classifier.answering(reader, reference.canary, reading.features)
        held_out = measure_held_out(reader, sources, reading, canary, answering)
    written = _exported(sources, held_out.features, export_corrupted, call)
    made = calibrate_baseline(name, reference, held_out, call.progress)
    with (
        watch.stage("writing the artifact"),
        artifacts.writing(artifact, expected=call.expect_sha256) as draft,
    ):
        require_same_fit(draft.document, reference, str(artifact))
        made.store(draft)
    return Calibrated(
        artifact=str(artifact),
        digest=artifacts.read(artifact).digest,
        baseline=name,
        images=len(reading.features),
        dropped_seen=dropped,
        groups=dict(sorted(Counter(reading.features.group or ()).items())),
        ledger=reading.ledger,
        cautions=(
            *reading.cautions,
            *made.cautions,
            *_cautions(reference, canary),
            *leaked(reference, reading.features),
            *unseen(sources, held_out, reader.settings.calibrate.detectable),
        ),
        seconds=time.monotonic() - started,
        stages=watch.stages(),
        predictions=made.facts.get(predicted.KEY),
        exported=None if written is None else (written.manifest, written.images, written.of),
    )


def _exported(
    sources: Sequence[str], images: Features, place: str | Path | None, call: Call
) -> CorruptedSet | None:
    """Some of C under every corruption, for the user's classifier to answer; None where nobody asks for it."""
    if place is None:
        return None
    few = images.first(call.settings.predictions.export_images)
    contents = {name: content.decode() for name, content in zip(few.names, few.content.tolist(), strict=True)}
    said = few.predictions
    labels = (
        {}
        if said is None
        else {
            name: said.classes[k]
            for name, k in zip(few.names, said.label.tolist(), strict=True)
            if k != UNKNOWN
        }
    )
    return write_corrupted(sources, GoodImages(contents, labels), Path(place), call)


def reader_for(reference: Reference, call: Call, asked: Classifier | None = None) -> Reader:
    """What turns these images into features as it did with those of F; `asked`: who answers them, too."""
    return Reader(
        settings=reference.settings,
        extractors=reference.extractors,
        states=reference.states,
        runtime=make_runtime(call.settings, call.progress),
        thumbnails=bool(reference.thumbnails),
        progress=call.progress,
        classifier=asked,
    )


def _read(
    reader: Reader, reference: Reference, sources: Sequence[str], artifact: str
) -> tuple[Reading, Mapping[str, NDArray[np.float32]]]:
    """All sources as one reading, and what the machine that read them makes of the canaries.

    Each source is a group of its own where there are several and no `--group-by`. Raises ArtifactError where profiles
    come from machines that see the canaries otherwise than the first.
    """
    together = Together(reader, sources, reader.settings.fit.max_images, artifact, reference.canary)
    machines = canaries.Alike(reference.spread)
    by_source = reader.settings.input.group_by is None
    reading = together.read(machines.judge, "reading images", by_source=by_source)
    return reading, machines.views


def _cautions(reference: Reference, canary: Mapping[str, NDArray[np.float32]]) -> list[str]:
    """That this machine sees the canaries otherwise than the one that fitted, if it does."""
    made_with = reference.manifest["versions"]
    elsewhere = canaries.difference(reference.canary, canary, reference.spread, made_with, versions())
    return [elsewhere] if elsewhere else []


def leaked(reference: Reference, held_out: Features) -> list[str]:
    """That some images are nearly images of the fit set, if they are."""
    near = reference.seen.near
    rows = [] if near is None else duplicates.leaked(held_out, reference.seen.pixels, near).tolist()
    if not rows:
        return []
    names = ", ".join(safe_name(held_out.names[row]) for row in rows[:NAMED])
    more = ", …" if len(rows) > NAMED else ""
    said = (
        f"{len(rows):,} of {len(held_out):,} images look nearly the same as images that the reference was fitted on "
        f"({names}{more}): if they show the same scene again, a model that was trained on those is judged too well on "
        "these; leave them out, or divide training and validation images by scene, camera or day"
    )
    return [said]


def unseen(sources: Sequence[str], held_out: HeldOut, asked: str) -> list[str]:
    """That images behind profiles were not at hand, where something was to be simulated on them."""
    if asked == "none" or held_out.study is not None or not divided(sources)[1]:
        return []
    unseen = "what a check can see was not measured, and checks will not say what drift is like"
    return [f"the images behind the profiles are not on this machine: {unseen}"]
