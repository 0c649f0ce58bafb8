"""A history for programs: everything as JSON, one row a check as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.reports.history import trends
from driftcli.reports.layout.writing import plain, write

if TYPE_CHECKING:
    from driftcli.check_history.records import Past

COLUMNS = (
    "id", "created", "verdict", "exit_code", "gate", "p_value", "alpha", "effect", "effect_lower", "images",
    "e_value", "value", "alarm", "duplicate", "baseline", "group", "artifact", "source", "day", "report",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_json(past: Past) -> str:
    """Field for field the dataclasses of `driftcli.check_history.records`; numbers that are not finite are null."""
    return f"{write(plain(past))}\n"


def to_csv(past: Past, names: tuple[str, ...] = ()) -> str:
    """One row a check; after its figures the mean of each statistic asked for (without any: of all properties)."""
    asked = trends.trends(past, names)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *(safe_name(f"{trend.family}.{trend.name}") for trend in asked)])
    for place, check in enumerate(past.checks):
        values = [getattr(check, name) for name in COLUMNS]
        writer.writerow([*map(_cell, values), *(_cell(trend.means[place]) for trend in asked)])
    return out.getvalue()


def _cell(value: object) -> str:
    """A text that a spreadsheet would run is given an apostrophe (OWASP, CSV injection)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        return f"{value:.10g}"
    text = safe_name(" ".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return f"'{text}" if text.startswith(FORMULA) else text
