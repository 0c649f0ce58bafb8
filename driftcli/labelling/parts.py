"""The parts of a result: by class, by day, who labelled what, as the published JSON has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from driftcli.core.score_report import (
    AgreementResult,
    AnnotatorResult,
    ClassResult,
    ConfusionCell,
    DayResult,
    Interval,
    LabelResult,
)
from driftcli.labelling import estimates, monitor
from driftcli.labelling.agreement import krippendorff
from driftcli.labelling.estimates import Estimate
from driftcli.labelling.performance import Labelled, of_day


def interval(found: Estimate | None) -> Interval | None:
    """As the result writes it."""
    return None if found is None else Interval(found.value, found.low, found.high, found.labels)


def sure(found: Estimate) -> Interval:
    """As `interval`, of what is there."""
    return Interval(found.value, found.low, found.high, found.labels)


def classes(of: Labelled, day: int | None = None) -> tuple[ClassResult, ...]:
    """Each class, wrong labels allowed for; of one day, or of all."""
    inside = _inside(of, day)
    share, predicted, weight = of.share[inside], of.predicted[inside], of.weight[inside]
    found = []
    for place, name in enumerate(of.queue.classes):
        each = estimates.of_class(share[:, place], (predicted == place).astype(float), weight)
        count = int((of.label[inside] == place).sum())
        found.append(
            ClassResult(name, count, interval(each.precision), interval(each.recall), interval(each.f1))
        )
    return tuple(found)


def confusion(of: Labelled) -> tuple[ConfusionCell, ...]:
    """The cells with a label in them, by class."""
    found = []
    for row, label in enumerate(of.queue.classes):
        for column, prediction in enumerate(of.queue.classes):
            hit = of.predicted == column
            count = int((hit & (of.label == row)).sum())
            if count:
                share = interval(estimates.ratio(of.share[:, row] * hit, of.share[:, row], of.weight))
                found.append(ConfusionCell(label, prediction, count, share))
    return tuple(found)


def days(of: Labelled, evidence: monitor.Evidence | None) -> tuple[DayResult, ...]:
    """Each batch, by date; by class, too, where there are several."""
    several = len(of.queue.days) > 1
    return tuple(
        DayResult(
            day.name,
            day.source,
            int((of.day == place).sum()),
            int((of.day[of.taken] == place).sum()),
            sure(of_day(of, place)),
            None if evidence is None else evidence.values[place],
            classes(of, place) if several else (),
        )
        for place, day in enumerate(of.queue.days)
    )


def _inside(of: Labelled, day: int | None) -> NDArray[np.bool_]:
    """[n]: the labels of a day, or all."""
    inside: NDArray[np.bool_] = np.ones(len(of.taken), bool) if day is None else of.day[of.taken] == day
    return inside


def watch(of: Labelled, limit: float) -> monitor.Evidence:
    """Evidence, day by day, that the error rate is above the limit."""
    known = np.full(len(of.day), float(of.right.mean())) if of.correctness is None else of.correctness
    parts: list[monitor.Labelled] = []
    for place in range(len(of.queue.days)):
        part, inside = of.day == place, of.day[of.taken] == place
        at = of.taken[inside]
        parts.append(
            monitor.draws(
                of.right[inside],
                known[at],
                of.probability[at],
                known[part],
                of.probability[part],
                most=of.most,
            )
        )
    return monitor.watch(parts, limit)


def agreement(of: Labelled) -> AgreementResult:
    """Of all labels, those of control tasks among them."""
    found = krippendorff(of.ratings.values, len(of.queue.classes))
    return AgreementResult(found.alpha, found.low, found.high, found.images, found.reason)


def annotators(of: Labelled) -> tuple[AnnotatorResult, ...]:
    """Each by name."""
    known = {control.item: of.queue.classes.index(control.label) for control in of.queue.controls}
    truth = np.array([known.get(item, -1) for item in of.ratings.items])
    found = []
    for place, name in enumerate(of.ratings.annotators):
        given = of.ratings.values[:, place]
        tested = (truth >= 0) & (given >= 0)
        skill = float(of.together.skill[place]) if of.told else None
        found.append(
            AnnotatorResult(
                name,
                int((given >= 0).sum()),
                skill,
                int(tested.sum()),
                int((given[tested] == truth[tested]).sum()),
            )
        )
    return tuple(found)


def labels(of: Labelled) -> tuple[LabelResult, ...]:
    """Each labelled image, in the order of the queue."""
    count = dict(zip(of.ratings.items, (of.ratings.values >= 0).sum(axis=1).tolist(), strict=True))
    names: Sequence[str] = of.queue.classes
    return tuple(
        LabelResult(
            image.image,
            of.queue.days[image.day].name,
            names[label],
            float(chance[label]),
            count[image.item or ""],
            image.prediction or "",
            float(weight),
        )
        for image, label, chance, weight in zip(of.images, of.label, of.chance, of.weight, strict=True)
    )
