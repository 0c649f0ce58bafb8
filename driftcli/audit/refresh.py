"""`refresh`: a reviewed batch of good images becomes part of a baseline, judged first and kept in its lineage."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.artifact import store as artifacts
from driftcli.artifact.store import Artifact, Draft
from driftcli.audit import classifier
from driftcli.audit._judged import Judged, judge, require_accepted
from driftcli.audit.baseline import leaked, reader_for, unseen
from driftcli.audit.enlarged import compared
from driftcli.calibration import joining
from driftcli.calibration.held_out import HeldOut, drop_seen_images, with_images
from driftcli.calibration.make_baseline import Calibration
from driftcli.config.call import Call
from driftcli.core import sentences
from driftcli.core.addresses import shown
from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.features import Features
from driftcli.core.outcomes import Refreshed
from driftcli.core.stages import Stopwatch
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.gate import good_days, overlap, preconditions, predictions
from driftcli.reading import canaries
from driftcli.reading.cache import refuse_inside
from driftcli.reading.predictions import joined as with_predictions
from driftcli.reading.predictions import offered
from driftcli.reading.profiles.together import Together
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reference.reference import (
    Baseline,
    Reference,
    open_baseline,
    open_reference,
    require_same_fit,
)

if TYPE_CHECKING:
    from driftcli.extractors.networks.classifier import Classifier


@dataclass(frozen=True)
class _Batch:
    """The images that are new to the baseline, and how many were not."""

    reading: Reading
    already_there: int
    dropped_seen: int


@dataclass(frozen=True)
class _Asked:
    """What is to be refreshed, and where to."""

    path: str
    found: Artifact
    reference: Reference
    before: Baseline
    calibrating: Reference
    """The reference with the settings that the baseline was made with."""
    keep: int
    """Images that the baseline may hold."""
    output: str | Path | None


@dataclass(frozen=True)
class _Enlarged:
    """The images of both, read and measured."""

    reading: Reading
    """Of the new ones, with thumbnails."""
    together: joining.Joined
    held_out: HeldOut


def refresh(
    artifact: str | Path,
    sources: Sequence[str],
    call: Call,
    *,
    baseline: str | None = None,
    output: str | Path | None = None,
    drop_seen: bool = False,
    accept_drift: bool = False,
) -> Refreshed:
    """Make new good images part of a baseline and calibrate it anew; what was done, and what it changed.

    `baseline`: chosen as `check` does. `output`: a new folder for the artifact with the refreshed baseline; None: in place.
    Raises UsageError (2) for new images that are drift from the baseline or cannot be compared with it (unless `accept_drift`), for
    keys that are not the baseline's, and as `baseline` for images of F; NotAuditedError (3) for sources without images, ArtifactError
    (3) for an artifact that is damaged, of another machine's making, or changed meanwhile.
    """
    started = time.monotonic()
    watch = Stopwatch(call.progress, call.loading)
    call = replace(call, progress=watch)
    if output is not None:
        _require_new(output)
    refuse_inside(call.settings, [str(artifact), *sources, *([] if output is None else [str(output)])])
    with watch.stage("opening the reference"):
        asked = _opened(str(artifact), baseline, output, call)
        answers = classifier.of_baseline(call, sources, asked.before)
    with reader_for(asked.calibrating, call, answers.classifier) as reader:
        classifier.replay(reader, asked.before, asked.reference.canary)
        batch = _new_images(reader, sources, asked, call, drop_seen=drop_seen)
        if not len(batch.reading.features):
            return _nothing_new(asked, batch, call, watch, started)
        with watch.stage("judging the new images"):
            judged = judge(asked.reference, asked.before, batch.reading)
        require_accepted(judged, len(batch.reading.features), asked.before.name, accept=accept_drift)
        enlarged = _joined(reader, sources, asked, batch)
        unsimulated = unseen(sources, enlarged.held_out, reader.settings.calibrate.detectable)
    made = joining.recalibrate(asked.calibrating, asked.before, enlarged.held_out, call.progress)
    made = _with_lineage(made, asked.before, _entry(asked, sources, batch, judged, enlarged))
    with watch.stage("writing the artifact"):
        written = _write(asked, made, call)
    cautions = (
        *enlarged.reading.cautions,
        *made.cautions,
        *leaked(asked.reference, enlarged.reading.features),
        *unsimulated,
        *_full(enlarged.together, len(batch.reading.features), asked.keep),
    )
    told = _told(asked, batch, judged, enlarged, made, written)
    return replace(told, cautions=cautions, seconds=time.monotonic() - started, stages=watch.stages())


# ---------------------------------------------------------------- what may be asked


def _require_new(output: str | Path) -> None:
    """Raise UsageError where there is something at the place for the new artifact."""
    if artifacts.exists(output):
        raise UsageError(
            f"the artifact {output} exists",
            "choose a new folder for -o; without -o the artifact itself is refreshed",
        )
    artifacts.check_output(output)


def _require_keys(call: Call, before: Baseline) -> None:
    """Raise UsageError for keys other than those that the images of the baseline were read with."""
    for word in ("group", "stratify"):
        key, known = f"input.{word}_by", before.facts.get(f"{word}_by")
        wanted = getattr(call.settings.input, f"{word}_by")
        if key in call.given and wanted is not None and wanted != known:
            made = "without" if known is None else f"with --{word}-by {safe_name(known)}, not with"
            raise UsageError(
                f"baseline {before.name} was made {made} --{word}-by {safe_name(wanted)}",
                f"leave --{word}-by out: new images get the keys of the old ones; or make a new baseline with it",
            )


def _as_before(reference: Reference, before: Baseline, call: Call) -> Reference:
    """The reference with the keys and the simulations that the baseline was made with, unless others were asked for."""
    facts, settings = before.facts, reference.settings
    keys = {key: facts.get(key) for key in ("group_by", "stratify_by")}
    settings = settings.model_copy(update={"input": settings.input.model_copy(update=keys)})
    if "calibrate.detectable" not in call.given:
        settings = joining.simulated_before(settings, facts)
    return replace(reference, settings=settings)


def _most(call: Call, reference: Reference, before: Baseline) -> int:
    """How many images the baseline may hold: as many as it does, at least, unless somebody says otherwise."""
    most = reference.settings.fit.max_images
    return most if "fit.max_images" in call.given else max(most, len(before.features))


def _opened(path: str, baseline: str | None, output: str | Path | None, call: Call) -> _Asked:
    """The artifact and the baseline that is meant. Raises as `refresh`."""
    found, reference = open_reference(path, call.settings, call.given, call.expect_sha256)
    before = open_baseline(found, reference, baseline, path)
    _require_keys(call, before)
    good_days.require(reference.settings.gate, before)
    calibrating = _as_before(reference, before, call)
    return _Asked(path, found, reference, before, calibrating, _most(call, calibrating, before), output)


# ---------------------------------------------------------------- the new images


def _new_images(
    reader: Reader, sources: Sequence[str], asked: _Asked, call: Call, *, drop_seen: bool
) -> _Batch:
    """The images of the sources without those of F and those that the baseline holds.

    Raises ArtifactError where a machine sees the canaries otherwise than the one that measured the baseline.
    """
    reference, before = asked.calibrating, asked.before
    together = Together(reader, sources, asked.keep, asked.path, reference.canary)

    def same_machine(
        views: Mapping[str, NDArray[np.float32]], theirs: Mapping[str, str], machine: str
    ) -> None:
        made_with = before.facts["versions"]
        canaries.compare(before.canary, views, reference.spread, made_with, theirs, machine)

    by_source = reader.settings.input.group_by is None
    reading = together.read(same_machine, "reading images", by_source=by_source, even_one=True)
    preconditions.require(reading, call.settings, 1, "refresh")
    preconditions.require_columns(reading, call.settings, call.given)
    reading, dropped = drop_seen_images(reading, reference.seen, drop_seen)
    known = _known(before.features, reading.features)
    reading = with_images(reading, np.flatnonzero(~known))
    reading = replace(reading, seen=np.sort(reading.features.pixels))
    reading = _predicted(reading, sources, before, call, reader.classifier)
    return _Batch(reading, int(known.sum()), dropped)


def _known(held_out: Features, images: Features) -> NDArray[np.bool_]:
    """[n]: which images C holds: copies of those that it holds once, and files that it holds under the same name.

    Where good images repeat among themselves (an empty belt), a copy under another name is one more good image.
    """
    files = set(zip(held_out.content.tolist(), held_out.names, strict=True))
    same = [file in files for file in zip(images.content.tolist(), images.names, strict=True)]
    known: NDArray[np.bool_] = overlap.copied(held_out).among(images) | np.array(same, bool)
    return known


def _predicted(
    reading: Reading, sources: Sequence[str], before: Baseline, call: Call, asked: Classifier | None
) -> Reading:
    """With predictions where the baseline has some, which all of its images must have. Raises UsageError, NotAuditedError."""
    said, given = before.features.predictions, asked is not None or offered(reading, call.settings)
    if not len(reading.features):
        return reading
    if said is not None and not given:
        raise UsageError(
            f"baseline {before.name} has a classifier's predictions, and none came with these images",
            "give those of the same classifier with --predictions FILE, or itself with --model FILE where it made those of the "
            "baseline; or make a new baseline without: driftcli baseline",
        )
    if said is not None:
        return with_predictions(reading, sources, call.settings, said.classes, classifier=asked)
    alone = predictions.one_sided(before, reading.features, offered=given)
    return reading if alone is None else replace(reading, remarks=(*reading.remarks, alone))


# ---------------------------------------------------------------- the baseline anew


def _joined(reader: Reader, sources: Sequence[str], asked: _Asked, batch: _Batch) -> _Enlarged:
    """The images of both as if one pass had read them, with what is measured of them."""
    before = asked.before
    reading = reader.with_thumbnails(sources, batch.reading, asked.reference.thumbnails)
    features = joining.own_groups(reading.features, _taken(before))
    together = joining.join(before.features, features, asked.keep, before.facts.get("source", ()))
    return _Enlarged(reading, together, joining.measure_joined(reader, sources, before, reading, together))


def _taken(before: Baseline) -> Sequence[str]:
    """Names of groups that new sources must not have; none where groups come from keys."""
    if before.facts.get("group_by") is not None:
        return ()
    return before.features.group or (joining.one_group(before.facts.get("source", ())),)


def _entry(
    asked: _Asked, sources: Sequence[str], batch: _Batch, judged: Judged, enlarged: _Enlarged
) -> Mapping[str, Any]:
    """What the lineage keeps of this refresh."""
    return {
        "created": now_utc(),
        "from": asked.found.digest,
        "images_added": len(enlarged.together.fresh),
        "already_there": batch.already_there,
        "source": [shown(source) for source in sources],
        "verdict": judged.verdict,
        "p_value": judged.p_value,
    }


def _with_lineage(made: Calibration, before: Baseline, entry: Mapping[str, Any]) -> Calibration:
    """The calibration with all that became part of the baseline; what was doubted is a caution for ever."""
    lineage = [*({**each} for each in before.facts.get("lineage", ())), dict(entry)]
    doubted = [sentences.refreshed(each) for each in lineage if each["verdict"] in sentences.DOUBTED]
    facts = {**made.facts, "lineage": lineage, "cautions": [*made.facts["cautions"], *doubted]}
    return replace(made, facts=facts)


def _full(together: joining.Joined, new: int, keep: int) -> list[str]:
    """That not all images found room."""
    added, n = len(together.fresh), len(together.features)
    if together.old + new <= n:
        return []
    said = (
        f"the baseline holds {keep:,} images at most (fit.max_images), those with the lowest content hashes, a random choice: "
        f"{added:,} of {new:,} new images are among them, and {together.old - (n - added):,} of the old ones left"
    )
    return [said]


# ---------------------------------------------------------------- written and told


def _write(asked: _Asked, made: Calibration | None, call: Call) -> Artifact:
    """The artifact with the refreshed baseline, or (None) as it was, where it is asked for. Raises as `_require_unchanged`."""
    with _writing(asked.found, asked.output, call) as draft:
        _require_unchanged(draft, asked.reference, asked.before, asked.path)
        if made is not None:
            made.store(draft)
    return artifacts.read(Path(asked.path if asked.output is None else asked.output))


@contextmanager
def _writing(found: Artifact, output: str | Path | None, call: Call) -> Iterator[Draft]:
    """The artifact, or a copy of it in a new folder, to be changed under its lock."""
    if output is None:
        with artifacts.writing(found.path, expected=call.expect_sha256) as draft:
            yield draft
    else:
        with artifacts.writing(output, create=True, like=found) as draft:
            yield draft


def _require_unchanged(draft: Draft, reference: Reference, before: Baseline, path: str) -> None:
    """Raise ArtifactError where the artifact, or this baseline of it, was made anew since it was read."""
    require_same_fit(draft.document, reference, path)
    if draft.document.get("baselines", {}).get(before.name) != dict(before.facts):
        raise ArtifactError(
            f"baseline {before.name} of {path} was changed while it was being refreshed",
            "run the command again",
        )


def _told(
    asked: _Asked,
    batch: _Batch,
    judged: Judged,
    enlarged: _Enlarged,
    made: Calibration,
    written: Artifact,
) -> Refreshed:
    """What was done, and what the baseline can do now and could before."""
    before, new = asked.before, len(batch.reading.features)
    after = open_baseline(written, asked.reference, before.name, str(written.path))
    figures = compared(before, after, asked.reference.settings.gate.alpha, new)
    return Refreshed(
        artifact=str(Path(asked.path if asked.output is None else asked.output)),
        digest=written.digest,
        digest_before=asked.found.digest,
        baseline=before.name,
        images_before=len(before.features),
        images=len(after.features),
        added=len(enlarged.together.fresh),
        already_there=batch.already_there,
        dropped_seen=batch.dropped_seen,
        ledger=enlarged.reading.ledger,
        verdict=judged.verdict,
        p_value=judged.p_value,
        reason=judged.reason,
        groups=dict(sorted(Counter(after.features.group or ()).items())),
        batch=figures.batch,
        false_alarms_before=figures.false_alarms_before,
        false_alarms=figures.false_alarms,
        gained=figures.gained,
        lost=figures.lost,
        refreshes=len(made.facts["lineage"]),
    )


def _nothing_new(asked: _Asked, batch: _Batch, call: Call, watch: Stopwatch, started: float) -> Refreshed:
    """The baseline as it is; in a new folder, where one was asked for."""
    before, place = asked.before, asked.path
    if asked.output is not None:
        place = str(asked.output)
        _write(asked, None, call)
    n = len(before.features)
    return Refreshed(
        artifact=str(Path(place)),
        digest=artifacts.read(place).digest,
        digest_before=asked.found.digest,
        baseline=before.name,
        images_before=n,
        images=n,
        added=0,
        already_there=batch.already_there,
        dropped_seen=batch.dropped_seen,
        ledger=batch.reading.ledger,
        groups=dict(sorted(Counter(before.features.group or ()).items())),
        refreshes=len(before.facts.get("lineage", ())),
        cautions=batch.reading.cautions,
        seconds=time.monotonic() - started,
        stages=watch.stages(),
    )
