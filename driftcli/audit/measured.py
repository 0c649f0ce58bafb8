"""What was measured of each image, property by property, for tables of the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import Column, Features
from driftcli.core.findings import PropertyResult
from driftcli.extractors.base import views
from driftcli.reference.families import Family

DIGITS = 7
"""Significant digits: what a float32 holds."""


def properties(
    families: Sequence[Family], batch: Features, rows: Sequence[int]
) -> tuple[PropertyResult, ...]:
    """Every measurement that has a name, of the images at `rows` of the batch, in their order.

    All columns of the families of named measurements, and the loss of an autoencoder; of every family that was
    computed, advisory ones too.
    """
    return tuple(
        _property(family.name, column, batch.views[family.view][:, at][rows], batch.levels)
        for family in families
        for at, column in _told(family)
        if family.view in batch.views
    )


def _told(family: Family) -> Iterator[tuple[int, Column]]:
    """The columns of a family that stand for themselves, with their places in its view."""
    declared = views().get(family.view)
    if family.named:
        yield from enumerate(family.columns)
    elif declared is not None and declared.loss and family.columns:
        yield 0, family.columns[0]


def _property(
    family: str, column: Column, values: NDArray[np.float32], levels: Mapping[int, str]
) -> PropertyResult:
    """One column [m], told in the unit that people use: what was measured as a logarithm is undone."""
    if column.kind == "category":
        return _category(family, column, values, levels)
    numbers, unit = values.astype(np.float64), column.unit
    if unit.startswith("log2"):
        numbers, unit = np.exp2(np.clip(numbers, -1000, 1000)), unit.removeprefix("log2").strip()
    told = tuple(float(f"{x:.{DIGITS}g}") if np.isfinite(x) else None for x in numbers)
    return PropertyResult(column.name, family, column.kind, unit, told)


def _category(
    family: str, column: Column, values: NDArray[np.float32], levels: Mapping[int, str]
) -> PropertyResult:
    """A category's levels by name, and of each image the place of its own."""
    codes = [int(x) if np.isfinite(x) else None for x in values]
    there = sorted({code for code in codes if code is not None}, key=lambda code: levels.get(code, str(code)))
    place = {code: float(at) for at, code in enumerate(there)}
    told = tuple(None if code is None else place[code] for code in codes)
    names = tuple(levels.get(code, f"level {code}") for code in there)
    return PropertyResult(column.name, family, "category", "", told, names)
