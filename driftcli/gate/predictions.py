"""Predictions in the gate: one more family where the user's classifier has answered on both sides, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Settings
from driftcli.core.features import Features
from driftcli.core.findings import PredictionsResult, ShareResult
from driftcli.core.predictions import Predictions
from driftcli.core.report import FamilyResult
from driftcli.detectors.softmax import Softmax
from driftcli.reading.reading import Reading
from driftcli.reference.families import Family
from driftcli.reference.reference import Baseline

FAMILY, VIEW = "predictions", "softmax"
SHOWN = 100
"""Classes in a result, those first whose share of the predictions moved most."""


@dataclass(frozen=True)
class Sides:
    """What the classifier said of C and of the batch, with the same classes in the same order."""

    held_out: Predictions
    batch: Predictions

    @staticmethod
    def of(held_out: Features, batch: Features) -> Sides | None:
        """Where both have predictions. Where one has predicted classes alone, those of the other are compared with them."""
        ours, theirs = held_out.predictions, batch.predictions
        if ours is None or theirs is None:
            return None
        if ours.hard != theirs.hard:
            ours, theirs = ours.hardened(), theirs.hardened()
        return Sides(ours, theirs)


def with_family(settings: Settings, baseline: Baseline, reading: Reading) -> tuple[Baseline, Reading]:
    """Baseline and batch with the view and the family of predictions; both as they are where one side has none."""
    say, sides = settings.families.predictions.gate, Sides.of(baseline.features, reading.features)
    if sides is None or say == "off":
        return baseline, reading
    views = [side.probability.astype(np.float32) for side in (sides.held_out, sides.batch)]
    # In the order of content hashes, whoever they belong to: nothing that is learnt here knows C from Y.
    order = np.argsort(np.concatenate([baseline.features.content, reading.features.content]), kind="stable")
    detector = Softmax(sides.held_out.classes)
    state = detector.fit(np.concatenate(views)[order], (), settings.seed)
    family = Family(
        FAMILY, VIEW, say, detector, (), state, tells="answers", strange="answers of the classifier"
    )
    return (
        replace(
            baseline,
            features=_with_view(baseline.features, views[0]),
            families=(*baseline.families, family),
        ),
        replace(reading, features=_with_view(reading.features, views[1])),
    )


def one_sided(baseline: Baseline, batch: Features, *, offered: bool) -> str | None:
    """That only one side has predictions, in a sentence; None where both have, or none. `offered`: they were given with the batch."""
    name = baseline.name
    if baseline.features.predictions is not None and batch.predictions is None:
        return (
            f"baseline {name} has predictions and none came with these images: the classifier's answers are not compared "
            "(--predictions FILE)"
        )
    if baseline.features.predictions is None and offered:
        return (
            f"these images came with predictions and baseline {name} has none: the classifier's answers are not compared "
            "(driftcli baseline ARTIFACT GOOD_IMAGES --predictions FILE)"
        )
    return None


def result(
    baseline: Features, batch: Features, families: tuple[FamilyResult, ...]
) -> PredictionsResult | None:
    """What a report says of predictions; None where only one side has any."""
    sides = Sides.of(baseline, batch)
    if sides is None:
        return None
    found = next((family for family in families if family.name == FAMILY), None)
    ours, theirs = sides.held_out, sides.batch
    before, after = _shares(ours), _shares(theirs)
    order = np.argsort(-np.abs(after - before), kind="stable")[:SHOWN].tolist()
    sure = (None, None) if ours.hard else (_confidence(theirs), _confidence(ours))
    return PredictionsResult(
        p_value=None if found is None else found.p_value,
        significant=found is not None and found.significant,
        classes=len(ours.classes),
        shares=tuple(ShareResult(ours.classes[k], float(after[k]), float(before[k])) for k in order),
        confidence=sure[0],
        baseline_confidence=sure[1],
        unanswered=int((~theirs.answered).sum()),
        hard=ours.hard,
        baseline_accuracy=ours.accuracy,
        baseline_labelled=int((ours.labelled & ours.answered).sum()),
        accuracy=theirs.accuracy,
        labelled=int((theirs.labelled & theirs.answered).sum()),
    )


def _shares(said: Predictions) -> NDArray[np.float64]:
    """[K]: of each class among the predicted ones."""
    predicted = said.predicted[said.answered]
    found: NDArray[np.float64] = np.bincount(predicted, minlength=len(said.classes)) / max(len(predicted), 1)
    return found


def _confidence(said: Predictions) -> float | None:
    """Mean probability of the predicted class."""
    answered = said.probability[said.answered]
    return float(answered.max(axis=1).mean()) if len(answered) else None


def _with_view(features: Features, view: NDArray[np.float32]) -> Features:
    return replace(features, views={**features.views, VIEW: view})
