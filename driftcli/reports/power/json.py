"""The result of `power` as JSON, its schema, and as a table of comma-separated values."""

from __future__ import annotations

import csv
import io
from typing import Any

from driftcli.core.power_report import PowerReport, Rate
from driftcli.reports.layout.writing import plain, published, write

ORDER = (
    "schema_version", "kind", "tool", "created", "artifact", "digest", "baseline", "source", "foreign", "alpha", "trials",
    "images", "baseline_images", "left_out", "cautions", "families", "cells", "null", "timing", "environment",
)  # fmt: skip
COLUMNS = (
    "corruption", "severity", "amount", "unit", "share", "batch", "changed", "trials", "inferred", "family", "rate",
    "low", "high",
)  # fmt: skip
NONE = "none"
"""What the rows of unchanged batches have for a corruption."""


def to_json(report: PowerReport) -> str:
    """The whole result, ending in a newline (contract: `schema_version`)."""
    return f"{write({name: plain(getattr(report, name)) for name in ORDER})}\n"


def schema() -> dict[str, Any]:
    """The published JSON Schema of this result (draft 2020-12)."""
    return published("power")


def to_csv(report: PowerReport) -> str:
    """One row a cell and family, then the unchanged batches with the share 0; what is not known is empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for cell in report.cells:
        start = [cell.corruption, cell.severity, cell.amount, cell.unit, cell.share, cell.batch, cell.changed]
        start += [cell.trials, str(cell.inferred).lower()]
        table.writerows([*start, *_rate(name, rate)] for name, rate in cell.rates.items())
    for row in report.null:
        start = [NONE, None, None, None, 0, row.batch, 0, row.trials, "false"]
        table.writerows([*start, *_rate(name, rate)] for name, rate in row.rates.items())
    return text.getvalue()


def _rate(family: str, rate: Rate) -> tuple[str, float, float, float]:
    return family, rate.rate, rate.low, rate.high
