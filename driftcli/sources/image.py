"""One image file, named on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.images import Entry, Skipped
from driftcli.sources._named import named
from driftcli.sources.base import ImageSource


@final
@dataclass(frozen=True)
class Image(ImageSource):
    """The entry of one file. A symbolic link named by hand is followed."""

    listed: ClassVar[bool] = True

    path: str

    @property
    def prefix(self) -> str:
        """The part of the entry's name before the file's own: its folder."""
        return os.path.join(os.path.dirname(self.path), "")

    def __iter__(self) -> Iterator[Entry | Skipped]:
        yield named(self.path)
