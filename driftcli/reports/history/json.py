"""A history for programs: everything as JSON, one row a check as CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name
from driftcli.reports.history import trends
from driftcli.reports.layout.writing import plain, write

if TYPE_CHECKING:
    from driftcli.check_history.records import Past, PastCheck

COLUMNS = (
    "id", "created", "verdict", "exit_code", "gate", "p_value", "alpha", "effect", "effect_lower", "images",
    "e_value", "value", "alarm", "duplicate", "baseline", "group", "artifact", "source", "day", "report",
)  # fmt: skip
MODEL = (
    "model_verdict", "model_p_value", "model_alarm", "baseline_accuracy", "accuracy_estimated", "accuracy_estimated_low",
    "accuracy_estimated_high", "accuracy_labelled", "accuracy_labelled_low", "accuracy_labelled_high", "labels",
)  # fmt: skip
"""Of the user's own classifier; accuracies are about the very images of the check."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_json(past: Past) -> str:
    """Field for field the dataclasses of `driftcli.check_history.records`; numbers that are not finite are null."""
    return f"{write(plain(past))}\n"


def to_csv(past: Past, names: tuple[str, ...] = ()) -> str:
    """One row a check; after its figures the mean of each statistic asked for (without any: of all properties)."""
    asked = trends.trends(past, names)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *MODEL, *(safe_name(f"{trend.family}.{trend.name}") for trend in asked)])
    for place, check in enumerate(past.checks):
        values = [getattr(check, name) for name in COLUMNS]
        writer.writerow(
            [*map(_cell, values), *map(_cell, _model(check)), *(_cell(trend.means[place]) for trend in asked)]
        )
    return out.getvalue()


def _model(check: PastCheck) -> list[object]:
    """In the order of `MODEL`; None where it is not known."""
    harm, labelled = check.harm, check.labelled
    said = [None] * 4 if harm is None else [harm.verdict, harm.p_value, harm.alarm, harm.baseline_accuracy]
    estimates = (
        None if harm is None else harm.accuracy_of_these,
        None if labelled is None else labelled.accuracy,
    )
    figures = [[None] * 3 if one is None else [one.value, one.low, one.high] for one in estimates]
    return [*said, *figures[0], *figures[1], None if labelled is None else labelled.labelled]


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
