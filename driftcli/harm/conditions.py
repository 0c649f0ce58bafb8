"""A classifier's answers on images under one condition: as good images are, or as one corruption leaves them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.core.predictions import Predictions

OFF = 1e-3
"""Rows of probabilities whose sum is farther from 1 are no probabilities; nearer ones are divided by their sum."""


@dataclass(frozen=True)
class Change:
    """What was done to good images."""

    corruption: str
    belongs: str
    """Its class, as `corruptions/base.py` has it: blur, noise, ..."""
    severity: float


@dataclass(frozen=True)
class Condition:
    """Answers on n images under one condition, row for row."""

    predictions: Predictions
    features: NDArray[np.floating] | None = None
    """[n, d]: view `content`; None where it was not measured."""
    source: NDArray[np.int64] | None = None
    """[n]: the row of the good condition that each row shows; None: row for row."""
    change: Change | None = None
    """None: as they are."""

    def __len__(self) -> int:
        return len(self.predictions)

    @property
    def sources(self) -> NDArray[np.int64]:
        """[n]: the row of the good condition that each row shows."""
        return np.arange(len(self)) if self.source is None else self.source


def sound(given: Condition, what: str) -> Condition:
    """The condition with rows of probabilities that sum to one. Raises NotAuditedError naming `what` and the first bad row."""
    answers = given.predictions
    p = np.asarray(answers.probability, np.float64)
    n, k = len(p), len(answers.classes)
    if p.shape != (n, k) or k < 2:  # noqa: PLR2004 - with one class there is nothing to get wrong
        raise NotAuditedError(
            f"{what}: probabilities of shape {list(p.shape)} for {k} classes",
            "give one probability for each of two or more classes",
        )
    _refuse(
        what, ~np.isfinite(p).all(axis=1) | (p < 0).any(axis=1), "a probability that is no number in [0, 1]"
    )
    total = p.sum(axis=1)
    _refuse(what, np.abs(total - 1) > OFF, "probabilities that do not sum to 1")
    if answers.logits is not None:
        _refuse(what, ~np.isfinite(answers.logits).all(axis=1), "a logit that is no number")
    if given.features is not None:
        _refuse(what, ~np.isfinite(given.features).all(axis=1), "a feature that is no number")
    return replace(given, predictions=replace(answers, probability=p / total[:, None]))


def _refuse(what: str, bad: Any, why: str) -> None:
    if bad.any():
        raise NotAuditedError(
            f"{what}: {why} in row {int(bad.argmax()) + 1} ({int(bad.sum())} such rows of {len(bad)})",
            "run the model again on these images and look at what it gives",
        )
