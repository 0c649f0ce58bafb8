"""What a source is: something that offers entries, in a fixed order, again and again."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from driftcli.core.images import Entry, Skipped

PATIENCE = 2.0
"""Seconds that a listing may take which is for progress alone."""


class ImageSource(ABC):
    """Re-iterable, constant memory; what it passes over it yields as Skipped, with the reason.

    A kind is a frozen dataclass with a field `path`, which is what the user named; `follow` (symbolic
    links are followed) and `nul` (paths end in NUL) are given to it where it has such fields.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    """Addresses that are such a source: `s3` takes `s3://bucket/images`."""

    listed: ClassVar[bool] = False
    """Its entries are names without bytes: counting them takes a listing, not a reading."""

    several: ClassVar[bool] = False
    """A name that it takes stands for several files, and is none itself."""

    @classmethod
    def takes(cls, path: str) -> bool:  # noqa: ARG003 - most kinds are no single file
        """Whether an existing file is such a source, by its name; an image or none of ours by default."""
        return False

    @property
    def prefix(self) -> str:
        """What the names of its entries begin with before their path within it: `--exclude` looks behind it."""
        return ""

    def check(self) -> None:  # noqa: B027 - whoever named an existing file is asked nothing more
        """Is it there? Asked once before anything is read, of what no system call can tell.

        Raises NotAuditedError where it is not, UsageError where the environment is wrong.
        """

    def count(self, seconds: float = PATIENCE) -> int | None:
        """How many entries it offers; None where that is not known without reading them, or within so many seconds."""
        return _counted(self, seconds) if self.listed else None

    @abstractmethod
    def __iter__(self) -> Iterator[Entry | Skipped]: ...


def _counted(items: Iterable[object], seconds: float) -> int | None:
    """How many there are; None where the time did not suffice."""
    until, count = time.monotonic() + seconds, 0
    for count, _ in enumerate(items, 1):
        if count % 1000 == 0 and time.monotonic() > until:
            return None
    return count
