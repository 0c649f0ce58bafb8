"""What is learnt of a classifier on labelled good images and their corruptions: all that a check of its harm needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.schema import Array
from driftcli.harm import accuracy as _accuracy
from driftcli.harm import class_space as _class_space
from driftcli.harm import correctness as _correctness
from driftcli.harm import descriptors as _descriptors
from driftcli.harm import harm_test as _harm_test
from driftcli.harm.accuracy import Calibration
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Change, Condition
from driftcli.harm.correctness import Correctness
from driftcli.harm.descriptors import Baseline
from driftcli.harm.harm_test import Harmless
from driftcli.harm.signs import Signs, signs

if TYPE_CHECKING:
    from driftcli.core.features import State

Numbers = NDArray[np.float64]

PREFIX = "harm/"
"""Of the arrays in a baseline's state."""


@dataclass(frozen=True)
class Simulation:
    """What corrupted good images of known answers taught."""

    correctness: Correctness
    fixed: Calibration
    free: Calibration
    harmless: Harmless
    reach: float
    """The largest mean distance of any condition: beyond it nothing was simulated."""
    known: tuple[tuple[Change, float], ...]
    """What was simulated, and the accuracy that it left."""


@dataclass(frozen=True)
class HarmModel:
    """The good images' figures, and what was simulated; `pack` and `unpack` keep it in an artifact."""

    classes: tuple[str, ...]
    temperature: float
    baseline: Baseline
    scores: Numbers
    """[n]: correctness of the good images, held out; their calibrated confidence where nothing was simulated."""
    predicted: NDArray[np.int64]
    """[n]"""
    space: ClassSpace | None
    simulation: Simulation | None

    def signs(self, batch: Condition) -> Signs:
        """The signs of a batch's images."""
        return signs(batch, self.temperature, self.space)

    def correctness(self, found: Signs) -> Numbers:
        """[m]: c, how probably the classifier is right on each image."""
        known = self.simulation
        return found.p.max(axis=1) if known is None else known.correctness(found.columns)

    def pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays for a baseline's state, and what the manifest says of them."""
        state: dict[str, NDArray[Any]] = {"scores": self.scores, "predicted": self.predicted}
        state |= _under("baseline/", self.baseline.pack())
        facts: dict[str, Any] = {
            "classes": list(self.classes),
            "images": self.baseline.images,
            "accuracy": self.baseline.accuracy,
            "temperature": self.temperature,
            "features": self.space is not None,
            "simulated": None,
        }
        if self.space is not None:
            state |= _under("space/", self.space.pack())
        if (known := self.simulation) is not None:
            state |= _under("correctness/", known.correctness.pack())
            state |= _under("fixed/", known.fixed.pack()) | _under("free/", known.free.pack())
            state |= _under("harmless/", known.harmless.pack())
            facts["nodes_fixed"] = len(known.fixed.regression.forest.looked)
            facts["nodes_free"] = len(known.free.regression.forest.looked)
            facts["reach"] = known.reach
            facts["simulated"] = [[c.corruption, c.belongs, c.severity, left] for c, left in known.known]
        return _under(PREFIX, state), facts

    @staticmethod
    def unpack(state: State, facts: Mapping[str, Any]) -> HarmModel:
        """The inverse of `pack`, of a state that `core.schema.check` found to be as `arrays(facts)` declares."""
        own = _below(PREFIX, state)
        return HarmModel(
            tuple(facts["classes"]),
            float(facts["temperature"]),
            Baseline.unpack(_below("baseline/", own), float(facts["accuracy"]), int(facts["images"])),
            own["scores"],
            own["predicted"],
            ClassSpace.unpack(_below("space/", own)) if facts["features"] else None,
            None if facts["simulated"] is None else _simulation(own, facts),
        )


def arrays(facts: Mapping[str, Any]) -> list[Array]:
    """Of what `HarmModel.pack` makes; `facts`: the manifest's."""
    images, classes = int(facts["images"]), len(facts["classes"])
    declared = [
        Array("scores", "float64", (images,), least=0.0, most=1.0),
        Array("predicted", "int64", (images,), least=0, most=classes - 1),
        *(a.under("baseline/", {"classes": "classes of the model"}) for a in _descriptors.ARRAYS),
    ]
    if facts["features"]:
        declared += [a.under("space/", {"classes": "classes of the model"}) for a in _class_space.ARRAYS]
    if facts["simulated"] is not None:
        declared += [a.under("correctness/") for a in _correctness.ARRAYS]
        for mix in ("fixed", "free"):
            # A baseline of before 2026-11-28 says of no nodes; it is refused for the arrays that it lacks.
            nodes = int(facts.get(f"nodes_{mix}", 1))
            declared += [a.under(f"{mix}/") for a in _accuracy.arrays(mix, nodes)]
        declared += [a.under("harmless/") for a in _harm_test.ARRAYS]
    return [array.under(PREFIX) for array in declared]


def _simulation(own: State, facts: Mapping[str, Any]) -> Simulation:
    return Simulation(
        Correctness.unpack(_below("correctness/", own)),
        Calibration.unpack(_below("fixed/", own), "fixed"),
        Calibration.unpack(_below("free/", own), "free"),
        Harmless.unpack(_below("harmless/", own)),
        float(facts["reach"]),
        tuple(
            (Change(name, kind, float(severity)), float(left))
            for name, kind, severity, left in facts["simulated"]
        ),
    )


def _under(prefix: str, state: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{prefix}{name}": x for name, x in state.items()}


def _below(prefix: str, state: State) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}
