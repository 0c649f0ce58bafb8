"""Labels of axes: a few, easy to read, and never two alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftcli.reports.content import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_DATES = 6
MOST_DIGITS = 12
DAY, YEAR = 10, 4
"""Characters of a time as stored that name its day, its year."""


def distinct(values: Sequence[float]) -> list[str]:
    """The values to three digits, or to as many as it takes to tell them apart."""
    for digits in range(3, MOST_DIGITS + 1):
        shown = [_value(value, digits) for value in values]
        if len(set(shown)) == len({*values}):
            return shown
    return [f"{value!r}" for value in values]


def _value(value: float, digits: int) -> str:
    if digits == 3 or abs(value) < 1000:  # noqa: PLR2004  # below, `numbers.value` has as many digits as it is told
        return numbers.value(value, digits)
    return f"{value:,.{digits - 3}f}".replace("-", numbers.MINUS)


def dates(times: Sequence[str]) -> tuple[list[int], list[str]]:
    """Places and labels of a few of these times (as stored, `2026-11-04T06:00:00Z`): days, or hours of a single day.

    Each label stands at the first time that it names; where not all have room, the newest has.
    """
    one_day = len({time[:DAY] for time in times}) == 1
    one_year = len({time[:YEAR] for time in times}) == 1
    shown = slice(DAY + 1, DAY + 6) if one_day else slice(YEAR + 1 if one_year else 0, DAY)
    first: dict[str, int] = {}
    for place, time in enumerate(times):
        first.setdefault(time[shown], place)
    step = max(1, -(-len(first) // MOST_DATES))
    chosen = list(first.items())[::-1][::step][::-1]
    return [place for _, place in chosen], [label for label, _ in chosen]


def readable(axis: Any) -> None:
    """Labels of an axis as numbers that people read, no two alike."""
    from matplotlib.ticker import Formatter

    class Distinct(Formatter):
        def __call__(self, value: float, _place: int | None = None) -> str:
            return numbers.value(value)

        def format_ticks(self, values: Any) -> list[str]:
            return distinct(
                [0.0 if abs(value) < 1e-12 * max(map(abs, values)) else float(value) for value in values]
            )

    axis.set_major_formatter(Distinct())
