"""A model's accuracy and the rest from a labelled queue, with all that tells how far the labels can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.labelling import aggregation, estimates
from driftcli.labelling.annotations import Ratings
from driftcli.labelling.estimates import Estimate
from driftcli.labelling.queue import Queue, QueueImage

Floats = NDArray[np.float64]
Places = NDArray[np.int64]

FEWEST = 10
"""Labelled images below which no accuracy is estimated."""
LEAST_SHARE = 0.5
"""Of the queue that must be labelled: what annotators leave open is seldom left open at random."""
TOLD_BY = 10
"""Images with two labels, or control tasks of every annotator, that it takes to tell how often labels are wrong."""


@dataclass(frozen=True)
class Labelled:
    """The labelled images of a queue, arrays by image; what is needed of all N beside them."""

    queue: Queue
    ratings: Ratings
    together: aggregation.Aggregated
    told: bool
    """Whether the annotators' labels tell how often they are wrong."""
    images: tuple[QueueImage, ...]
    chance: Floats
    """[n, K]: of each class to be the right one."""
    share: Floats
    """[n, K]: of each class, wrong labels allowed for (`aggregation.Allowed`), where the labels tell how often they are wrong."""
    right: Floats
    noise: Floats
    most: float
    """What `right` is at most."""
    predicted: Places
    taken: Places
    """[n]: positions among all images."""
    probability: Floats
    """[N]: of being labelled: in the queue, and not left open."""
    correctness: Floats | None
    """[N], where it is known of all."""
    day: Places
    """[N]."""

    @property
    def label(self) -> Places:
        """[n]: the most probable class of each."""
        found: Places = self.chance.argmax(axis=1)
        return found

    @property
    def weight(self) -> Floats:
        """[n]: for how many images each stands."""
        found: Floats = 1 / self.probability[self.taken]
        return found


def labelled(queue: Queue, ratings: Ratings) -> Labelled:
    """The labels, aggregated, beside what the queue knows. Raises NotAuditedError where they are too few, or nothing was predicted."""
    known = {control.item: queue.classes.index(control.label) for control in queue.controls}
    truth = np.array([known.get(item, -1) for item in ratings.items], np.int64)
    by_item = {image.item: (place, image) for place, image in enumerate(queue.images) if image.item}
    rows = [row for row, item in enumerate(ratings.items) if item in by_item]
    pairs = [by_item[ratings.items[row]] for row in rows]
    images = tuple(image for _, image in pairs)
    _require_enough(queue, len(images))
    told = _told(ratings, truth)
    together = aggregation.dawid_skene(ratings.values, len(queue.classes), truth)
    chance = together.chance if told else aggregation.majority(ratings.values, len(queue.classes))
    predicted = np.array([_place(queue, image) for image in images], np.int64)
    allowed = aggregation.allowed(chance[rows]) if told else None
    plain = chance[rows, predicted]
    taken = np.array([place for place, _ in pairs], np.int64)
    certain = all(image.correctness is not None for image in queue.images)
    return Labelled(
        queue=queue,
        ratings=ratings,
        together=together,
        told=told,
        images=images,
        chance=chance[rows],
        share=chance[rows] if allowed is None else allowed.share,
        right=plain if allowed is None else allowed.of(predicted),
        noise=np.zeros(len(rows)) if allowed is None else allowed.noise(predicted),
        most=1.0 if allowed is None else allowed.most,
        predicted=predicted,
        taken=taken,
        probability=_not_left_open(queue, taken),
        correctness=np.array([image.correctness for image in queue.images], float) if certain else None,
        day=np.array([image.day for image in queue.images], np.int64),
    )


def _require_enough(queue: Queue, images: int) -> None:
    queued = len(queue.queued)
    if images < FEWEST or images < LEAST_SHARE * queued:
        most = max(FEWEST, int(np.ceil(LEAST_SHARE * queued)))
        raise NotAuditedError(
            f"{images:,} of {queued:,} queued images are labelled; an estimate needs {most:,}",
            "label more of them, and name all files of labels"
            if queued >= FEWEST
            else f"make a queue of {FEWEST} images or more",
        )


def _told(ratings: Ratings, truth: Places) -> bool:
    """Whether overlap or control tasks tell how often labels are wrong."""
    given = ratings.values >= 0
    controls = given[truth >= 0].sum(axis=0)
    return bool(
        (given.sum(axis=1) > 1).sum() >= TOLD_BY or controls.min(initial=TOLD_BY) >= TOLD_BY
    ) and bool(given.any())


def _place(queue: Queue, image: QueueImage) -> int:
    if image.prediction is None:
        raise NotAuditedError(
            "the queue holds no predictions: nobody knows what the model said",
            "hand them in with --predictions FILE: path,prediction",
        )
    return queue.classes.index(image.prediction)


def _not_left_open(queue: Queue, taken: Places) -> Floats:
    """[N]: chances of being queued and labelled, as if images were left open at random within each stratum."""
    chance = np.array([image.probability for image in queue.images])
    stratum = np.array([image.stratum for image in queue.images])
    queued = np.array([image.item is not None for image in queue.images])
    for each in np.unique(stratum):
        here = stratum == each
        done = int(here[taken].sum())
        if not done:
            raise NotAuditedError(
                "of one part of the images (a day, or its most drifted ones) no image is labelled",
                "label the rest of the queue: the other parts cannot stand for it",
            )
        chance[here] *= done / int(queued[here].sum())
    return chance


# ---------------------------------------------------------------- accuracy


def accuracy(of: Labelled, *, as_labelled: bool = False) -> Estimate:
    """Of the model on all images. `as_labelled`: every aggregated label is taken for right."""
    right, noise = of.right, of.noise
    if as_labelled:
        right, noise = (of.label == of.predicted).astype(np.float64), np.zeros(len(of.label))
    return _accuracy(of, right, noise, np.ones(len(of.day), bool))


def of_day(of: Labelled, day: int) -> Estimate:
    """Of the model on the images of one day."""
    return _accuracy(of, of.right, of.noise, of.day == day)


def _accuracy(of: Labelled, right: Floats, noise: Floats, part: NDArray[np.bool_]) -> Estimate:
    """By the difference estimator where correctness is known of all; by PPI++ if all had equal chances, else by weighted mean."""
    inside = part[of.taken]
    place = np.cumsum(part) - 1
    taken, chance = place[of.taken[inside]], of.probability[part]
    right, noise = right[inside], noise[inside]
    if of.correctness is None:
        sampled = len(taken) / int(part.sum())
        return estimates.mean(right, 1 / chance[taken], sampled, noise=noise if noise.any() else None)
    if np.ptp(chance) < 1e-9 and chance[0] < 1 and not noise.any():  # noqa: PLR2004 - rounding
        return estimates.ppi(right, taken, of.correctness[part])
    return estimates.difference(right, taken, chance, of.correctness[part], noise=noise * chance[taken])


def by_drift(of: Labelled) -> tuple[Estimate | None, Estimate | None]:
    """Accuracy on the most drifted images and on the others; None where too few labels say."""
    most = np.array([image.most_drifted for image in of.images], float)
    if not most.any():
        return None, None
    found = (estimates.ratio(of.right * part, part, of.weight) for part in (most, 1 - most))
    return next(found), next(found)
