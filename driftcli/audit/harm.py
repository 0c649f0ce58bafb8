"""Whether the change hurts the user's own classifier, as the result says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core import sentences, threads
from driftcli.core.features import Features
from driftcli.core.findings import (
    AccuracyEstimate,
    CorruptionMatch,
    HarmClass,
    HarmResult,
    ImageResult,
    KnownHarm,
)
from driftcli.core.predictions import UNKNOWN, CorruptedPredictions, Predictions
from driftcli.harm.accuracy import Estimate
from driftcli.harm.conditions import Condition
from driftcli.harm.judge import judge
from driftcli.reference.reference import Baseline


@dataclass(frozen=True)
class Judged:
    """The verdict, and how probably the classifier is right on each image, by name."""

    result: HarmResult | None = None
    correctness: Mapping[str, float] = field(default_factory=dict)


@threads.single
def judged(baseline: Baseline, batch: Features, settings: Settings) -> Judged:
    """The verdict on the images of the batch that have probabilities; none where there are none, or the baseline knows too little."""
    model, said, asked = baseline.harm, batch.predictions, settings.harm
    if model is None or said is None or said.hard or not said.answered.any():
        return Judged()
    rows = np.flatnonzero(said.answered)
    answers = said.at(rows)
    tolerance = asked.tolerance if asked.max_accuracy_drop is None else asked.max_accuracy_drop
    found = judge(
        model,
        Condition(replace(answers, corrupted=None)),
        mix=asked.class_mix,
        tolerance=tolerance,
        alpha=asked.alpha,
        seed=settings.seed,
    )
    chosen = found.free if asked.class_mix == "free" else found.fixed
    result = HarmResult(
        verdict=found.verdict,
        tolerance=tolerance,
        class_mix=asked.class_mix,
        images=found.images,
        baseline_accuracy=found.baseline_accuracy,
        baseline_images=found.baseline_images,
        accuracy=None if chosen is None else _plain(chosen.stream),
        accuracy_of_these=None if chosen is None else _plain(chosen.images),
        drop=None if chosen is None else chosen.drop,
        p_value=found.test.p_value,
        alpha=found.test.alpha,
        alarm=found.test.alarm,
        foreign=found.foreign,
        published=found.published,
        classes=tuple(HarmClass(c.name, c.images, c.score, c.baseline) for c in found.classes),
        reasons=found.reasons,
        cautions=found.cautions,
    )
    names = [batch.names[row] for row in rows]
    return Judged(result, dict(zip(names, found.correctness.tolist(), strict=True)))


def with_known(
    found: HarmResult | None, held_out: Features, corruptions: Sequence[CorruptionMatch]
) -> HarmResult | None:
    """The verdict with what that corruption did to the classifier on good images, where the change is like one and it was asked."""
    said = held_out.predictions
    if found is None or len(corruptions) != 1 or said is None or said.corrupted is None:
        return found
    known = _about(corruptions[0].severity, _known(said, said.corrupted, corruptions[0].corruption))
    if not known:
        return found
    return replace(found, known=known, reasons=(*found.reasons, sentences.known_harm(known)))


def _known(said: Predictions, under: CorruptedPredictions, corruption: str) -> list[KnownHarm]:
    """At every severity that it was asked about, the mildest first."""
    right = {False: said.predicted == said.label, True: under.said.predicted == under.said.label}
    asked = under.said.answered & under.said.labelled & said.answered[under.image]
    found = []
    for number, (name, severity) in enumerate(under.conditions):
        rows = np.flatnonzero(asked & (under.condition == number))
        if name == corruption and len(rows):
            accuracy, unchanged = right[True][rows].mean(), right[False][under.image[rows]].mean()
            found.append(KnownHarm(name, severity, len(rows), float(accuracy), float(unchanged)))
    return sorted(found, key=lambda one: one.severity)


def _about(severity: float, known: Sequence[KnownHarm]) -> tuple[KnownHarm, ...]:
    """The nearest severity on either side of this one; it alone, where it is among them."""
    milder = [one for one in known if one.severity <= severity][-1:]
    stronger = [one for one in known if one.severity >= severity][:1]
    return tuple(dict.fromkeys((*milder, *stronger)))


def with_answers(
    images: Sequence[ImageResult], batch: Features, correctness: Mapping[str, float]
) -> tuple[ImageResult, ...]:
    """The images with what the classifier says of each, how probably it is right, and the right answer where it is known."""
    said = batch.predictions
    if said is None:
        return tuple(images)
    rows = {name: row for row, name in enumerate(batch.names)}
    told = []
    for image in images:
        row = rows.get(image.path)
        if row is None or not said.answered[row]:
            told.append(image)
            continue
        best, label = int(said.predicted[row]), int(said.label[row])
        told.append(
            replace(
                image,
                prediction=said.classes[best],
                confidence=None if said.hard else float(said.probability[row, best]),
                correctness=correctness.get(image.path),
                label=None if label == UNKNOWN else said.classes[label],
            )
        )
    return tuple(told)


def _plain(found: Estimate) -> AccuracyEstimate:
    return AccuracyEstimate(found.value, found.low, found.high)
