"""Images as numbers, and what is learnt from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

State = Mapping[str, NDArray[Any]]
"""All that is ever learnt or saved: named arrays (numeric or uint8), never objects."""


@dataclass(frozen=True, slots=True)
class Column:
    """One scalar of a view: how it is measured against another set, and the words for its rise and fall."""

    name: str
    kind: Literal["linear", "circular", "category"] = "linear"
    unit: str = ""
    more: str = ""
    """What images are when it rises ("sharper")."""
    less: str = ""
    """What images are when it falls ("blurrier")."""


@dataclass(frozen=True)
class Features:
    """n images as numbers, sorted by content hash then name, so that file order cannot matter."""

    names: tuple[str, ...]
    content: NDArray[np.bytes_]
    """S64[n]: hexadecimal SHA-256 of the files' bytes."""
    pixels: NDArray[np.uint64]
    """[n]: first 8 bytes of the SHA-256 of the decoded pixels."""
    near: NDArray[np.uint64]
    """[n]: 64-bit difference hashes."""
    views: Mapping[str, NDArray[np.float32]]
    """By view (`style`, `content`, `error`, `latent`, `properties`, `file`): float32 [n, d]."""
    group: tuple[str, ...] | None = None
    stratum: tuple[str, ...] | None = None
    slice: tuple[str, ...] | None = None
    time: NDArray[np.float64] | None = None
    """[n]: capture time in seconds, NaN where unknown."""
    levels: Mapping[int, str] = field(default_factory=dict)
    """Names of the category codes that occur in `file`."""

    def __len__(self) -> int:
        return len(self.names)

    def at(self, index: NDArray[np.int64]) -> Features:
        """The images at these positions, in this order."""

        def text(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if values is None else tuple(values[i] for i in index)

        return replace(
            self,
            names=tuple(self.names[i] for i in index),
            content=self.content[index],
            pixels=self.pixels[index],
            near=self.near[index],
            views={name: x[index] for name, x in self.views.items()},
            group=text(self.group),
            stratum=text(self.stratum),
            slice=text(self.slice),
            time=None if self.time is None else self.time[index],
        )

    def first(self, count: int) -> Features:
        """The `count` images with the lowest content hashes."""
        return self if len(self) <= count else self.at(np.arange(count))

    @staticmethod
    def concatenated(parts: Sequence[Features]) -> Features:
        """All images of all parts; keys that a part lacks are lacking in the whole."""

        def texts(name: str) -> tuple[str, ...] | None:
            found = [getattr(part, name) for part in parts]
            return None if any(f is None for f in found) else tuple(t for f in found for t in f)

        parts = [part for part in parts if len(part)] or parts[:1]
        times = [p.time if p.time is not None else np.full(len(p), np.nan) for p in parts]
        return Features(
            names=tuple(n for p in parts for n in p.names),
            content=np.concatenate([p.content for p in parts]),
            pixels=np.concatenate([p.pixels for p in parts]),
            near=np.concatenate([p.near for p in parts]),
            views={v: np.concatenate([p.views[v] for p in parts]) for v in parts[0].views},
            group=texts("group"),
            stratum=texts("stratum"),
            slice=texts("slice"),
            time=np.concatenate(times),
            levels={k: v for p in parts for k, v in p.levels.items()},
        )
