"""Small tables that people hand in: comma- or tab-separated text with a header."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name

MOST_BYTES = 256 << 20
_LONGEST_FIELD = 1 << 20
Row = Mapping[str, str]


def rows(raw: bytes, name: str, *, separator: str = ",") -> list[tuple[int, Row]]:
    """Line number and fields of each row, by the header's names (lower case, trimmed). Raises NotAuditedError.

    Empty rows are passed over; a row with more or fewer fields than the header is an error that names its line.
    """
    shown = safe_name(name)
    try:
        text = raw.decode("utf-8-sig", "surrogateescape" if b"\0" not in raw else "strict")
        table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        header = [field.strip().lower() for field in next(table, [])]
        found: list[tuple[int, Row]] = []
        if len(set(header)) != len(header):
            raise NotAuditedError(f"{shown}: a column stands twice in its header", "name each column once")
        for fields in table:
            if not any(field.strip() for field in fields):
                continue
            if len(fields) != len(header):
                raise NotAuditedError(
                    f"{shown}, line {table.line_num}: {len(fields)} fields under a header of {len(header)}",
                    "put fields with a separator in them in quotes",
                )
            found.append((table.line_num, dict(zip(header, fields, strict=True))))
    except (csv.Error, UnicodeDecodeError) as error:
        raise NotAuditedError(
            f"{shown} is no table: {error}", "save it as text with a header, UTF-8"
        ) from None
    return found


def column(found: Sequence[tuple[int, Row]], names: Sequence[str]) -> str | None:
    """The first of these names that the header has."""
    header = found[0][1] if found else {}
    return next((name for name in names if name in header), None)


def share(text: str, where: str) -> float | None:
    """A number from 0 to 1; None of an empty field. Raises NotAuditedError."""
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise NotAuditedError(f"{where}: {safe_name(text)!r} is no share", "write a number from 0 to 1")
    return number
