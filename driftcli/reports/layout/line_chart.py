"""A series of values in characters: one line of blocks, or a chart of a few rows with its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.reports.layout.document import Chart

BLOCKS, PLAIN_BLOCKS = "▁▂▃▄▅▆▇█", ".,:;+*%#"
ROWS = 9
AXIS = 9
"""Cells of the scale at the left."""


@dataclass(frozen=True)
class Look:
    """The characters of a chart."""

    point: str
    beyond: str
    level: str
    edge: str

    @staticmethod
    def of(*, plain: bool) -> Look:
        """Only ASCII where the page must be."""
        return Look("o", "x", "-", "|") if plain else Look("●", "✗", "─", "│")


def trend(values: Sequence[float | None], *, plain: bool = False) -> str:
    """One character a value, lowest to highest; a space where there is none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    ramp = PLAIN_BLOCKS if plain else BLOCKS
    low, span = (min(known), max(known) - min(known)) if known else (0.0, 0.0)
    drawn = ""
    for value in values:
        if value is None or not math.isfinite(value):
            drawn += " "
        else:
            drawn += ramp[min(7, int((value - low) / span * 8))] if span > 0 else ramp[3]
    return drawn


def chart(series: Chart, width: int, *, plain: bool = False) -> list[tuple[str, str]]:
    """Rows from top to bottom: the scale's label (or spaces), and the row; the newest values that fit."""
    room = max(1, width - AXIS - 2)
    values, beyond, levels, log = (
        series.values[-room:],
        series.beyond[-room:],
        series.levels,
        series.logarithmic,
    )
    step = max(1, min(3, room // max(len(values), 1)))
    used = [v for v in (*values, *levels) if v is not None and math.isfinite(v) and (v > 0 or not log)]
    if not used:
        return []
    scale = math.log10 if log else float
    low, high = scale(min(used)), scale(max(used))
    if high <= low:
        low, high = low - 1, high + 1
    look = Look.of(plain=plain)

    def row_of(value: float) -> int:
        return round((high - scale(value)) / (high - low) * (ROWS - 1))

    cells = [[" "] * (len(values) * step) for _ in range(ROWS)]
    for level in levels:
        cells[row_of(level)] = [look.level] * (len(values) * step)
    for place, (value, out) in enumerate(zip(values, beyond, strict=True)):
        if value is not None and math.isfinite(value) and (value > 0 or not log):
            cells[row_of(value)][place * step] = look.beyond if out else look.point
    labels = {row_of(level): level for level in levels}
    for row in (0, ROWS - 1):
        exact = high - (high - low) * row / (ROWS - 1)
        labels.setdefault(row, 10**exact if log else exact)
    return [
        (f"{labels[row]:.3g}" if row in labels else "", f"{look.edge}{''.join(line).rstrip()}")
        for row, line in enumerate(cells)
    ]
