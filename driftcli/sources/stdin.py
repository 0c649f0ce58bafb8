"""Paths on standard input, one a line, or ended by NUL as `find -print0` writes them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, final

from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.sources._named import named
from driftcli.sources.base import ImageSource


@final
@dataclass(frozen=True)
class Stdin(ImageSource):
    """Entries of the paths on standard input, in the order given.

    The list is kept in memory, since standard input can be read only once.
    """

    listed: ClassVar[bool] = True

    path: str = "-"
    nul: bool = False
    _names: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def prefix(self) -> str:
        """Empty: entry names are the paths as given."""
        return ""

    def __iter__(self) -> Iterator[Entry | Skipped]:
        if not self._names:
            text = _all_of_it()
            parts = (
                text.split(b"\0") if self.nul else (line.removesuffix(b"\r") for line in text.split(b"\n"))
            )
            self._names.extend(os.fsdecode(part) for part in parts if part)
        yield from map(named, self._names)


def _all_of_it() -> bytes:
    """Standard input to its end. Raises NotAuditedError where it is closed or cannot be read."""
    hint = "pipe paths into it, one a line: find images -name '*.jpg' | driftcli check ARTIFACT -"
    if sys.stdin is None:  # closed before the program began
        raise NotAuditedError("standard input is closed, and `-` reads the paths from it", hint)
    try:
        return sys.stdin.buffer.read()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is closed"
        raise NotAuditedError(f"standard input cannot be read: {why}", hint) from error
