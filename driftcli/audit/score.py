"""`score`: how good a model is, from queues and the labels that people gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from driftcli.audit._named_file import content
from driftcli.check_history import scored
from driftcli.check_history.records import PastLabelled
from driftcli.check_history.scored import Batch, Kept
from driftcli.config.call import Call
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.findings import AccuracyEstimate
from driftcli.core.score_report import ScoreReport
from driftcli.core.text import safe_name
from driftcli.labelling import page, performance, verdict
from driftcli.labelling import queue as queues
from driftcli.labelling.annotations import FORMS, MOST_BYTES, Ratings, read, sort_out
from driftcli.labelling.queue import Queue
from driftcli.labelling.several import together
from driftcli.labelling.verdict import Limits
from driftcli.reading import predictions


@dataclass(frozen=True)
class LabelledQueue:
    """A queue and the files with its labels."""

    folder: str
    labels: Sequence[str]


@dataclass(frozen=True)
class Scored:
    """What was measured, and what of it a history keeps."""

    report: ScoreReport
    kept: Kept | None
    """None where the settings name no history."""


def score(labelled: Sequence[LabelledQueue], limits: Limits, call: Call) -> Scored:
    """A model's accuracy and all that belongs to it, of all queues together and of each day; `exit_code` is 1 where a limit fails.

    What a queue's images are predicted as comes from the tables that the settings name, where the queue does not hold it. A history
    that the settings name keeps the accuracy of each day beside its check.
    Raises NotAuditedError (3) for queues and labels that cannot be used and a history without these checks, UsageError (2) for what
    cannot be asked, InternalError (4) where the history cannot be written.
    """
    known = [_queue(one.folder) for one in labelled]
    history = call.settings.history.file
    if history is not None:
        scored.require(Path(history), [batch for queue, _ in known for batch in _batches(queue)])
    found = [_read(one, *each, call) for one, each in zip(labelled, known, strict=True)]
    queue, ratings = together(found)
    limits = replace(limits, baseline=limits.baseline or queue.baseline)
    verdict.require_whole(limits)
    digests = [digest for _, digest in known]
    digest = digests[0] if len(digests) == 1 else page.digest("\n".join(digests))
    folders = ", ".join(one.folder for one in labelled)
    report = verdict.result(performance.labelled(queue, ratings), folders, digest, limits)
    return Scored(report, None if history is None else _remember(history, queue, report, call))


def _batches(queue: Queue) -> list[Batch]:
    return [Batch(day.digest, day.baseline, day.name) for day in queue.days]


def _remember(history: str, queue: Queue, report: ScoreReport, call: Call) -> Kept:
    """Keep the accuracy of each batch beside its check; warn of batches whose check the history does not hold."""
    measured = []
    for batch, day in zip(_batches(queue), report.days, strict=True):
        # Allowing for wrong labels may take an estimate a little beyond 1.
        found = [
            min(max(share, 0.0), 1.0) for share in (day.accuracy.value, day.accuracy.low, day.accuracy.high)
        ]
        counts = (day.images, day.labelled, day.accuracy.labels)
        accuracy = AccuracyEstimate(*found)
        measured.append((batch, PastLabelled(report.created, report.queue.digest, *counts, accuracy)))
    kept = scored.remember(Path(history), measured)
    if kept.unknown:
        named = ", ".join(map(safe_name, kept.unknown))
        call.progress.warn(f"{safe_name(history)} holds no check of {named}: not kept there")
    return kept


def _read(one: LabelledQueue, queue: Queue, digest: str, call: Call) -> tuple[Queue, Ratings]:
    """The queue with its labels, which carry its digest."""
    ratings = sort_out(
        queue,
        digest,
        [each for name in one.labels for each in read(content(name, MOST_BYTES, f"hand in {FORMS}"), name)],
    )
    return _with_predictions(queue, call), ratings


def _queue(folder: str) -> tuple[Queue, str]:
    """The queue, and the digest that its labels carry."""
    path = Path(folder)
    path = path / queues.FILE if path.is_dir() else path
    raw = content(str(path), queues.MOST_BYTES, queues.HINT)
    queue = queues.read(raw, str(path))
    return queue, page.digest(raw.decode("utf-8"))


def _with_predictions(queue: Queue, call: Call) -> Queue:
    """The queue with what the tables say of its queued images, each of which must be in them."""
    asked = call.settings.predictions
    if not asked.files or predictions.OFF in asked.files:
        return queue
    if any(image.prediction is not None for image in queue.images):
        raise UsageError("--predictions: the queue holds its model's already", "leave the option out")
    whole = call.settings.model_copy(update={"predictions": asked.model_copy(update={"max_missing": 0.0})})
    queued = queue.queued
    said, _ = predictions.of_images(
        [image.image for image in queued], [image.content for image in queued], whole, queue.classes
    )
    foreign = sorted({said.classes[k] for k in said.predicted} - set(queue.classes))
    if foreign:
        raise NotAuditedError(
            f"{safe_name(foreign[0])!r} is predicted, and is no class of the queue",
            f"one of {', '.join(map(safe_name, queue.classes[:12]))}",
        )
    names = {
        image.item: said.classes[place] for image, place in zip(queued, said.predicted.tolist(), strict=True)
    }
    images = tuple(replace(one, prediction=names[one.item]) if one.item else one for one in queue.images)
    return replace(queue, images=images)
