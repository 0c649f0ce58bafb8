"""The settings of patches, below the kind and the torch file that obeys them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, MultipleOf

CELL = 8
"""Pixels of the prepared image to one place of the map, each way."""


@dataclass(frozen=True)
class PatchesSettings:
    """How finely an image is looked at."""

    side: Annotated[int, Ge(64), Le(512), MultipleOf(16)] = 224
    """Side of the square that the whole image is stretched to."""
    directions: Annotated[int, Ge(4), Le(120)] = 64
    """Random directions that the features of a place are reduced to."""

    @property
    def grid(self) -> int:
        """Places along one side of the map."""
        return self.side // CELL
