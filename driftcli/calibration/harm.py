"""What a baseline learns of the user's classifier: how a change of the images would hurt it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from driftcli.core import registry, threads
from driftcli.core.features import Features
from driftcli.core.predictions import CorruptedPredictions
from driftcli.corruptions.base import Corruption
from driftcli.harm.conditions import Change, Condition
from driftcli.harm.learn import FEWEST, learn
from driftcli.harm.model import HarmModel
from driftcli.harm.words import trained_on


@threads.single
def learnt(held_out: Features, seed: int) -> HarmModel | None:
    """From the classifier's answers on labelled good images, and on the same under corruptions where it was asked.

    None without probabilities, or with fewer than `FEWEST` labelled images. Raises as `harm.learn.learn`.
    """
    said = held_out.predictions
    if said is None or said.hard:
        return None
    rows = np.flatnonzero(said.answered & said.labelled)
    if len(rows) < FEWEST:
        return None
    chosen = said.at(rows)
    good = Condition(replace(chosen, corrupted=None))
    simulated = [] if chosen.corrupted is None else _conditions(chosen.corrupted)
    return learn(good, simulated, None, seed=seed)


def _conditions(under: CorruptedPredictions) -> list[Condition]:
    """One for every corruption and severity, of the images that were answered."""
    found = []
    for number, (name, severity) in enumerate(under.conditions):
        rows = np.flatnonzero((under.condition == number) & under.said.answered)
        kind: type[Corruption] = registry.load("corruptions", name)
        change = Change(name, kind.belongs, severity)
        if len(rows):
            found.append(Condition(under.said.at(rows), source=under.image[rows], change=change))
    return found


def cautions(held_out: Features, model: HarmModel | None) -> list[str]:
    """What the predictions of a baseline are too few for, in sentences; none where no classifier was asked."""
    said = held_out.predictions
    if said is None:
        return []
    if model is None:
        labelled = int((said.answered & said.labelled).sum())
        why = (
            "only predicted classes are known, no probabilities"
            if said.hard
            else f"{labelled:,} images have a right answer (the column `label`, or --labels-from), and {FEWEST} are needed"
        )
        return [f"checks will not say whether a change hurts the classifier: {why}"]
    found = []
    if (asked := trained_on(model.baseline.accuracy)) is not None:
        found.append(asked[0].lower() + asked[1:].removesuffix("."))
    if model.simulation is None:
        found.append(
            "checks will not say how much accuracy a change costs: the classifier has not answered corrupted good images; "
            "give the classifier itself with --model FILE; or write them with driftcli baseline --export-corrupted DIR and give its answers "
            "with --predictions"
        )
    return found
