"""Tables whose rows are about images: CSV, JSON Lines, Parquet, plain lists of paths; every cell as text."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TextIO

from driftcli.core.errors import UsageError

Row = tuple[int, Mapping[str, str]]
"""Its line (of Parquet, its row from 1), and its cells by column; what is null is not there."""
PATHS = ("path", "file_name")
"""Columns that name an image by its path."""
_LONGEST_LINE = 1 << 20
_AT_ONCE = 256
"""Rows of a Parquet file in memory: one may hold a thousand numbers."""


class MalformedError(Exception):
    """A line of a table that cannot be used, in words that follow its number."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def key_column(names: Collection[str], keys: Collection[str] = PATHS) -> str | None:
    """The first of `keys` among the columns; None where none is."""
    return next((name for name in keys if name in names), None)


def lines_of(file: TextIO) -> Iterator[str]:
    """Lines with their ends. Raises MalformedError for one of more than 1 MiB."""
    number = 0
    while line := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise MalformedError(number, "a line of more than 1 MiB")
        yield line


def text_rows(lines: Iterable[str]) -> Iterator[Row]:
    """A path a line; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        if path := line.rstrip("\r\n"):
            yield number, {"path": path}


def json_rows(lines: Iterable[str], keys: Collection[str] = PATHS) -> Iterator[Row]:
    """A JSON object a line, with one of the `keys` at least. Raises MalformedError."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise MalformedError(number, "this line is no JSON") from None
        if not isinstance(row, dict) or not isinstance(row.get(key_column(row, keys) or ""), str):
            raise MalformedError(number, f"this line is no JSON object with {_one_of(keys)} of text")
        yield number, {name: as_text(value) for name, value in row.items() if value is not None}


def as_text(value: Any) -> str:
    """Strings as they are, everything else as JSON: a list of probabilities stays readable."""
    return value if isinstance(value, str) else json.dumps(value)


def csv_rows(lines: Iterable[str], keys: Collection[str] = PATHS) -> Iterator[Row]:
    """A row a line, columns named by the first, one of the `keys` among them. Raises MalformedError."""
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if key_column(header, keys) is None or len(set(header)) != len(header):
            which = " or ".join(f"`{key}`" for key in keys if key != "file_name")
            raise MalformedError(1, f"the first line must name the columns, each once, {which} among them")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise MalformedError(
                    rows.line_num, f"{len(row)} fields where the first line names {len(header)}"
                )
            yield rows.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise MalformedError(rows.line_num, f"no valid CSV: {error}") from error


def parquet_rows(file: BinaryIO, keys: Collection[str] = PATHS) -> Iterator[Row]:
    """A row of the table each; columns of bytes are left out. Raises MalformedError, UsageError without pyarrow."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise UsageError("Parquet needs pyarrow", "pip install 'driftcli[parquet]'") from error
    number = 0
    try:
        table = parquet.ParquetFile(file)
        columns = [field.name for field in table.schema_arrow if "binary" not in str(field.type)]
        if key_column(columns, keys) is None:
            raise MalformedError(0, f"the table has no column {_one_of(keys)}")
        for batch in table.iter_batches(_AT_ONCE, columns=columns, use_threads=False):
            for row in batch.to_pylist():
                number += 1
                yield number, {name: as_text(value) for name, value in row.items() if value is not None}
    except (ArrowException, OSError, ValueError, TypeError) as error:
        raise MalformedError(number, f"no valid Parquet: {str(error).splitlines()[0]}") from error


def _one_of(keys: Collection[str]) -> str:
    return " or ".join(f'"{key}"' for key in keys if key != "file_name") or "a path"
