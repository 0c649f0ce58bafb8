"""Small tables that people hand in: comma- or tab-separated text with a header."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name

MOST_BYTES = 256 << 20
_LONGEST_FIELD = 16 << 20
"""Label Studio writes a task's picture into a field of its CSV."""
_limit = threading.Lock()
Row = Mapping[str, str]


def rows(raw: bytes, name: str, *, separator: str = ",") -> list[tuple[int, Row]]:
    """Line number and fields of each row, by the header's names (lower case, trimmed). Raises NotAuditedError.

    Empty rows are passed over; a row with more or fewer fields than the header is an error that names its line.
    """
    shown = safe_name(name)
    try:
        text = raw.decode("utf-8-sig", "surrogateescape" if b"\0" not in raw else "strict")
        with _long_fields():
            found = _rows(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), shown)
    except (csv.Error, UnicodeDecodeError) as error:
        raise NotAuditedError(
            f"{shown} is no table: {error}", "save it as text with a header, UTF-8"
        ) from None
    return found


def _rows(table: Any, shown: str) -> list[tuple[int, Row]]:
    header = [field.strip().lower() for field in next(table, [])]
    if len(set(header)) != len(header):
        raise NotAuditedError(f"{shown}: a column stands twice in its header", "name each column once")
    found: list[tuple[int, Row]] = []
    for fields in table:
        if not any(field.strip() for field in fields):
            continue
        if len(fields) != len(header):
            raise NotAuditedError(
                f"{shown}, line {table.line_num}: {len(fields)} fields under a header of {len(header)}",
                "put fields with a separator in them in quotes",
            )
        found.append((table.line_num, dict(zip(header, fields, strict=True))))
    return found


@contextmanager
def _long_fields() -> Iterator[None]:
    """The limit of `csv` is the whole process's: raised while rows are read, and put back."""
    with _limit:
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def column(found: Sequence[tuple[int, Row]], names: Sequence[str]) -> str | None:
    """The first of these names that the header has."""
    header = found[0][1] if found else {}
    return next((name for name in names if name in header), None)
