"""Image properties: a few dozen named numbers of the pixels and of the file, without any network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from driftcli.core.features import View
from driftcli.core.images import EMPTY
from driftcli.extractors import _file, _pixels
from driftcli.extractors._file import level_code, levels
from driftcli.extractors.base import Extractor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from driftcli.core.features import Column, State
    from driftcli.core.images import FileFacts, Frame
    from driftcli.core.rows import Rows
    from driftcli.extractors.base import Runtime

__all__ = ["Properties", "level_code", "levels"]

COLUMNS: Mapping[str, tuple[Column, ...]] = {"properties": _pixels.COLUMNS, "file": _file.COLUMNS}

LEAST, MOST = 16, 4096
"""Bounds of `side`."""


@final
@dataclass(frozen=True)
class Properties(Extractor):
    """Named properties of each image: light, colour, detail and damage (`properties`); what its file says (`file`).

    What it sees: exposure, contrast, clipping, tones; saturation, colour casts, hue, loss of colour; blur,
    noise, edges, JPEG blocks; image size, format, compression, camera and camera settings. Every finding
    has a name, so it can be said in words.

    What it misses: content, composition and class mix; blur and noise that show at the border alone (detail
    is measured on the middle 256 × 192 pixels); detail that is gone when a large image is reduced to `side`;
    JPEG blocks of images that were resized or shifted since (their header still tells, in `file`); anything
    that leaves these distributions as they are.

    Statistic: one number per image and property, missing where undefined (the hue of a grey image, the
    sharpness of a flat one, what EXIF does not say); the univariate detector compares each distribution:
    Anderson–Darling, Kuiper for hue, shares for categories and for what is missing.

    Cost: about 1 ms an image on one core beside decoding, of any size; 29 numbers kept; nothing is learnt.

    Reference: Hasler and Süsstrunk 2003 (colourfulness); Immerkær 1996 (noise, here over the smoothest
    blocks); Pech-Pacheco et al. 2000 (Laplacian sharpness, here relative to the gradient on edges); Wang,
    Sheikh and Bovik 2002 (blockiness).
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[View, ...]] = (
        View(
            "properties",
            family="properties",
            detector="univariate",
            finite=False,
            named=True,
            portrait=4,
            quick=True,
            tells="look",
        ),
        View(
            "file",
            family="file",
            detector="univariate",
            gate="advisory",
            finite=False,
            named=True,
            of_file=True,
            tells="look",
        ),
    )
    place: ClassVar[int] = 30
    by_default: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    side: int = 256
    """Short side in pixels from which detail is measured: larger images are averaged over whole squares until
    less than twice as much is left, smaller ones measured as they are."""

    def __post_init__(self) -> None:
        if not LEAST <= self.side <= MOST:
            raise ValueError(f"side must be between {LEAST} and {MOST}, not {self.side}")

    @property
    def decode_side(self) -> int:
        """Short side in pixels that `prepare` wants at most."""
        return self.side

    def prepare(self, frame: Frame) -> NDArray[np.float64]:
        """Both views of one image, one after the other: float64 [29], NaN = missing."""
        row = np.array([*_pixels.measure(frame, self.side), *_file.measure(frame.facts)], dtype=np.float64)
        row[~np.isfinite(row)] = np.nan
        return row

    def fit(self, prepared: NDArray[Any] | Rows, seed: int, runtime: Runtime) -> State:
        """Nothing is learnt."""
        return EMPTY

    def extract(
        self,
        state: State,
        prepared: NDArray[Any],
        runtime: Runtime,
    ) -> Mapping[str, NDArray[np.float32]]:
        """[n, 29] rows as float32 [n, 14] `properties` and [n, 15] `file`; NaN = missing."""
        rows = np.asarray(prepared, dtype=np.float64).reshape(-1, sum(map(len, COLUMNS.values())))
        first = len(COLUMNS["properties"])
        parts = {"properties": rows[:, :first], "file": rows[:, first:]}
        return {view: np.ascontiguousarray(part, dtype=np.float32) for view, part in parts.items()}

    def columns(self, view: str) -> tuple[Column, ...]:
        """The named scalars of a view. Raises KeyError for a view that is not its own."""
        return COLUMNS[view]

    def levels(self, facts: FileFacts) -> Mapping[int, str]:
        """Names of the codes of its format, mode, camera and so on."""
        return levels(facts)
