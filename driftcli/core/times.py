"""How times and durations are written, wherever they are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

Precision = Literal["seconds", "milliseconds", "microseconds"]

_MINUTE, _HOUR = 60, 3600


def now_utc(precision: Precision = "seconds") -> str:
    """The time now as `utc_text` writes it."""
    return utc_text(datetime.now(UTC), precision)


def utc_text(moment: datetime, precision: Precision = "seconds") -> str:
    """A time with its zone, in UTC: `2026-11-27T21:40:05Z`. Finer digits are cut, not rounded (ISO 8601)."""
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


def duration(seconds: float) -> str:
    """How long something took: `3.2 s`, `47 s`, `2 min 5 s`, `1 h 2 min`."""
    if seconds < 59.5:  # noqa: PLR2004 - what rounds to less than a minute
        tenths = f"{seconds:.1f}".removesuffix(".0")
        return f"{tenths} s" if seconds < 9.95 else f"{seconds:.0f} s"  # noqa: PLR2004 - two digits either way
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE} min"


def rough_duration(seconds: float | None) -> str:
    """How long something takes, to be read in passing: `40 s`, `3 min`, `2.5 h`; None counts as 0."""
    seconds = seconds or 0.0
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 1.5 * _HOUR else f"{seconds / _HOUR:.1f} h"
