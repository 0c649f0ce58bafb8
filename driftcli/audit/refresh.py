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
from driftcli.audit.baseline import leaked, reader_for, unseen
from driftcli.audit.enlarged import compared
from driftcli.calibration import joining
from driftcli.calibration.held_out import drop_seen_images, with_images
from driftcli.calibration.make_baseline import Calibration
from driftcli.config.call import Call
from driftcli.core import amounts, sentences
from driftcli.core.addresses import shown
from driftcli.core.errors import ArtifactError, NotAuditedError, UsageError
from driftcli.core.features import Features
from driftcli.core.outcomes import Refreshed
from driftcli.core.stages import Stopwatch
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.gate import composition, good_days, overlap, preconditions, predictions
from driftcli.gate.batch_test import run_gate
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
class _Judged:
    """What the baseline of before says of the new images."""

    verdict: str
    p_value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class _Batch:
    """The images that are new to the baseline, and how many were not."""

    reading: Reading
    already_there: int
    dropped_seen: int


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
        found, reference = open_reference(str(artifact), call.settings, call.given, call.expect_sha256)
        before = open_baseline(found, reference, baseline, str(artifact))
        _require_keys(call, before)
        good_days.require(reference.settings.gate, before)
        answers = classifier.of_baseline(call, sources, before)
    calibrating = _as_before(reference, before, call)
    with reader_for(calibrating, call, answers.classifier) as reader:
        classifier.replay(reader, before, reference.canary)
        batch = _new_images(reader, sources, str(artifact), calibrating, before, call, drop_seen=drop_seen)
        place = Path(artifact) if output is None else Path(output)
        if not len(batch.reading.features):
            if output is not None:
                with _writing(found, output, call) as draft:
                    _require_unchanged(draft, reference, before, str(artifact))
            return _nothing_new(place, found, before, batch, watch, started)
        with watch.stage("judging the new images"):
            judged = _judge(reference, before, batch.reading)
        _require_accepted(judged, len(batch.reading.features), before.name, accept=accept_drift)
        reading = reader.with_thumbnails(sources, batch.reading, reference.thumbnails)
        keep = _most(call, calibrating, before)
        features = joining.own_groups(reading.features, _taken(before))
        together = joining.join(before.features, features, keep, before.facts.get("source", ()))
        held_out = joining.measure_joined(reader, sources, before, reading, together)
    made = joining.recalibrate(calibrating, before, held_out, call.progress)
    entry = {
        "created": now_utc(),
        "from": found.digest,
        "images_added": len(together.fresh),
        "already_there": batch.already_there,
        "source": [shown(source) for source in sources],
        "verdict": judged.verdict,
        "p_value": judged.p_value,
    }
    made = _with_lineage(made, before, entry)
    with watch.stage("writing the artifact"), _writing(found, output, call) as draft:
        _require_unchanged(draft, reference, before, str(artifact))
        made.store(draft)
    written = artifacts.read(place)
    after = open_baseline(written, reference, before.name, str(place))
    figures = compared(before, after, reference.settings.gate.alpha, len(batch.reading.features))
    return Refreshed(
        artifact=str(place),
        digest=written.digest,
        digest_before=found.digest,
        baseline=before.name,
        images_before=len(before.features),
        images=len(after.features),
        added=len(together.fresh),
        already_there=batch.already_there,
        dropped_seen=batch.dropped_seen,
        ledger=reading.ledger,
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
        cautions=(
            *reading.cautions,
            *made.cautions,
            *leaked(reference, reading.features),
            *unseen(sources, held_out, reader.settings.calibrate.detectable),
            *_full(together, len(batch.reading.features), keep),
        ),
        seconds=time.monotonic() - started,
        stages=watch.stages(),
    )


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


# ---------------------------------------------------------------- the new images


def _new_images(
    reader: Reader,
    sources: Sequence[str],
    artifact: str,
    reference: Reference,
    before: Baseline,
    call: Call,
    *,
    drop_seen: bool,
) -> _Batch:
    """The images of the sources without those of F and those that the baseline holds.

    Raises ArtifactError where a machine sees the canaries otherwise than the one that measured the baseline.
    """
    together = Together(reader, sources, _most(call, reference, before), artifact, reference.canary)

    def judge(views: Mapping[str, NDArray[np.float32]], theirs: Mapping[str, str], machine: str) -> None:
        made_with = before.facts["versions"]
        canaries.compare(before.canary, views, reference.spread, made_with, theirs, machine)

    by_source = reader.settings.input.group_by is None
    reading = together.read(judge, "reading images", by_source=by_source, even_one=True)
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


# ---------------------------------------------------------------- what the old baseline says of them


def _judge(reference: Reference, before: Baseline, reading: Reading) -> _Judged:
    """The verdict of `check` on the new images, under the same options; one batch decides by itself."""
    gate = reference.settings.gate.model_copy(update={"mode": "batch"})
    settings = reference.settings.model_copy(update={"gate": gate})
    reference = replace(reference, settings=settings)
    problem = preconditions.why_not(reading, reference, before.features, settings)
    if problem is not None:
        return _Judged("inconclusive", None, problem[0])
    mix = composition.mix_of(reference, before, reading.features)
    before, reading = composition.with_family(mix, settings, before, reading)
    before, reading = predictions.with_family(settings, before, reading)
    try:
        outcome = run_gate(settings, before, *overlap.tested(reference, before.features, reading, mix))
    except NotAuditedError as error:
        return _Judged("inconclusive", None, error.what)
    return _Judged(outcome.verdict.outcome, outcome.verdict.p_value)


def _require_accepted(judged: _Judged, images: int, name: str, *, accept: bool) -> None:
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


# ---------------------------------------------------------------- the baseline anew


def _taken(before: Baseline) -> Sequence[str]:
    """Names of groups that new sources must not have; none where groups come from keys."""
    if before.facts.get("group_by") is not None:
        return ()
    return before.features.group or (joining.one_group(before.facts.get("source", ())),)


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


def _nothing_new(
    place: Path, found: Artifact, before: Baseline, batch: _Batch, watch: Stopwatch, started: float
) -> Refreshed:
    n = len(before.features)
    return Refreshed(
        artifact=str(place),
        digest=artifacts.read(place).digest,
        digest_before=found.digest,
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
