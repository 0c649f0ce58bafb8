"""Parquet files with a column of images or of paths, as Hugging Face's data sets have them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, final

from driftcli.core.addresses import shown
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.files import Refused
from driftcli.core.images import Entry, Skipped
from driftcli.sources._named import listed, path_column
from driftcli.sources.base import PATIENCE, ImageSource
from driftcli.sources.decoding.header import sniff
from driftcli.sources.decoding.names import extension, promises_image
from driftcli.sources.objects.reader import last_changed, opened

_ROWS = 8
"""Rows in memory: a row may be a whole photograph."""
_BUFFER = 1 << 20
_NAMES = ("image", "img", "jpg", "jpeg", "png", "bytes", "content", "data", "pixel_values")
"""Binary columns that are meant where there are several."""


@final
@dataclass(frozen=True)
class Parquet(ImageSource):
    """Entries of the rows of a Parquet file: images in a column, or paths and addresses of images as in a manifest.

    The column of images is the one that Hugging Face's features call an image, else a struct of `bytes` and `path`, else
    the only binary column (or `image`, `img`, ...). Other columns become manifest columns, class numbers with
    their names where the features know them. Names are `train.parquet!12-cat.jpg`: row, then path. Needs pyarrow (extra
    `parquet`). Memory: up to four times a row group's size, when its writer made one page of it.
    """

    path: str

    @classmethod
    def takes(cls, path: str) -> bool:
        """Parquet files."""
        return extension(shown(path)) == "parquet"

    @property
    def prefix(self) -> str:
        """The part of entry names before the row: `train.parquet!`; the folder where rows name paths."""
        return (
            shown(self.path) + "!"
            if self._of_images()
            else os.path.join(os.path.dirname(shown(self.path)), "")
        )

    def check(self) -> None:
        """Are there images in it? Raises NotAuditedError, UsageError without pyarrow."""
        self._of_images()

    def count(self, seconds: float = PATIENCE) -> int | None:  # noqa: ARG002 - its footer has the number
        """Its rows."""
        try:
            with opened(self.path) as file:
                return int(_open(file).metadata.num_rows)
        except _damaged():
            return None

    def __iter__(self) -> Iterator[Entry | Skipped]:
        row = 0
        try:
            with opened(self.path) as file:
                modified, table = last_changed(file), _open(file)
                plan = self._plan(table.schema_arrow)
                for batch in table.iter_batches(_ROWS, columns=plan.columns, use_threads=False):
                    for values in batch.to_pylist():
                        yield self._entry(row, values, plan, modified)
                        row += 1
        except _damaged() as error:
            raise NotAuditedError(
                f"{shown(self.path)!r} cannot be read as Parquet, after {row} rows: {_line(error)}",
                "Copy or write it again.",
            ) from error

    def _of_images(self) -> bool:
        try:
            with opened(self.path) as file:
                return self._plan(_open(file).schema_arrow).image is not None
        except _damaged() as error:
            raise NotAuditedError(
                f"{shown(self.path)!r} cannot be read as Parquet: {_line(error)}", "Copy or write it again."
            ) from error

    def _plan(self, schema: Any) -> _Plan:
        plan = _plan(schema)
        if plan is None:
            names = ", ".join(f"{field.name} ({field.type})" for field in schema)
            raise NotAuditedError(
                f"{shown(self.path)!r} has no column of images that can be told: {names}"[:500],
                "Call the column of images `image`, or a column of paths `path`.",
            )
        return plan

    def _entry(self, row: int, values: Mapping[str, Any], plan: _Plan, modified: float) -> Entry | Skipped:
        columns = {
            name: _text(plan.classes.get(name, ()), value)
            for name, value in values.items()
            if name not in (plan.image, plan.listed) and value is not None
        }
        if plan.image is None:
            path = values[plan.listed or ""]
            if not isinstance(path, str) or not path or "\0" in path:
                return Skipped(f"{shown(self.path)}!{row}", "unreadable", "missing")
            return listed(self.path, path, columns)
        cell = values[plan.image]
        inner, data = (
            ("", cell) if not isinstance(cell, dict) else (cell.get("path") or "", cell.get("bytes"))
        )
        if data is None and inner:
            return listed(self.path, inner, columns)
        name = f"{shown(self.path)}!{_inside(row, inner, data)}"
        return (
            Entry(name, data=data, columns=columns, modified=modified)
            if data
            else Skipped(name, "unreadable", "empty" if data is not None else "missing")
        )


@dataclass(frozen=True)
class _Plan:
    """Which columns are read as what."""

    image: str | None
    listed: str | None
    columns: list[str]
    classes: Mapping[str, tuple[str, ...]]
    """Names of the classes of columns that hold their numbers."""


def _plan(schema: Any) -> _Plan | None:
    """What the columns are for; None where none can be told to be images or paths."""
    features = _features(schema)
    image = _image_column(schema, features)
    paths = path_column([field.name for field in schema if _is_text(field.type)]) if image is None else None
    if image is None and paths is None:
        return None
    classes = {
        name: tuple(map(str, feature["names"]))
        for name, feature in features.items()
        if isinstance(feature.get("names"), list)
    }
    keep = [field.name for field in schema if field.name in (image, paths) or not _is_heavy(field.type)]
    return _Plan(image, paths, keep, classes)


def _image_column(schema: Any, features: Mapping[str, Mapping[str, Any]]) -> str | None:
    names = [
        name for name, feature in features.items() if feature.get("_type") == "Image" and name in schema.names
    ]
    names += [
        field.name
        for field in schema
        if str(field.type).startswith("struct") and {"bytes", "path"} <= {inner.name for inner in field.type}
    ]
    binary = [field.name for field in schema if _is_binary(field.type)]
    names += binary if len(binary) == 1 else [name for name in _NAMES if name in binary]
    return names[0] if names else None


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """What Hugging Face wrote of its columns; nothing where it wrote nothing, or something else."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: feature for name, feature in found.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _is_binary(kind: Any) -> bool:
    return str(kind) in {"binary", "large_binary", "binary_view"}


def _is_text(kind: Any) -> bool:
    return str(kind) in {"string", "large_string", "string_view"} or str(kind).startswith(
        "dictionary<values=string"
    )


def _is_heavy(kind: Any) -> bool:
    """Other images, masks and nested tables: no column of a manifest."""
    return "binary" in str(kind) or "struct" in str(kind)


def _text(classes: tuple[str, ...], value: Any) -> str:
    """A cell as a manifest would write it."""
    if classes and isinstance(value, int) and 0 <= value < len(classes):
        return classes[value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _inside(row: int, path: str, data: bytes | None) -> str:
    """The part of the name within the file: row and path; what the bytes are where no path says so."""
    folder, slash, base = path.replace("\0", "").rpartition("/")
    if promises_image(base):
        return f"{folder}{slash}{row}-{base}"
    try:
        return f"{row}.{sniff(data or b'').lower()}"
    except Refused:
        return f"{row}.jpg"  # the column promises an image: what is none counts as unreadable


def _open(file: Any) -> Any:
    """The table; its pages are read as they are needed. Raises UsageError without pyarrow."""
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow", "pip install 'driftcli[parquet]'") from error
    return parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)


def _damaged() -> tuple[type[Exception], ...]:
    """What pyarrow raises for a file that is none, or is broken."""
    try:
        from pyarrow import ArrowException
    except ImportError:
        return (OSError,)
    return (ArrowException, OSError, ValueError)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
