"""One row an image: the columns of CSV, Parquet and data frames, each of one type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from driftcli.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from driftcli.core.findings import ImageResult, PropertyResult
    from driftcli.core.report import Report

Type = Literal["integer", "number", "truth", "text", "texts", "category"]


@dataclass(frozen=True)
class TableColumn:
    """A name, what its values are, and one value an image; None is not known."""

    name: str
    type: Type
    values: Sequence[Any]
    unit: str = ""


def columns(report: Report) -> list[TableColumn]:
    """All images of the result in the ranking's order: what was found of each, then what was measured.

    A measurement whose name is taken has its family's before it: `file.format`.
    """
    order = sorted(range(len(report.images)), key=lambda at: report.images[at].rank)
    images = [report.images[at] for at in order]
    table = _found(images)
    taken = {column.name for column in table}
    for measured in report.properties:
        if len(measured.values) != len(images):
            continue  # a result that somebody cut: its images and measurements no longer belong together
        name = measured.name if measured.name not in taken else f"{measured.family}.{measured.name}"
        taken.add(name)
        table.append(_measured(name, measured, order))
    return table


def frame(report: Report) -> pd.DataFrame:
    """The table as a pandas data frame. Raises UsageError where pandas is not installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise UsageError("a data frame needs pandas", "pip install pandas") from error
    dtypes = {
        "integer": "int64", "number": "float64", "truth": "bool", "text": "string", "texts": "object", "category": "category",
    }  # fmt: skip
    table = columns(report)
    return pd.DataFrame(
        {column.name: pd.Series(column.values, dtype=dtypes[column.type]) for column in table}
    )


def _found(images: Sequence[ImageResult]) -> list[TableColumn]:
    return [
        TableColumn("rank", "integer", [image.rank for image in images]),
        TableColumn("path", "text", [image.path for image in images]),
        TableColumn("score", "number", [image.score for image in images]),
        TableColumn("family", "category", [image.family for image in images]),
        TableColumn("p_value", "number", [image.p_value for image in images]),
        TableColumn("significant", "truth", [image.significant for image in images]),
        TableColumn("content", "text", [image.content for image in images]),
        TableColumn("neighbour", "text", [image.neighbour for image in images]),
        TableColumn("reasons", "texts", [list(image.reasons) for image in images]),
        TableColumn("subject", "text", [image.subject for image in images]),
    ]


def _measured(name: str, measured: PropertyResult, order: Sequence[int]) -> TableColumn:
    values = [measured.values[at] for at in order]
    if measured.kind != "category":
        return TableColumn(name, "number", values, measured.unit)
    levels = measured.levels
    return TableColumn(name, "category", [_level(value, levels) for value in values])


def _level(place: float | None, levels: Sequence[str]) -> str | None:
    """The name at a place; a result may have been written by anybody."""
    if place is None or not 0 <= place < len(levels):
        return None
    return levels[int(place)]
