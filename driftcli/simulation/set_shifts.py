"""Shifts of a whole set: which images are there, not what they look like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any, cast

import numpy as np

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Entry
from driftcli.reading.keys import key_function

SHOWN = 8
"""Values of a key that a hint names."""


def labeller(key: str) -> Callable[[Entry], str]:
    """The function that a key (`folder`, `column:NAME`, a regular expression) stands for: unread entry -> value.

    `folder` is the last folder of the path: `cats`, however the source was named. Raises UsageError for
    a key that needs the file's content.
    """
    if key == "hour":
        raise UsageError(
            "the hour is not known before an image is read", "use folder, column:NAME or a regex"
        )
    if key == "folder":
        return lambda entry: PurePath(entry.name).parent.name
    return cast("Callable[[Any], str]", key_function(key))


def knock_out(labels: Sequence[str], value: str) -> list[int]:
    """Positions of all images but those of one class. Raises UsageError where no image has that value."""
    _known(labels, value)
    return [i for i, label in enumerate(labels) if label != value]


def class_share(labels: Sequence[str], value: str, share: float, rng: np.random.Generator) -> list[int]:
    """Positions of as many images as possible such that `share` of them have the value; order is kept.

    Images of the side that has too many are left out, drawn by chance.

    Raises UsageError where no image has that value, NotAuditedError where only one side is there.
    """
    _known(labels, value)
    inside = [i for i, label in enumerate(labels) if label == value]
    outside = [i for i, label in enumerate(labels) if label != value]
    if not outside and share < 1:
        raise NotAuditedError(
            f"every image has the value {value!r}: no share of {share:.0%} can be made",
            "name other images too",
        )
    if len(inside) > share * len(labels):
        inside = _some(inside, round(share / (1 - share) * len(outside)), rng)
    else:
        outside = _some(outside, round((1 - share) / share * len(inside)), rng)
    return sorted([*inside, *outside])


def mixture(count: int, others: int, wanted: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
    """Positions of the images that stay, and of the others that take the places of `wanted` of them.

    `count`: images there are; `others`: images to replace them by. No position twice, order kept. Raises NotAuditedError where either side is too small.
    """
    if wanted > min(count, others):
        raise NotAuditedError(
            f"{wanted:,} of {count:,} images are to be replaced, and there are {others:,} to replace them",
            "lower the shares, use --limit, or name a larger source",
        )
    staying = _some(list(range(count)), count - wanted, rng)
    return sorted(staying), sorted(_some(list(range(others)), wanted, rng))


def _some(positions: list[int], count: int, rng: np.random.Generator) -> list[int]:
    """So many of them, drawn without replacement."""
    return [positions[int(i)] for i in rng.permutation(len(positions))[:count]]


def _known(labels: Sequence[str], value: str) -> None:
    if value in labels:
        return
    there = sorted(set(labels))
    more = ", ..." if len(there) > SHOWN else ""
    names = ", ".join(repr(name) for name in there[:SHOWN])
    raise UsageError(
        f"no image has the value {value!r}", f"there are {names}{more}" if there else "no images"
    )
