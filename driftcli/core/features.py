"""Images as numbers, and what is learnt from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from driftcli.core.predictions import Predictions

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


Gate = Literal["on", "advisory", "off"]
"""A family's say: in the verdict, in the report only, none (it is not computed)."""

Tells = Literal["look", "subjects", "mix", "local", "answers", "unlike"]
"""What a family's finding is about: how images look, what they show, shares of classes, a small mark on some, what the user's
classifier says of them; or nothing that has a name."""


@dataclass(frozen=True, slots=True)
class View:
    """One block of an extractor's numbers, and the family of evidence that tests it.

    All that other rooms must know of a view stands here; none of them knows one by its name.
    """

    name: str
    """Key of what `extract` returns; unique among all extractors."""
    family: str
    """Its name in the gate, in reports and in `families.NAME.gate`; unique among all extractors."""
    detector: str
    """The kind in `driftcli/detectors/` that tests it."""
    gate: Gate = "on"
    """The family's say unless a setting gives it another."""
    weight: float = 1.0
    """How much its p-value counts among families (`Join.weight`)."""
    rounded: bool = False
    """Kept as float16 values, of C and of the batch alike: the last bits of a network's sums decide nothing."""
    finite: bool = True
    """An image with a number that is not finite is unreadable. False: NaN is a missing value."""
    named: bool = False
    """Its columns are measurements that people know, each with words for its rise and fall: reports say
    in words how they moved, of a batch and (of the first such view) of single images."""
    of_file: bool = False
    """Tells of the file, not of its pixels: changing pixels in memory leaves it, and machines cannot
    differ in it. Its family comes after all others."""
    portrait: int | None = None
    """How well it shows what an image is of, 1 best: the map, nearest images and gaps are measured in the
    best such view that there is. None: never."""
    clustered: bool = False
    """Clusters that stand in for classes may be learnt in it; among several the best portrait."""
    quick: bool = False
    """Extracting it takes no pretrained network, and its columns are rises and falls: the corruptions that
    a drifted batch may be like are simulated and compared in it."""
    loss: bool = False
    """Its first column is a loss whose mean `--max-loss-increase` watches."""
    tells: Tells = "unlike"
    """What its finding is about: by it the headline says what is different."""
    strange: str = ""
    """What is unusual about an image that is strange in it, in words ("texture or colours"); empty where its columns
    say so themselves."""
    confirms: bool = False
    """A likeness to a simulated corruption must explain what moved in it, too: a few images are simulated for it."""
    worded: bool = False
    """Its columns are pairs (number of a class, share of the image), the largest shares first; the extractor's
    `vocabulary` names the classes. As numbers they are not to be added up or compared one by one: the order of
    two nearly equal shares may be another on another machine."""


@dataclass(frozen=True)
class Vocabulary:
    """The names of a network's classes, and of kinds of several; a number of a worded view is a place in `words`."""

    source: str
    """Whose they are: the network's name."""
    words: tuple[str, ...]
    """The classes, then the kinds, in the plural."""
    singular: tuple[str, ...]
    """The same for one image: "dog" for "dogs"."""
    kind_of: NDArray[np.int64]
    """[classes]: the place in `words` of each class's kind; -1 where it has none."""
    basis: str = ""
    """How it is known that the words mean something on such images."""


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
    """By view, as extractors declare them: float32 [n, d]."""
    group: tuple[str, ...] | None = None
    stratum: tuple[str, ...] | None = None
    slice: tuple[str, ...] | None = None
    time: NDArray[np.float64] | None = None
    """[n]: capture time in seconds, NaN where unknown."""
    levels: Mapping[int, str] = field(default_factory=dict)
    """Names of the category codes that occur in `file`."""
    predictions: Predictions | None = None
    """What the user's own classifier says of them, where that was given."""

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
            predictions=None if self.predictions is None else self.predictions.at(index),
        )

    def first(self, count: int) -> Features:
        """The `count` images with the lowest content hashes."""
        return self if len(self) <= count else self.at(np.arange(count))

    @staticmethod
    def concatenated(parts: Sequence[Features]) -> Features:
        """All images of all parts; keys that a part lacks are lacking in the whole, as are predictions, which are joined later."""

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
