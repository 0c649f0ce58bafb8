"""`score`: how good a model is, from queues and the labels that people gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from driftcli.config.call import Call
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.files import Refused, read_file
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
    """What labels say, and the queue (of several, all as one) that they are of."""

    report: ScoreReport
    queue: Queue


def score(labelled: Sequence[LabelledQueue], limits: Limits, call: Call) -> Scored:
    """A model's accuracy and all that belongs to it, of all queues together and of each day; its report's `exit_code` is 1 where a limit fails.

    What a queue's images are predicted as comes from the tables that the settings name, where the queue does not hold it.
    Raises NotAuditedError (3) for queues and labels that cannot be used, UsageError (2) for what cannot be asked.
    """
    found = [_read(one, call) for one in labelled]
    queue, ratings = together([(queue, ratings) for queue, ratings, _ in found])
    limits = replace(limits, baseline=limits.baseline or queue.baseline)
    verdict.require_whole(limits)
    digests = [digest for _, _, digest in found]
    digest = digests[0] if len(digests) == 1 else page.digest("\n".join(digests))
    folders = ", ".join(one.folder for one in labelled)
    return Scored(verdict.result(performance.labelled(queue, ratings), folders, digest, limits), queue)


def _read(one: LabelledQueue, call: Call) -> tuple[Queue, Ratings, str]:
    """The queue with its labels, and the digest that labels carry."""
    queue, digest = _queue(one.folder)
    ratings = sort_out(queue, digest, [each for name in one.labels for each in read(_bytes(name), name)])
    return _with_predictions(queue, call), ratings, digest


def _bytes(name: str) -> bytes:
    try:
        return read_file(name, MOST_BYTES, follow=True)
    except Refused as refused:
        raise NotAuditedError(
            f"{safe_name(name)} cannot be read: {refused.reason}", f"hand in {FORMS}"
        ) from None


def _queue(folder: str) -> tuple[Queue, str]:
    path = Path(folder)
    path = path / queues.FILE if path.is_dir() else path
    try:
        raw = read_file(str(path), queues.MOST_BYTES, follow=True)
    except Refused as refused:
        raise NotAuditedError(
            f"{safe_name(str(path))} cannot be read: {refused.reason}", queues.HINT
        ) from None
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
