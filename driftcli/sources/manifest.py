"""A list of files with what is known about each: CSV or JSON Lines with a `path`, or plain lines of paths."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TextIO, final

from driftcli.core.addresses import scheme, shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.sources._named import listed, path_column
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import extension
from driftcli.sources.objects.reader import opened

_LONGEST_LINE = 1 << 20
_HINT = "Each line names one image: a `path` (or `file_name`) column in CSV or key in JSON Lines, the path itself in .txt."
_Row = tuple[int, Mapping[str, str]]


@final
@dataclass(frozen=True)
class Manifest(ImageSource):
    """Entries of the files that a list names, in its order, with its other columns; the list may lie on a server.

    Columns beside `path` (`file_name` in ImageFolder's `metadata.csv` and `.jsonl`) are kept as text: `group`, `label`, `prediction`, `time`, and any other. Relative paths start at the manifest's folder; addresses are fetched. UTF-8, a byte order mark allowed; bytes that are no
    UTF-8 stay what they are in file names. A malformed line raises NotAuditedError with its number:
    a list that is read by halves would audit something else than was meant.
    """

    listed: ClassVar[bool] = True

    path: str

    @classmethod
    def takes(cls, path: str) -> bool:
        """Tables and lists of paths."""
        return extension(shown(path)) in ("csv", "jsonl", "txt")

    @property
    def prefix(self) -> str:
        """The part of entry names before the path as listed: the manifest's folder."""
        return os.path.join(os.path.dirname(shown(self.path)), "")

    def check(self) -> None:
        """One question to the server where it lies on one. Raises NotAuditedError, UsageError."""
        if scheme(self.path):
            opened(self.path).close()

    def __iter__(self) -> Iterator[Entry | Skipped]:
        rows = {"csv": _csv_rows, "jsonl": _json_rows}.get(extension(shown(self.path)), _text_rows)
        try:
            with (
                opened(self.path) as file,
                io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="") as text,
            ):
                for number, row in rows(self._lines(text)):
                    yield self._entry(number, row)
        except OSError as error:
            raise NotAuditedError(
                f"the manifest {shown(self.path)!r} cannot be read: {error.strerror}",
                "Check its permissions.",
            ) from error
        except _MalformedError as error:
            raise NotAuditedError(f"{shown(self.path)}:{error.line}: {error}", _HINT) from error

    def _lines(self, file: TextIO) -> Iterator[str]:
        """Lines with their ends, none longer than 1 MiB."""
        number = 0
        while line := file.readline(_LONGEST_LINE + 1):
            number += 1
            if len(line) > _LONGEST_LINE:
                raise _MalformedError(number, "a line of more than 1 MiB")
            yield line

    def _entry(self, number: int, row: Mapping[str, str]) -> Entry | Skipped:
        key = path_column(row)
        if key is None or not _is_path(row[key]):
            raise _MalformedError(number, "no usable path in this line")
        return listed(self.path, row[key], {name: value for name, value in row.items() if name != key})


def _is_path(text: str) -> bool:
    """Whether the file system could have such a name: not empty, no NUL, no half of a character."""
    try:
        os.fsencode(text)
    except ValueError:
        return False
    return bool(text) and "\0" not in text


class _MalformedError(Exception):
    """A line of the manifest that cannot be used."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def _text_rows(lines: Iterable[str]) -> Iterator[_Row]:
    """A path a line; empty lines are passed over."""
    for number, line in enumerate(lines, 1):
        if path := line.rstrip("\r\n"):
            yield number, {"path": path}


def _json_rows(lines: Iterable[str]) -> Iterator[_Row]:
    """A JSON object a line. Raises _MalformedError."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise _MalformedError(number, "this line is no JSON") from None
        if not isinstance(row, dict) or not isinstance(row.get(path_column(row) or ""), str):
            raise _MalformedError(number, 'this line is no JSON object with a "path" of text')
        yield number, {name: _as_text(value) for name, value in row.items() if value is not None}


def _as_text(value: Any) -> str:
    """Strings as they are, everything else as JSON: a list of probabilities stays readable."""
    return value if isinstance(value, str) else json.dumps(value)


def _csv_rows(lines: Iterable[str]) -> Iterator[_Row]:
    """A row a line, columns named by the first. Raises _MalformedError."""
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        if path_column(header) is None or len(set(header)) != len(header):
            raise _MalformedError(1, "the first line must name the columns, each once, `path` among them")
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise _MalformedError(
                    rows.line_num, f"{len(row)} fields where the first line names {len(header)}"
                )
            yield rows.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise _MalformedError(rows.line_num, f"no valid CSV: {error}") from error
