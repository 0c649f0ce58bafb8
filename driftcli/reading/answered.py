"""What the user's own classifier, run beside the extractors, says of images: its classes named, right answers found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.predictions import UNKNOWN, Predictions
from driftcli.core.text import safe_name
from driftcli.extractors.networks.square import CLASSIFIER
from driftcli.reading._answers import listed
from driftcli.reading._labels import labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftcli.config.settings import Settings
    from driftcli.core.features import Features
    from driftcli.extractors.networks.classifier import Classifier
    from driftcli.reading.reading import Reading

FILE, USER, SORTED, BASELINE, NUMBERS = (
    "the model's file",
    "--classes",
    "the labels in alphabetical order",
    "the baseline",
    "their numbers: nobody named them",
)
"""Where names of classes are from, for people."""
LARGEST = 4 << 20
"""Bytes of a list of names."""
MOST_MISSING = "the numbers that it gives are not finite"


def with_answers(reading: Reading, classifier: Classifier) -> Reading:
    """The reading with what the classifier's output, kept among the prepared images, says; nothing is known of right answers yet.

    Raises NotAuditedError where what should be probabilities is none.
    """
    outputs = reading.prepared.get(CLASSIFIER)
    if outputs is None:
        return reading
    names = reading.features.names
    said = predictions(outputs, classifier, names)
    prepared = {kind: x for kind, x in reading.prepared.items() if kind != CLASSIFIER}
    return replace(reading, prepared=prepared, features=replace(reading.features, predictions=said))


def predictions(outputs: NDArray[np.float32], classifier: Classifier, names: Sequence[str]) -> Predictions:
    """Of outputs [n, numbers] about images of these names. Raises NotAuditedError where probabilities do not sum to 1."""
    try:
        probability, logits = classifier.read(outputs)
    except ValueError as error:
        raise NotAuditedError(
            f"the classifier's output for {safe_name(names[int(error.args[0])])} holds no probabilities, though it did for others",
            "say what the output holds: --set model.gives=logits; then make the baseline anew",
        ) from error
    classes = classifier.names or tuple(f"class {k}" for k in range(classifier.count))
    return Predictions(classes, probability, np.full(len(outputs), UNKNOWN, np.int64), logits)


def completed(
    reading: Reading,
    specs: Sequence[str],
    settings: Settings,
    classifier: Classifier,
    wanted: Sequence[str] | None,
) -> Reading:
    """The reading with names of classes and right answers.

    `wanted`: the baseline's classes. Raises UsageError for names that are not as many as the model has classes, NotAuditedError where too
    many images have no answer, or no label is a class.
    """
    features, said = reading.features, reading.features.predictions
    if said is None:
        return reading
    known = labels(reading, specs, settings)
    classes, source = _classes(said, classifier, known, settings, wanted)
    place = {name: k for k, name in enumerate(classes)}
    label = said.label.copy()
    for row, text in known.items():
        label[row] = place.get(text, UNKNOWN)
    said = replace(said, classes=classes, label=label, named_by=source)
    remarks = _remarks(said, known, features, settings)
    features = replace(features, predictions=said)
    return replace(reading, features=features, remarks=(*reading.remarks, *remarks))


def _classes(
    said: Predictions,
    classifier: Classifier,
    known: Mapping[int, str],
    settings: Settings,
    wanted: Sequence[str] | None,
) -> tuple[tuple[str, ...], str]:
    """The baseline's, else the user's, else the file's, else the labels in alphabetical order where they are as many, else numbers."""
    count = len(said.classes)
    if wanted is not None:
        return tuple(wanted), BASELINE
    given = named_by_user(settings)
    if given:
        if len(given) != count:
            raise UsageError(
                f"--classes names {len(given):,} classes, and the classifier has {count:,}: {listed(given)}",
                "name every class once, in the order of the model's outputs",
            )
        return given, USER
    if classifier.names is not None:
        return classifier.names, FILE
    found = sorted(set(known.values()))
    return (tuple(found), SORTED) if len(found) == count else (said.classes, NUMBERS)


def _remarks(
    said: Predictions, known: Mapping[int, str], features: Features, settings: Settings
) -> list[str]:
    """What to say of the answers. Raises NotAuditedError where too many are missing, or no label is a class."""
    remarks = []
    missing, most = int((~said.answered).sum()), settings.predictions.max_missing
    if missing > max(most * len(said), 1 if most else 0):
        first = features.names[int(np.flatnonzero(~said.answered)[0])]
        raise NotAuditedError(
            f"the classifier has no answer for {missing:,} of {len(said):,} images: {MOST_MISSING}",
            f"{safe_name(first)} is one of them; is the preprocessing the one that it was trained with (--model-preset)?",
        )
    if missing:
        remarks.append(
            f"the classifier has no answer for {missing:,} of {len(said):,} images ({MOST_MISSING}): how many have none is compared, too"
        )
    strange = sorted({text for text in known.values() if text not in said.classes})
    if known and not said.labelled.any():
        raise NotAuditedError(
            f"no label is a class of the classifier: labels are {listed(strange)}, classes {listed(said.classes)}",
            "name the classes in the order of the model's outputs, spelt as the labels: --classes cat,dog",
        )
    if strange:
        remarks.append(
            f"labels that are none of the classifier's classes tell nothing of its answers: {listed(strange)}"
        )
    if said.named_by == SORTED:
        remarks.append(
            f"the classes are taken to be the labels in alphabetical order ({listed(said.classes)}): the model's file names none; "
            "--classes says another order"
        )
    return remarks


def named_by_user(settings: Settings) -> tuple[str, ...]:
    """The classes that `--classes` names, or that the text file it names holds, one a line; () where nobody named any.

    Raises UsageError for a file that cannot be read, and names that are there twice.
    """
    names = settings.predictions.classes
    if len(names) == 1 and names[0].endswith(".txt"):
        names = _lines(names[0])
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageError(
            f"--classes: {listed(twice)} is there twice", "name every class once, in the order of the outputs"
        )
    return tuple(names)


def _lines(file: str) -> tuple[str, ...]:
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(LARGEST).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"--classes {safe_name(file)} cannot be read: {said}", "name a text file with a class a line"
        ) from error
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not found:
        raise UsageError(f"--classes {safe_name(file)} is empty", "write a class a line")
    return found
