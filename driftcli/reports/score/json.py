"""The result of `score` as JSON, its schema, and its labels as a manifest that sources and trainers read."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import fields
from typing import Any

from driftcli.core.score_report import ScoreReport
from driftcli.reports.layout.writing import plain, published, write

FIRST = ("schema_version", "kind")
COLUMNS = ("path", "label", "chance", "labels", "predicted", "date", "weight")
"""`predicted`, not `prediction`: a manifest with that column would hand the model's answers on to whoever reads it."""


def to_json(report: ScoreReport) -> str:
    """The whole result, ending in a newline (contract: `schema_version`)."""
    names = [*FIRST, *(field.name for field in fields(report) if field.name not in FIRST)]
    return f"{write({name: plain(getattr(report, name)) for name in names})}\n"


def schema() -> dict[str, Any]:
    """The published JSON Schema of this result (draft 2020-12)."""
    return published("score")


def to_csv(report: ScoreReport) -> str:
    """A row for each labelled image: path, label, its chance of being right, annotators, and what the model said.

    A manifest for `fit`, `baseline`, `refresh` and trainers: files that are there are named in full, wherever the table is put.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for image in report.labels:
        path = os.path.abspath(image.path) if os.path.isfile(image.path) else image.path  # noqa: PTH100, PTH113 - names need not be text
        facts = [path, image.label, f"{image.chance:.4g}", image.labels, image.prediction, image.date]
        table.writerow([*facts, f"{image.weight:.6g}"])
    return text.getvalue()
