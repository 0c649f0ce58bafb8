"""What a detector is: numbers become statistics, all of them under the same relabellings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from driftcli.records import Column, Evidence, State

if TYPE_CHECKING:
    from driftcli.permutation import Relabellings

Matrix = NDArray[np.float32]


class Detector(ABC):
    """Settings only; learnt from F by `fit`, never mutated, never drawing labels of its own."""

    tests: ClassVar[str]
    """One word for what is compared: `kernel`, `scalars`, `errors`."""

    @abstractmethod
    def fit(self, reference: Matrix, columns: Sequence[Column], seed: int) -> State:
        """Learn scales, bandwidths, edges from F only: `reference` is [n_f, d]."""

    @abstractmethod
    def test(
        self,
        state: State,
        held_out: Matrix,
        batch: Matrix,
        relabellings: Relabellings,
        columns: Sequence[Column],
    ) -> Evidence:
        """Statistics of C [n_c, d] against Y [m, d] under every relabelling (row 0: as observed)."""

    @abstractmethod
    def scores(
        self, state: State, held_out: Matrix, batch: Matrix, columns: Sequence[Column]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Per-image strangeness, larger is stranger: of C (leave-one-out where it matters), of Y."""
