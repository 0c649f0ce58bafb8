"""One batch of a classifier's answers against what was learnt: accuracy, verdict, harm test, and which images it gets wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.harm import accuracy as _accuracy
from driftcli.harm import harm_test as _harm_test
from driftcli.harm import words
from driftcli.harm.accuracy import Calibration, Good, Mix, Verdict
from driftcli.harm.conditions import Condition, sound
from driftcli.harm.finding import ClassScore, Harm, OneMix
from driftcli.harm.model import HarmModel
from driftcli.harm.signs import Signs

Numbers = NDArray[np.float64]

FEW = 5
"""Images of a predicted class, on either side, below which nothing is said of it."""
FOREIGN = 3.0
"""Standard errors beyond the farthest simulated condition at which images are foreign."""
HARD = 0.5
"""Share of answers with a probability of exactly 1 that makes them hard answers."""


def judge(
    model: HarmModel,
    batch: Condition,
    *,
    mix: Mix = "free",
    tolerance: float = 0.05,
    alpha: float = 0.05,
    seed: int,
) -> Harm:
    """The verdict on a batch, and all that it rests on; the batch's labels, where there are any, are not looked at.

    `tolerance`: accuracy that may be lost, a share. `alpha`: of the harm test alone. Raises NotAuditedError for answers that are
    none or without images; UsageError for answers of another classifier's classes.
    """
    batch = sound(batch, "batch")
    _fits(model, batch)
    found = model.signs(batch)
    scores = model.correctness(found)
    described = model.baseline.descriptors(found, scores, model.baseline.apart(found))
    free = fixed = test = None
    if (known := model.simulation) is not None:
        base, m = model.baseline, len(batch)
        fixed = _estimated(known.fixed, described, m, Good(base.accuracy, base.images), tolerance)
        free = _estimated(known.free, described, m, Good(base.accuracy, base.images_for(found)), tolerance)
        test = known.harmless.test(free.drop, m, alpha)
    if test is None:
        test = _harm_test.by_scores(model.scores, scores, alpha, np.random.default_rng(seed))
    foreign = _foreign(model, found)
    chosen = free if mix == "free" else fixed
    said: Verdict = "cannot say" if chosen is None else chosen.verdict
    if foreign and said == "probably harmless":
        said = "cannot say"
    harm = Harm(
        images=len(batch),
        baseline_accuracy=model.baseline.accuracy,
        baseline_images=model.baseline.images,
        tolerance=tolerance,
        verdict=said,
        mix=mix,
        free=free,
        fixed=fixed,
        published=model.baseline.estimates(described),
        test=test,
        correctness=scores,
        classes=_by_class(model, found, scores),
        foreign=foreign,
        reasons=(),
        cautions=(),
    )
    hard = float((batch.predictions.probability.max(axis=1) == 1).mean()) > HARD
    return replace(harm, reasons=words.reasons(harm), cautions=words.cautions(harm, hard=hard))


def _fits(model: HarmModel, batch: Condition) -> None:
    if not len(batch):
        raise NotAuditedError("the batch holds no answers", "give the model's answers on at least one image")
    if batch.predictions.classes != model.classes:
        raise UsageError(
            "the batch's classes are not those of the baseline, in its order",
            f"give answers of the same model: {', '.join(model.classes[:5])}{' …' if len(model.classes) > 5 else ''}",  # noqa: PLR2004 - names shown
        )
    if (space := model.space) is None:
        return
    width = None if batch.features is None else batch.features.shape[1]
    if width != space.means.shape[1]:
        raise UsageError(
            f"the batch has features of width {width}, and the baseline of {space.means.shape[1]}",
            "measure the batch with the artifact's own extractors",
        )


def _estimated(
    calibration: Calibration, described: Numbers, images: int, good: Good, tolerance: float
) -> OneMix:
    loss = calibration(described, images, good)
    return OneMix(
        calibration.mix,
        _accuracy.stream(loss, good),
        _accuracy.of_these(loss, good, images),
        loss.drop,
        _accuracy.verdict(loss, tolerance),
    )


def _foreign(model: HarmModel, found: Signs) -> bool:
    """Whether the mean distance lies beyond the farthest simulated condition's by more than sampling makes."""
    known = model.simulation
    if known is None or model.space is None or len(found) < FEW:
        return False
    error = float(found.distance.std(ddof=1) / np.sqrt(len(found)))
    return float(found.distance.mean()) - FOREIGN * error > known.reach


def _by_class(model: HarmModel, found: Signs, scores: Numbers) -> tuple[ClassScore, ...]:
    made = []
    for k, name in enumerate(model.classes):
        here, there = scores[found.predicted == k], model.scores[model.predicted == k]
        if min(len(here), len(there)) < FEW:
            continue
        error = np.sqrt(here.var(ddof=1) / len(here) + there.var(ddof=1) / len(there))
        fall = float(there.mean() - here.mean())
        z = fall / float(error) if error > 0 else 0.0
        made.append(ClassScore(name, len(here), float(here.mean()), float(there.mean()), z))
    return tuple(sorted(made, key=lambda one: (one.score - one.baseline, one.name)))
