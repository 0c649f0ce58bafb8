"""One row of a table as what a classifier said of one image: its numbers checked, or refused with the row named."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name

Floats = NDArray[np.float64]
PREFIX = "p_"
"""What the name of a column begins with that holds a class' probability."""
LOGITS, PREDICTION, LABEL = "logits", "prediction", "label"
SLACK = 5e-3
"""Probabilities may miss a sum of 1 by as much, as rounded ones of many classes do; they are divided by their sum."""
NPY = 8 << 20
"""Bytes that one image's logits may have."""
PERCENT = 100.0
_OFF = "if these columns are no predictions, say so: --predictions off"


@dataclass(frozen=True)
class Form:
    """In which columns the rows of one table say what the classifier said."""

    kind: Literal["probabilities", "one", "logits", "classes"]
    """`one`: a single column, of a classifier of two classes; `classes`: the predicted ones alone."""
    columns: tuple[str, ...] = ()
    """Of probabilities, in their order."""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that columns are named after."""
        return tuple(column.removeprefix(PREFIX).strip() for column in self.columns)


@dataclass(frozen=True)
class Answer:
    """What was said of one image."""

    where: str
    """The row, for people."""
    numbers: Floats | None
    """[K] probabilities, or logits; [1] of `one`; None of `classes`."""
    prediction: str | None
    label: str | None


def form_of(columns: Sequence[str]) -> Form | None:
    """The form that these columns have; None where none of them holds a prediction.

    One column of probabilities alone is one only beside a prediction or a label: `p_value` is none.
    """
    probabilities = tuple(name for name in columns if name.startswith(PREFIX) and name.strip() != PREFIX)
    if len(probabilities) > 1:
        return Form("probabilities", probabilities)
    if LOGITS in columns:
        return Form("logits")
    if probabilities and (PREDICTION in columns or LABEL in columns):
        return Form("one", probabilities)
    return Form("classes") if PREDICTION in columns else None


def answer(where: str, cells: Mapping[str, str], form: Form, folder: str) -> Answer | None:
    """What one row says; None where all of its cells are empty. `folder`: where paths of logits start.

    Raises NotAuditedError, naming the row, for what is no prediction.
    """
    told = {name: text.strip() for name, text in cells.items() if text.strip()}
    prediction, label = told.get(PREDICTION), told.get(LABEL)
    if form.kind == "classes":
        return Answer(where, None, prediction, label) if prediction is not None else None
    if form.kind == "logits":
        if LOGITS not in told:
            return None
        return Answer(where, _logits(where, told[LOGITS], folder), prediction, label)
    given = [name for name in form.columns if name in told]
    if not given:
        return None
    if len(given) < len(form.columns):
        missing = next(name for name in form.columns if name not in told)
        raise NotAuditedError(
            f"{where}: no {safe_name(missing)}",
            "give a probability for every class, or leave all of a row's cells empty",
        )
    if sum(name.startswith(PREFIX) for name in told) > len(form.columns):
        other = next(name for name in told if name.startswith(PREFIX) and name not in form.columns)
        raise NotAuditedError(
            f"{where}: {safe_name(other)} is a class that the rows before do not have",
            "give every row the same classes, with a probability of 0 where a class is out of the question",
        )
    numbers = _numbers(where, [told[name] for name in form.columns], form.columns)
    return Answer(where, _probabilities(where, numbers, form), prediction, label)


def _numbers(where: str, texts: Sequence[str], columns: Sequence[str] = ()) -> Floats:
    """Finite numbers, float64. Raises NotAuditedError."""
    found = np.array([_number(text) for text in texts])
    if not np.isfinite(found).all():
        i = int(np.flatnonzero(~np.isfinite(found))[0])
        what = safe_name(columns[i]) if columns else f"logit {i + 1}"
        raise NotAuditedError(
            f"{where}: {what} is {safe_name(texts[i])[:40]}, no finite number",
            f"write the classifier's outputs as numbers, with a point; {_OFF}",
        )
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _probabilities(where: str, numbers: Floats, form: Form) -> Floats:
    """Numbers in [0, 1] with a sum of 1. Raises NotAuditedError."""
    total = float(numbers.sum())
    outside = (numbers < 0) | (numbers > 1 + SLACK)
    if form.kind == "one":
        if outside.any():
            raise NotAuditedError(
                f"{where}: {safe_name(form.columns[0])} is {numbers[0]:g}, no probability", _meant(numbers)
            )
        return np.minimum(numbers, 1.0)
    if (numbers < 0).any():
        k = int(numbers.argmin())
        raise NotAuditedError(
            f"{where}: {safe_name(form.columns[k])} is {numbers[k]:g}, below 0", _meant(numbers)
        )
    if abs(total - 1) > SLACK:
        raise NotAuditedError(f"{where}: the probabilities sum to {total:.6g}, not to 1", _meant(numbers))
    found: Floats = numbers / total
    return found


def _meant(numbers: Floats) -> str:
    """What numbers that are no probabilities probably are."""
    if (numbers < 0).any():
        return (
            f"these look like outputs before softmax: write softmax of them, or one column `logits`; {_OFF}"
        )
    if abs(float(numbers.sum()) - PERCENT) < 1 or (len(numbers) == 1 and 1 < numbers[0] <= PERCENT):
        return f"these look like percentages: divide them by 100; {_OFF}"
    return f"of one image the classes exclude each other: write softmax outputs, all classes of them; {_OFF}"


def _logits(where: str, text: str, folder: str) -> Floats:
    """[K]: a JSON list, or what lies in an .npy file beside the table. Raises NotAuditedError."""
    if text.lower().endswith(".npy"):
        return _stored(where, os.path.join(folder, text))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) < 2:  # noqa: PLR2004 - a classifier has two classes
        raise NotAuditedError(
            f"{where}: logits are {safe_name(text)[:40]}, no list of two numbers or more",
            f"write [0.1, -2.3, ...], or the path of an .npy file with one number a class; {_OFF}",
        )
    return _numbers(where, [str(value) for value in values])


def _stored(where: str, path: str) -> Floats:
    """[K] from an .npy file, never objects. Raises NotAuditedError."""
    try:
        large = os.path.getsize(path) > NPY
        values = np.zeros(0) if large else np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise NotAuditedError(
            f"{where}: the logits in {safe_name(path)} cannot be read: {safe_name(said)[:120]}",
            "write them with numpy.save; paths of logits start at the folder of the table that names them",
        ) from error
    wrong = None
    if large:
        wrong = f"more than {NPY >> 20} MB"
    elif not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        wrong = "no array of numbers"
    elif values.squeeze().ndim != 1:
        wrong = f"their shape is {values.shape}, not one number a class"
    elif not np.isfinite(values).all():
        wrong = "not all of them are finite"
    if wrong is not None:
        raise NotAuditedError(
            f"{where}: the logits in {safe_name(path)} cannot be used: {wrong}",
            "write what the classifier gives for this image before softmax, one number a class",
        )
    found: Floats = values.squeeze().astype(np.float64)
    return found


def unknown(name: str, classes: Collection[str], where: str, what: str) -> NotAuditedError:
    """The error for a class that is none of those known; `what`: its column."""
    from difflib import get_close_matches

    close = get_close_matches(name, classes, 1)
    if close:
        hint = f"did you mean {safe_name(close[0])}? Labels and predictions are spelt as the classes"
    elif name.isdigit():
        hint = "write names, spelt as the classes, not numbers"
    else:
        hint = (
            f"the classes are {listed(classes)}; where the classifier has more, make the baseline with "
            "--set predictions.classes=[...]"
        )
    return NotAuditedError(f"{where}: the {what} {safe_name(name)} is none of the classes", hint)


def listed(classes: Collection[str], most: int = 8) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(safe_name(name) for name in list(classes)[:most])
    return shown if len(classes) <= most else f"{shown} and {len(classes) - most:,} more"
