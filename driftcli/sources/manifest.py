"""A list of files with what is known about each: CSV or JSON Lines with a `path`, or plain lines of paths."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.addresses import scheme, shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.sources._named import listed, path_column
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import extension
from driftcli.sources.objects.reader import opened
from driftcli.sources.tables.rows import MalformedError, csv_rows, json_rows, lines_of, text_rows

_HINT = "Each line names one image: a `path` (or `file_name`) column in CSV or key in JSON Lines, the path itself in .txt."


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
        rows = {"csv": csv_rows, "jsonl": json_rows}.get(extension(shown(self.path)), text_rows)
        try:
            with (
                opened(self.path) as file,
                io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="") as text,
            ):
                for number, row in rows(lines_of(text)):
                    yield self._entry(number, row)
        except OSError as error:
            raise NotAuditedError(
                f"the manifest {shown(self.path)!r} cannot be read: {error.strerror}",
                "Check its permissions.",
            ) from error
        except MalformedError as error:
            raise NotAuditedError(f"{shown(self.path)}:{error.line}: {error}", _HINT) from error

    def _entry(self, number: int, row: Mapping[str, str]) -> Entry | Skipped:
        key = path_column(row)
        if key is None or not _is_path(row[key]):
            raise MalformedError(number, "no usable path in this line")
        return listed(self.path, row[key], {name: value for name, value in row.items() if name != key})


def _is_path(text: str) -> bool:
    """Whether the file system could have such a name: not empty, no NUL, no half of a character."""
    try:
        os.fsencode(text)
    except ValueError:
        return False
    return bool(text) and "\0" not in text
