"""Queues and labels for the tests of the labelling loop."""

from __future__ import annotations

import numpy as np

from driftcli.labelling.annotations import Annotation, sort_out
from driftcli.labelling.queue import SCHEMA_VERSION, Day, Queue, QueueImage, fill
from tests.labelling.worlds import annotated, world

CLASSES = ("cat", "dog", "owl")


def made(seed=0, images=120, budget=40, days=1, kind="good", controls=(), *, scored=True, predicted=True):
    """A queue, the right class of every image by path, and accuracy."""
    rng = np.random.default_rng(seed)
    score, right = world(rng, images, kind)
    truth = rng.integers(0, 3, images)
    predicted_class = np.where(right > 0, truth, (truth + 1) % 3)
    rows = [
        QueueImage(
            f"day{number % days}/{number}.jpg",
            f"{number:064x}",
            number % days,
            CLASSES[predicted_class[number]] if predicted else None,
            None,
            float(score[number]) if scored else None,
            float(1 - score[number]),
        )
        for number in range(images)
    ]
    full, known = fill(rows, budget, seed, by_correctness=scored, controls=controls)
    queue = Queue(
        SCHEMA_VERSION,
        "2026-11-28T00:00:00Z",
        "driftcli 0",
        seed,
        "by correctness" if scored else "uniform",
        CLASSES,
        tuple(Day(f"2026-11-0{day + 1}", "images", str(day)) for day in range(days)),
        full,
        known,
    )
    return queue, {row.image: int(truth[number]) for number, row in enumerate(rows)}, right.mean()


def answered(queue, truth, errors, seed=0):
    """Ratings of all items by annotators a, b, ... who err so often; control tasks as their label says."""
    rng = np.random.default_rng(seed)
    right = np.array(
        [truth[of.image] if of.image in truth else CLASSES.index(of.label) for of in queue.items.values()]
    )
    values = annotated(rng, right, errors, 3)
    rows = [
        Annotation(item, "abcdefgh"[who], CLASSES[values[place, who]], "here")
        for place, item in enumerate(queue.items)
        for who in range(len(errors))
    ]
    return sort_out(queue, "", rows)
