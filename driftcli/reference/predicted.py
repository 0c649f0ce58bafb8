"""What a classifier said of held-out images, between memory and the artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from driftcli.core.features import State
from driftcli.core.predictions import UNKNOWN, Predictions
from driftcli.core.schema import Array, ContentError

PREFIX = "predictions/"
HELD_OUT, CLASSES = "held out", "classes of predictions"
KEY = "predictions"
"""Of the baseline's facts."""


def facts(predictions: Predictions | None) -> dict[str, Any] | None:
    """What the manifest says of them; None where there are none."""
    if predictions is None:
        return None
    return {
        "classes": list(predictions.classes),
        "hard": predictions.hard,
        "answered": int(predictions.answered.sum()),
        "labelled": int((predictions.labelled & predictions.answered).sum()),
        "accuracy": predictions.accuracy,
    }


def pack(predictions: Predictions | None) -> dict[str, Any]:
    """Arrays for the artifact: `probability` and `logits` [n, K], `label` [n]; none where there are no predictions."""
    if predictions is None:
        return {}
    arrays = {
        "probability": predictions.probability.astype(np.float32),
        "label": predictions.label.astype(np.int64),
    }
    if predictions.logits is not None:
        arrays["logits"] = predictions.logits.astype(np.float32)
    return {PREFIX + name: values for name, values in arrays.items()}


def arrays(said: Mapping[str, Any] | None) -> list[Array]:
    """Of what `pack` makes, where the manifest says that there are predictions."""
    if said is None:
        return []
    shape = (HELD_OUT, len(said["classes"]))
    return [
        Array(f"{PREFIX}probability", "float32", shape, least=0.0, most=1.0, nan=True),
        Array(f"{PREFIX}label", "int64", (HELD_OUT,), least=UNKNOWN, most=len(said["classes"]) - 1),
        Array(f"{PREFIX}logits", "float32", shape, nan=True, group=f"{PREFIX}logits"),
    ]


def agree(state: State, said: Mapping[str, Any] | None) -> None:
    """Raise ContentError unless every image has either no number or probabilities that sum to 1, and classes differ."""
    if said is None:
        return
    if len(set(said["classes"])) < len(said["classes"]):
        raise ContentError("has a class of predictions twice")
    total = state[f"{PREFIX}probability"].sum(axis=1, dtype=np.float64)
    if not (np.isnan(total) | (np.abs(total - 1) < 1e-3)).all():  # noqa: PLR2004 - float32 of many classes
        raise ContentError("has probabilities that do not sum to 1")


def unpack(state: State, said: Mapping[str, Any] | None) -> Predictions | None:
    """The predictions that `pack` made `state` of; None where there were none."""
    if said is None:
        return None
    classes: Sequence[str] = said["classes"]
    logits = state.get(f"{PREFIX}logits")
    probability = state[f"{PREFIX}probability"].astype(np.float64)
    return Predictions(
        tuple(classes),
        probability / probability.sum(axis=1, keepdims=True),
        state[f"{PREFIX}label"].astype(np.int64),
        None if logits is None else logits.astype(np.float64),
        hard=bool(said["hard"]),
    )
