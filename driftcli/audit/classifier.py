"""The user's own classifier for one command: the one that is named, or the one that the baseline was made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.core.text import safe_name
from driftcli.reading import canaries
from driftcli.reading.named_classes import named_by_user
from driftcli.reading.predictions import OFF
from driftcli.reading.profiles.named import divided
from driftcli.reference import predicted

if TYPE_CHECKING:
    from driftcli.calibration.held_out import Answering
    from driftcli.config.call import Call
    from driftcli.config.settings import Settings
    from driftcli.core.features import Features
    from driftcli.extractors.networks.classifier import Classifier
    from driftcli.reading.reader import Reader
    from driftcli.reference.reference import Baseline

ASIDE = frozenset({"file", "corrupted_images"})
"""Settings of a model that say nothing of how it is asked."""


@dataclass(frozen=True)
class Asked:
    """Who answers the images of a batch."""

    classifier: Classifier | None = None
    remark: str | None = None
    """Why the classifier that the baseline was made with does not."""


def named(call: Call, sources: Sequence[str]) -> Classifier | None:
    """The classifier that the settings name, for `fit` and `baseline`; None where they name none.

    Raises UsageError where it cannot be run, or contradicts other settings.
    """
    settings = call.settings
    if settings.model.file is None:
        _refuse_alone(call)
        return None
    _refuse_beside(settings, sources)
    return _open(settings, call, None)


def of_baseline(call: Call, sources: Sequence[str], baseline: Baseline) -> Asked:
    """The classifier that the baseline was made with, where it is named or where it was; with no word where there never was one.

    Raises UsageError for one that is named and is another, or asked otherwise; ArtifactError for another one in its place.
    """
    settings = call.settings
    known = remembered(baseline)
    if settings.model.file is not None:
        _refuse_beside(settings, sources)
        if known is None:
            raise UsageError(
                f"--model: baseline {baseline.name} was made without a model, and there is nothing to compare its answers with",
                "driftcli baseline ARTIFACT GOOD_IMAGES --model FILE; or give what the classifier says with --predictions",
            )
        _refuse_otherwise(call, known)
        _refuse_other_classes(call, baseline)
        try:
            return Asked(_open(settings, call, known))
        except ArtifactError as error:  # what is named on the command line is wrong there, too
            raise UsageError(error.what, error.hint) from error
    if known is None:
        _refuse_alone(call)
        return Asked()
    if settings.predictions.files:
        return Asked()
    _refuse_otherwise(call, known)
    _refuse_other_classes(call, baseline)
    return _where_it_was(call, sources, baseline, known)


def remembered(baseline: Baseline) -> Mapping[str, Any] | None:
    """What the baseline knows of its classifier (`Classifier.facts`); None where a table held the answers, or there are none."""
    facts = baseline.facts.get(predicted.KEY) or {}
    found: Mapping[str, Any] | None = facts.get(predicted.MODEL)
    return found


def replay(reader: Reader, baseline: Baseline, images: Mapping[str, Any]) -> None:
    """Raise ArtifactError where the reader's classifier answers the artifact's canary images otherwise than when the baseline was made.

    `images`: the artifact's canaries.
    """
    from driftcli.extractors.networks.classifier import SAME

    known = remembered(baseline)
    if reader.classifier is None or known is None or baseline.canary_answers is None:
        return
    now = canaries.answered_by(reader, images).probability
    then = baseline.canary_answers
    away = float(np.abs(now - then).max()) if now.shape == then.shape else float("nan")
    if not away <= SAME:
        made, here = str(known.get("engine", "?")), reader.classifier.engine
        ran = here if made == here else f"{made} -> {here}"
        raise ArtifactError(
            f"the classifier answers drawn images otherwise than when baseline {baseline.name} was made: a probability differs by "
            f"{away:.2g} ({safe_name(ran)})",
            "make the baseline anew on this machine: driftcli baseline ARTIFACT GOOD_IMAGES --model FILE; --predictions off checks "
            "the images without the classifier",
        )


def answering(reader: Reader, images: Mapping[str, Any], held_out: Features) -> Answering | None:
    """What a baseline is to remember of the reader's classifier; None where there is none.

    `images`: the artifact's canaries. Raises UsageError where an answer to one of them is no number.
    """
    from driftcli.calibration.held_out import Answering

    classifier = reader.classifier
    said = held_out.predictions
    if classifier is None or said is None:
        return None
    canary = canaries.answered_by(reader, images).probability
    if not np.isfinite(canary).all():
        raise UsageError(
            f"the classifier {safe_name(classifier.path)} gives numbers that are not finite for drawn images",
            "look at the export, and at the preprocessing (--model-preset)",
        )
    return Answering({**classifier.facts(), "classes_from": said.named_by}, canary)


# ---------------------------------------------------------------- what may be asked


def _where_it_was(call: Call, sources: Sequence[str], baseline: Baseline, known: Mapping[str, Any]) -> Asked:
    """The baseline's classifier at its place; why not, where it is not there or images are not at hand."""
    path = str(known.get("file", ""))
    without = f"baseline {baseline.name} was made with the classifier {safe_name(path)}"
    images, profiles = divided(sources)
    if profiles or not images:
        return Asked(None, f"{without}, and profiles hold no pixels to show it: its answers are not compared")
    if call.settings.engine != "local":
        return Asked(
            None, f"{without}, which runs in this process only, not in Ray: its answers are not compared"
        )
    if not Path(path).is_file():
        return Asked(
            None,
            f"{without}, which is not there any more: its answers are not compared (--model FILE says where it is)",
        )
    model = call.settings.model.__class__(file=path)
    settings = call.settings.model_copy(update={"model": model})
    return Asked(_open(settings, call, known))


def _open(settings: Settings, call: Call, known: Mapping[str, Any] | None) -> Classifier:
    from driftcli.extractors.networks.classifier import open_classifier
    from driftcli.reading.runtime import make_runtime

    return open_classifier(settings.model, make_runtime(settings, call.progress), known)


def _refuse_alone(call: Call) -> None:
    """Raise UsageError where somebody says how a model is to be asked, and names none."""
    keys = sorted(
        key
        for key in call.given
        if key.startswith("model.") and getattr(call.settings.model, key[6:]) is not None
    )
    if keys and keys != ["model.corrupted_images"]:
        raise UsageError(
            f"{keys[0]} says how a classifier is to be shown images, and there is none",
            "name it: --model FILE",
        )


def _refuse_beside(settings: Settings, sources: Sequence[str]) -> None:
    """Raise UsageError for what a model cannot be given beside."""
    if settings.predictions.files:
        off = OFF in settings.predictions.files
        raise UsageError(
            "--model and --predictions are given together",
            "leave out --model where no classifier is to be asked"
            if off
            else "give one of them: the classifier itself, or a table of what it says",
        )
    if divided(sources)[1]:
        raise UsageError(
            "--model: a profile holds no pixels that a classifier could be shown",
            "name the images themselves; or give what the classifier says of them with --predictions FILE",
        )
    if settings.engine != "local":
        raise UsageError(
            "--model runs in this process, not in Ray's actors",
            "leave out --engine ray; or give what the classifier says with --predictions FILE",
        )


def _refuse_other_classes(call: Call, baseline: Baseline) -> None:
    """Raise UsageError where `--classes` names others than the baseline's, or in another order."""
    said = baseline.features.predictions
    if said is None or "predictions.classes" not in call.given:
        return
    named = named_by_user(call.settings)
    if named and named != said.classes:
        other = "in another order" if sorted(named) == sorted(said.classes) else "otherwise"
        raise UsageError(
            f"--classes names the classes {other} than baseline {baseline.name} has them",
            "leave --classes out: a check takes those of the baseline; or make the baseline anew",
        )


def _refuse_otherwise(call: Call, known: Mapping[str, Any]) -> None:
    """Raise UsageError where the classifier is to be asked otherwise than for the baseline."""
    keys = [key[6:] for key in sorted(call.given) if key.startswith("model.") and key[6:] not in ASIDE]
    if not keys:
        return
    from driftcli.extractors.networks.classifier import contradiction, how_of

    wrong = contradiction(call.settings.model, keys, how_of(known))
    if wrong is not None:
        raise UsageError(
            f"{wrong} contradicts the baseline, for which the classifier was shown images otherwise",
            "leave the setting out: a check shows it images as the baseline did; or make the baseline anew",
        )
