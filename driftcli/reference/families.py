"""The families of evidence: what an extractor's view becomes once a detector tests it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core import registry
from driftcli.core.evidence import Evidence, Join, Statistic
from driftcli.core.features import Column, Gate, State, Tells, View
from driftcli.detectors.base import Detector
from driftcli.extractors.base import Extractor


@dataclass(frozen=True)
class Family:
    """One family, ready to test: its detector, what the detector learnt, and its say in the verdict."""

    name: str
    view: str
    gate: Gate
    detector: Detector
    columns: tuple[Column, ...]
    state: State
    named: bool = False
    """Its columns are measurements that people know (`View.named`)."""
    of_file: bool = False
    """It tells of files, not of pixels (`View.of_file`)."""
    yardstick: bool = False
    """The first family of named measurements of pixels, whatever its gate: how small a shift of each of
    them is seen is measured with the baseline, and by them single images are described."""
    worded: bool = False
    """It counts classes that have names (`View.worded`)."""
    tells: Tells = "unlike"
    """What its finding is about (`View.tells`)."""
    strange: str = ""
    """What is unusual about an image that is strange in it (`View.strange`)."""
    weight: float = 1.0
    """How much its p-value counts among families (`View.weight`)."""

    def evidence(self, values: NDArray[np.float64], statistics: tuple[Statistic, ...] = ()) -> Evidence:
        """Its statistics under all relabellings, [rows, k], as the verdict takes them."""
        return Evidence(
            self.name, values, statistics, Join(self.detector.joined(values.shape[1]), self.weight)
        )


def detector_for(view: View, extractor: Extractor, state: State) -> Detector:
    """The detector that tests a view.

    `state`: the extractor's, which knows the blocks a kernel weighs alike.
    """
    kind: type[Detector] = registry.load("detectors", view.detector)
    return kind.suited(extractor.blocks(view.name, state))


def yardstick(families: Sequence[Family]) -> Family | None:
    """The family that measurements in words come from; None where no extractor has one, or it is off."""
    return next((family for family in families if family.yardstick), None)
