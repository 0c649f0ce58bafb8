"""Files and folders that match a shell pattern: `*`, `?`, `[...]`, and `**` for any depth."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from driftcli.core.images import Entry, Skipped
from driftcli.sources._holders import holder_of
from driftcli.sources.base import ImageSource
from driftcli.sources.decoding.names import passed_over
from driftcli.sources.folder import Folder


@final
@dataclass(frozen=True)
class Glob(ImageSource):
    """Entries of what matches a shell pattern, in byte order.

    A matching folder is read recursively unless `**` reaches into it anyway; a pattern that ends like an archive or a Parquet
    file (`*.tar`) reads what they hold.
    Names that begin with a dot match only patterns that do, as in a shell.
    """

    listed: ClassVar[bool] = True

    path: str
    follow: bool = False

    @property
    def prefix(self) -> str:
        """The part of entry names before the first folder with a wildcard: `images/` of `images/*/a.jpg`."""
        parts = self.path.split("/")
        wild = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
        return "/".join([*parts[:wild], ""])

    def __iter__(self) -> Iterator[Entry | Skipped]:
        deep, holder = "**" in self.path.split("/"), holder_of(self.path)
        for path in sorted(glob.iglob(self.path, recursive=True), key=os.fsencode):
            if os.path.islink(path) and not self.follow:
                yield Skipped(path, "skipped", "symlink")
            elif holder is not None and not os.path.isdir(path):
                yield from holder(path)
            elif not os.path.isdir(path):
                reason = passed_over(os.path.basename(path))
                yield Skipped(path, "skipped", reason) if reason else Entry(path, os.path.realpath(path))
            elif not deep:
                yield from Folder(path, self.follow)
