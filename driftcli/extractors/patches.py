"""Patches: how unusual the strangest places of an image are, place by place, and the map of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
from PIL import Image

from driftcli.core.errors import UsageError
from driftcli.core.features import Column, View
from driftcli.core.rows import Rows
from driftcli.core.schema import Array
from driftcli.extractors._patches_settings import PatchesSettings
from driftcli.extractors.base import Extractor, HeatMaps, Runtime, Shown
from driftcli.extractors.embedding import Embedding, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.images import Frame

CHANNELS = 120
"""Of stages 3 and 4 together."""
TAIL = 0.01
BODY = 0.9
"""The image's own quantile that its strangest place is compared with."""
USUAL = 0.99
"""The map is 1 where good places are beyond this quantile."""


@final
@dataclass(frozen=True)
class Patches(PatchesSettings, Extractor):
    """A pretrained network's maps, place by place, against what F has at that very place.

    What it sees:
        A scratch, a speck, a missing part, a dent on pictures that are much alike: tiles, boards, parts
        before one camera. A third of the images is enough, 1 % of their area, and the map says where.

    What it misses:
        The same on photographs of all sorts: where everything may be anywhere, a scratch is nothing
        unusual. Lines thinner than a pixel of the picture reduced to `side`.

    Statistic:
        At each of (side / 8)² places, features of stages 3 and 4 (mean of 3x3 places, standardised, 64
        random directions) have a mean and a covariance over F, shrunk towards the covariance of all
        places; a place's strangeness is its Mahalanobis distance, in units of that place's mean distance
        in a fifth of F that the rest was not learnt from. View `local`: the largest one, the
        mean of the upper 1 %, and the largest against the image's own 90 % quantile, as logarithms.

    Cost:
        As `embedding` once more (another crop, so nothing is shared); 13 MB in the artifact. `fit` keeps
        its pictures in memory: F and C together have at most 4,000.

    Reference:
        Defard et al. 2021 (PaDiM); Roth et al. 2022 (PatchCore) and Cohen & Hoshen 2020 (SPADE), whose
        memory of patches was measured and found weaker here; Tan & Le 2019 (EfficientNet).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[View, ...]] = (
        View("local", family="local", detector="outliers", tells="local", strange="one small spot"),
    )
    heats: ClassVar[tuple[tuple[str, str], ...]] = (
        ("local", "how many times stranger a place is than 99 % of the places of good images"),
    )
    place: ClassVar[int] = 40
    alias: ClassVar[str] = "local"
    good_for: ClassVar[str] = "small defects on pictures that are much alike"
    learns: ClassVar[bool] = True
    most_images: ClassVar[int | None] = 4_000

    @property
    def decode_side(self) -> int:
        """The square's side."""
        return self.side

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, 3]: the whole image, stretched, for a defect may lie in a corner."""
        image = frame.image if frame.version == 1 else frame.reduced(self.side)
        return np.asarray(image.resize((self.side, self.side), Image.Resampling.BICUBIC), np.uint8)

    def arrays(self, state: State) -> tuple[Array, ...]:
        """As `fit` learns them."""
        places, directions = self.grid**2, self.directions
        return (
            Array("weights_sha256", "uint8", (32,)),
            Array("directions", "float32", (CHANNELS, directions)),
            Array("shift", "float32", (directions,)),
            Array("mean", "float32", (places, directions)),
            Array("whitening", "float32", (places, directions, directions)),
            Array("typical", "float32", (places,), least=1e-7, group="typical"),
            Array("usual", "float32", (1,), least=1e-7),
        )

    def fit(self, prepared: NDArray[Any] | Rows, seed: int, runtime: Runtime) -> State:
        """What F has at every place, from uint8 [n, side, side, 3].

        State: `weights_sha256`, `directions` [120, k] and `shift` [k] (standardising included), `mean`
        [places, k] and `whitening` [places, k, k]; from a fifth of F that the rest was not learnt from
        `typical` [places], the mean distance at each, and `usual`, the 99 % quantile of distances in these
        units. Artifacts of before have no `typical`. Raises UsageError without the weights.
        """
        from driftcli.extractors import _patches

        if len(prepared) < 2:  # noqa: PLR2004 - a spread needs two
            raise UsageError("patches learns from two images or more", "fit on more images")
        honest = prepared[: min(len(prepared) // 5, 500)]
        rest = Rows(prepared, np.arange(len(honest), len(prepared)))
        learnt = _patches.learn(rest, self, seed, runtime)
        apart = _patches.distances(learnt, honest if len(honest) else prepared[:], self, runtime)
        typical = _patches.typical(apart)
        usual = max(float(np.quantile(apart / typical, USUAL)), 1e-6)
        return {**learnt, "typical": typical, "usual": np.array([usual], np.float32)}

    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """`local` [n, 3] (see COLUMNS); the same bits in whatever company."""
        ranked = np.sort(self.heat_map(state, prepared, runtime).reshape(len(prepared), self.grid**2), axis=1)
        worst = max(1, round(TAIL * ranked.shape[1]))
        top, body = ranked[:, -1], ranked[:, int(BODY * (ranked.shape[1] - 1))]
        found = np.stack([top, ranked[:, -worst:].mean(axis=1), top / np.maximum(body, 1e-6)], axis=1)
        return {"local": rounded(np.log(np.maximum(found, 1e-6)).astype(np.float32), keep_range=True)}

    def heat_map(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> NDArray[np.float32]:
        """float32 [n, grid, grid] of strangeness: 1 is where one good place in a hundred lies beyond.

        It covers the whole image, whatever its shape. Raises ArtifactError with other weights than the
        State's.
        """
        from driftcli.extractors import _patches

        apart = _patches.distances(state, prepared, self, runtime)
        relative: NDArray[np.float32] = apart / np.float32(state["usual"][0])
        return relative.reshape(len(prepared), self.grid, self.grid)

    def heat(self, view: str, shown: Shown) -> HeatMaps:
        """`heat_map`, coloured from 1 on."""
        unit = "× the strangeness that 99 % of the places of good images stay below"
        return HeatMaps(self.heat_map(shown.state, shown.prepared, shown.runtime), 1.0, unit)

    def found_weights(self, seed: int, runtime: Runtime) -> str | None:
        """Those of the default network: it takes no other."""
        return Embedding().found_weights(seed, Runtime(runtime.device))

    def notes(self, state: State) -> Mapping[str, Any]:
        """Places of the map, and the weights' checksum."""
        return {"places": len(state["mean"]), "sha256": bytes(state["weights_sha256"]).hex()[:16]}

    def columns(self, view: str) -> tuple[Column, ...]:
        """The three numbers of an image."""
        return COLUMNS


COLUMNS = (
    Column("strangest_place", more="stranger in one place", less="less strange in any place"),
    Column("strangest_percent", more="stranger in few places", less="less strange in any place"),
    Column("stands_out", more="with one place that stands out", less="more even"),
)
