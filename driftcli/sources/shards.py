"""Archives and Parquet files in a numbered row: `shard-{000..099}.tar`, here or on a server."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.addresses import scheme, shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.images import Entry, Skipped
from driftcli.sources._holders import holder_of
from driftcli.sources.base import ImageSource

_ROW = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}")


@final
@dataclass(frozen=True)
class Shards(ImageSource):
    """Entries of every shard of the row, one after the other, as WebDataset's braces name them.

    Leading zeros count: `{000..099}` is `000`, `001`, ... A shard that is not there raises NotAuditedError: nobody knows
    what it held.
    """

    several: ClassVar[bool] = True

    path: str

    @classmethod
    def takes(cls, path: str) -> bool:
        """Names with `{first..last}` that end like an archive or a Parquet file."""
        return _ROW.search(path) is not None and holder_of(path) is not None

    @property
    def prefix(self) -> str:
        """The part of entry names before the first folder with a row: `train/` of `train/{0..9}.tar`."""
        parts = shown(self.path).split("/")
        row = next((i for i, part in enumerate(parts) if _ROW.search(part)), len(parts) - 1)
        return "/".join([*parts[:row], ""])

    def check(self) -> None:
        """The first and the last shard are there, of those on a server; of files all. Raises NotAuditedError."""
        paths = list(_paths(self.path))
        if scheme(self.path):
            for path in {paths[0], paths[-1]}:
                self._shard(path).check()
            return
        missing = next((path for path in paths if not os.path.exists(path)), None)
        if missing is not None:
            raise NotAuditedError(f"there is no {missing!r}, a shard of {self.path!r}", "Correct the row.")

    def __iter__(self) -> Iterator[Entry | Skipped]:
        for path in _paths(self.path):
            yield from self._shard(path)

    def _shard(self, path: str) -> ImageSource:
        kind = holder_of(path)
        if kind is None:  # no name comes here that `takes` did not see
            raise NotAuditedError(f"{path!r} is neither an archive nor a Parquet file", "Name such files.")
        return kind(path)


def _paths(text: str) -> Iterator[str]:
    """The names of a row, several rows in the order of counting."""
    found = _ROW.search(text)
    if found is None:
        yield text
        return
    first, last = int(found[1]), int(found[2])
    step = 1 if first <= last else -1
    for number in range(first, last + step, step):
        yield from _paths(f"{text[: found.start()]}{number:0{len(found[1])}d}{text[found.end() :]}")
