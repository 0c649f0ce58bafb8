"""Whether the change hurts the user's own classifier, as the result says it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from driftcli.config.settings import Settings
from driftcli.core import threads
from driftcli.core.features import Features
from driftcli.core.findings import AccuracyEstimate, HarmClass, HarmResult
from driftcli.harm.accuracy import Estimate
from driftcli.harm.conditions import Condition
from driftcli.harm.judge import judge
from driftcli.reference.reference import Baseline


@threads.single
def judged(baseline: Baseline, batch: Features, settings: Settings) -> HarmResult | None:
    """The verdict on the images of the batch that have probabilities; None where there are none, or the baseline knows too little."""
    model, said, asked = baseline.harm, batch.predictions, settings.harm
    if model is None or said is None or said.hard or not said.answered.any():
        return None
    answers = said.at(np.flatnonzero(said.answered))
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
    return HarmResult(
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


def _plain(found: Estimate) -> AccuracyEstimate:
    return AccuracyEstimate(found.value, found.low, found.high)
