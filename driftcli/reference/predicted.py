"""What a classifier said of held-out images, between memory and the artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import State
from driftcli.core.predictions import UNKNOWN, CorruptedPredictions, Predictions
from driftcli.core.schema import Array, ContentError

PREFIX, CORRUPTED = "predictions/", "corrupted/"
HELD_OUT = "held out"
ROWS = "corrupted images"
CANARY = f"{PREFIX}canary"
KEY = "predictions"
"""Of the baseline's facts."""
MODEL = "model"
"""Among what they say of predictions: the classifier that made them, where driftcli ran it."""


def facts(predictions: Predictions | None, model: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """What the manifest says of them, and of the classifier that driftcli ran for them; None where there are none."""
    if predictions is None:
        return None
    under = predictions.corrupted
    return {
        "classes": list(predictions.classes),
        "hard": predictions.hard,
        "answered": int(predictions.answered.sum()),
        "labelled": int((predictions.labelled & predictions.answered).sum()),
        "accuracy": predictions.accuracy,
        "corrupted": []
        if under is None
        else [{"corruption": name, "severity": severity} for name, severity in under.conditions],
        **({} if model is None else {MODEL: dict(model)}),
    }


def pack(predictions: Predictions | None, canary: NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Arrays for the artifact: `probability` and `logits` [n, K], `label` [n], the same of `corrupted/`; none of no predictions.

    `canary`: [canaries, K], what the classifier that driftcli ran says of the artifact's canary images.
    """
    if predictions is None:
        return {}
    arrays = {**_numbers(predictions, ""), "label": predictions.label.astype(np.int64)}
    under = predictions.corrupted
    if under is not None:
        arrays |= {
            **_numbers(under.said, CORRUPTED),
            f"{CORRUPTED}image": under.image,
            f"{CORRUPTED}condition": under.condition,
        }
    if canary is not None:
        arrays["canary"] = canary.astype(np.float32)
    return {PREFIX + name: values for name, values in arrays.items()}


def canary_answers(state: State) -> NDArray[np.float64] | None:
    """[canaries, K] that `pack` kept; None where driftcli ran no classifier."""
    return state[CANARY].astype(np.float64) if CANARY in state else None


def _numbers(predictions: Predictions, prefix: str) -> dict[str, Any]:
    found = {f"{prefix}probability": predictions.probability.astype(np.float32)}
    if predictions.logits is not None:
        found[f"{prefix}logits"] = predictions.logits.astype(np.float32)
    return found


def arrays(said: Mapping[str, Any] | None) -> list[Array]:
    """Of what `pack` makes, where the manifest says that there are predictions."""
    if said is None:
        return []
    label = Array(f"{PREFIX}label", "int64", (HELD_OUT,), least=UNKNOWN, most=len(said["classes"]) - 1)
    declared = [label, *_declared(PREFIX, HELD_OUT, said)]
    if said.get(MODEL) is not None:
        classes = len(said["classes"])
        declared.append(Array(CANARY, "float32", ("canaries", classes), least=0.0, most=1.0))
    conditions = len(said.get("corrupted", ()))
    if conditions:
        under = PREFIX + CORRUPTED
        declared += [
            *_declared(under, ROWS, said),
            Array(f"{under}image", "int64", (ROWS,), least=0),
            Array(f"{under}condition", "int64", (ROWS,), least=0, most=conditions - 1),
        ]
    return declared


def _declared(prefix: str, rows: str, said: Mapping[str, Any]) -> list[Array]:
    shape = (rows, len(said["classes"]))
    return [
        Array(f"{prefix}probability", "float32", shape, least=0.0, most=1.0, nan=True),
        Array(f"{prefix}logits", "float32", shape, nan=True, group=f"{prefix}logits"),
    ]


def agree(state: State, said: Mapping[str, Any] | None) -> None:
    """Raise ContentError unless every image has either no number or probabilities that sum to 1, and classes differ."""
    if said is None:
        return
    if len(set(said["classes"])) < len(said["classes"]):
        raise ContentError("has a class of predictions twice")
    _sums(state[f"{PREFIX}probability"])
    if said.get("corrupted"):
        under = PREFIX + CORRUPTED
        _sums(state[f"{under}probability"])
        if int(state[f"{under}image"].max()) >= len(state[f"{PREFIX}label"]):
            raise ContentError("has predictions of corrupted images that it does not hold")


def _sums(probability: NDArray[Any]) -> None:
    total = probability.sum(axis=1, dtype=np.float64)
    if not (np.isnan(total) | (np.abs(total - 1) < 1e-3)).all():  # noqa: PLR2004 - float32 of many classes
        raise ContentError("has probabilities that do not sum to 1")


def unpack(state: State, said: Mapping[str, Any] | None) -> Predictions | None:
    """The predictions that `pack` made `state` of; None where there were none."""
    if said is None:
        return None
    label = state[f"{PREFIX}label"].astype(np.int64)
    clean = _read(state, PREFIX, label, said)
    conditions = tuple((each["corruption"], float(each["severity"])) for each in said.get("corrupted", ()))
    if not conditions:
        return clean
    under = PREFIX + CORRUPTED
    image, condition = (state[f"{under}{name}"].astype(np.int64) for name in ("image", "condition"))
    corrupted = CorruptedPredictions(_read(state, under, label[image], said), image, condition, conditions)
    return replace(clean, corrupted=corrupted)


def _read(state: State, prefix: str, label: NDArray[np.int64], said: Mapping[str, Any]) -> Predictions:
    logits = state.get(f"{prefix}logits")
    probability = state[f"{prefix}probability"].astype(np.float64)
    return Predictions(
        tuple(said["classes"]),
        probability / probability.sum(axis=1, keepdims=True),
        label,
        None if logits is None else logits.astype(np.float64),
        hard=bool(said["hard"]),
    )
