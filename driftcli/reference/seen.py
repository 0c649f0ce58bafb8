"""Images of F among others: they belong neither in C nor in a batch, for what was learnt knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Features
from driftcli.core.schema import Array

FILES, PIXELS, NEAR = "seen_files", "seen", "seen_near"
"""Names in the artifact."""
ARRAYS = (
    Array(PIXELS, "uint64", ("images of F",), rising=True),
    Array(NEAR, "uint64", ("images of F",), group="difference hashes"),
    Array(FILES, "uint8", ("files of F", 32), group="file hashes"),
)
"""Of what `Seen.pack` gives; artifacts of before hold pixel hashes alone."""


@dataclass(frozen=True)
class Seen:
    """The images that a reference was fitted on, by what their files and their pixels hash to."""

    pixels: NDArray[np.uint64]
    """Sorted pixel hashes."""
    near: NDArray[np.uint64] | None = None
    """[as `pixels`]: the difference hash of each; None in artifacts that do not hold them."""
    files: NDArray[np.bytes_] | None = None
    """Sorted content hashes, S64; None in artifacts that do not hold them."""

    @staticmethod
    def of(images: Features) -> Seen:
        """All of these images."""
        pixels, first = np.unique(images.pixels, return_index=True)
        return Seen(pixels, images.near[first], np.unique(images.content))

    @staticmethod
    def unpack(state: Mapping[str, NDArray[Any]]) -> Seen:
        """From the artifact's arrays; those of before have pixel hashes alone."""
        near, files = state.get(NEAR), state.get(FILES)
        texts = None if files is None else np.array([row.tobytes().hex().encode() for row in files], "S64")
        return Seen(state[PIXELS], near, texts)

    def pack(self) -> dict[str, NDArray[Any]]:
        """For the artifact: `unpack` makes the same of it."""
        packed: dict[str, NDArray[Any]] = {PIXELS: self.pixels}
        if self.near is not None:
            packed[NEAR] = self.near
        if self.files is not None:
            rows = [np.frombuffer(bytes.fromhex(text.decode()), np.uint8) for text in self.files.tolist()]
            packed[FILES] = np.stack(rows) if rows else np.zeros((0, 32), np.uint8)
        return packed

    def among(self, images: Features) -> NDArray[np.bool_]:
        """[n]: which of these images are among them: the same file, or the same pixels in another file.

        The pixel hash is made to be quick, not to withstand somebody who wants two pictures to share it; so of another
        file the difference hash must agree, too. Where the artifact holds pixel hashes alone, they decide.
        """
        alike = np.isin(images.pixels, self.pixels)
        if self.near is not None and len(self.pixels):
            place = np.minimum(np.searchsorted(self.pixels, images.pixels), len(self.pixels) - 1)
            alike &= self.near[place] == images.near
        if self.files is not None:
            alike |= np.isin(images.content, self.files)
        return alike

    def unlike(self, images: Features) -> int:
        """How many of these images share a pixel hash with one of them and yet are another picture."""
        return int((np.isin(images.pixels, self.pixels) & ~self.among(images)).sum())
