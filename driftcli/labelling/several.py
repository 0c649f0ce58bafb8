"""Queues that were made one after the other, each with its labels, as one: so error rates can be watched from day to day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.labelling.annotations import Ratings
from driftcli.labelling.queue import Control, Day, Queue, QueueImage

Part = tuple[Queue, Ratings]


def together(parts: Sequence[Part]) -> Part:
    """One queue with the days of all, by date, and one table of labels. A single one is as it was.

    Raises UsageError where a batch is in two of them: its images would count twice.
    """
    if len(parts) == 1:
        return parts[0]
    days = [day for queue, _ in parts for day in queue.days]
    twice = {day.digest for day in days if sum(day.digest == other.digest for other in days) > 1}
    if twice:
        named = next(day for day in days if day.digest in twice)
        raise UsageError(
            f"the batch of {safe_name(named.name)} ({safe_name(named.source)}) is in two queues",
            "name each queue once, and queues of different batches",
        )
    classes = tuple(dict.fromkeys(name for queue, _ in parts for name in queue.classes))
    order = sorted(range(len(days)), key=lambda number: days[number].name)
    place = {number: rank for rank, number in enumerate(order)}
    images: list[QueueImage] = []
    controls: list[Control] = []
    first = stratum = 0
    for number, (queue, _) in enumerate(parts):
        images += [
            replace(
                image,
                day=place[first + image.day],
                stratum=stratum + image.stratum,
                item=_item(number, image.item),
            )
            for image in queue.images
        ]
        controls += [replace(control, item=_item(number, control.item) or "") for control in queue.controls]
        first += len(queue.days)
        stratum += 1 + max(image.stratum for image in queue.images)
    return _one(parts, classes, [days[number] for number in order], images, controls), _labels(parts, classes)


def _item(queue: int, item: str | None) -> str | None:
    return None if item is None else f"{queue:03d}/{item}"


def _one(
    parts: Sequence[Part],
    classes: tuple[str, ...],
    days: Sequence[Day],
    images: Sequence[QueueImage],
    controls: Sequence[Control],
) -> Queue:
    queues = [queue for queue, _ in parts]
    designs, baselines = {queue.design for queue in queues}, {queue.baseline for queue in queues}
    return replace(
        max(queues, key=lambda queue: queue.created),
        design=designs.pop() if len(designs) == 1 else "mixed",
        classes=classes,
        days=tuple(days),
        images=tuple(images),
        controls=tuple(controls),
        baseline=baselines.pop() if len(baselines) == 1 else None,
    )


def _labels(parts: Sequence[Part], classes: Sequence[str]) -> Ratings:
    """Row for row one queue after the other, a column for every annotator of any."""
    annotators = tuple(sorted({name for _, ratings in parts for name in ratings.annotators}))
    items: list[str] = []
    rows = []
    for number, (queue, ratings) in enumerate(parts):
        known = np.array([classes.index(name) for name in queue.classes], np.int64)
        values = np.full((len(ratings.items), len(annotators)), -1, np.int64)
        at = [annotators.index(name) for name in ratings.annotators]
        values[:, at] = np.where(ratings.values >= 0, known[ratings.values], -1)
        items += [_item(number, item) or "" for item in ratings.items]
        rows.append(values)
    return Ratings(
        tuple(items),
        annotators,
        np.concatenate(rows),
        sum(ratings.repeated for _, ratings in parts),
        sum(ratings.open for _, ratings in parts),
    )
