"""A toy: two numbers of a shrunk image, to show that an extractor is one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from driftcli.core.features import Column, View
from driftcli.extractors.base import Extractor, HeatMaps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.images import Frame
    from driftcli.extractors.base import Runtime, Shown


@final
@dataclass(frozen=True)
class Toy(Extractor):
    """How red an image is, and how uneven.

    What it sees: a red lamp, shadows.
    What it misses: everything else.
    Statistic: mean of red less the mean of green and blue; standard deviation of the grey values.
    Cost: nothing to speak of.
    Reference: none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[View, ...]] = (
        View("tints", family="tint", detector="gap", named=True, portrait=9, quick=True),
    )
    alias: ClassVar[str] = "plaything"
    good_for: ClassVar[str] = "tests"

    side: int = 16
    """Side of the square that images are shrunk to."""

    @property
    def decode_side(self) -> int:
        """The square's side."""
        return self.side

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, 3]."""
        return np.asarray(frame.image.convert("RGB").resize((self.side, self.side)), np.uint8)

    def fit(self, prepared: NDArray[Any], seed: int, runtime: Runtime) -> State:
        """Nothing is learnt."""
        return {}

    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """`tints` float32 [n, 2]."""
        red = _redness(prepared).mean(axis=(1, 2))
        uneven = prepared.mean(axis=3, dtype=np.float64).std(axis=(1, 2))
        return {"tints": np.stack([red, uneven], axis=1).astype(np.float32)}

    def columns(self, view: str) -> tuple[Column, ...]:
        """Redness and unevenness."""
        return (
            Column("redness", more="redder", less="less red"),
            Column("unevenness", more="less even", less="more even"),
        )

    def heat(self, view: str, shown: Shown) -> HeatMaps:
        """How red each place is."""
        return HeatMaps(np.abs(_redness(shown.prepared)).astype(np.float32), 20.0, "grey levels of red")

    def found_weights(self, seed: int, runtime: Runtime) -> str:
        """A toy has none, and says so."""
        return "toy: no weights, and none needed"

    def notes(self, state: State) -> Mapping[str, Any]:
        """The side."""
        return {"side": self.side}


def _redness(prepared: NDArray[Any]) -> NDArray[np.float64]:
    pixels = prepared.astype(np.float64)
    redness: NDArray[np.float64] = pixels[..., 0] - pixels[..., 1:].mean(axis=-1)
    return redness
