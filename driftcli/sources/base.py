"""What a source is: something that offers entries, in a fixed order, again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from driftcli.core.images import Entry, Skipped


class ImageSource(ABC):
    """Re-iterable, constant memory; what it passes over it yields as Skipped, with the reason.

    A kind is a frozen dataclass with a field `path`, which is what the user named; `follow` (symbolic
    links are followed) and `nul` (paths end in NUL) are given to it where it has such fields.
    """

    schemes: ClassVar[tuple[str, ...]] = ()
    """Addresses that are such a source: `s3` takes `s3://bucket/images`."""

    @classmethod
    def takes(cls, path: str) -> bool:  # noqa: ARG003 - most kinds are no single file
        """Whether an existing file is such a source, by its name; an image or none of ours by default."""
        return False

    @property
    def prefix(self) -> str:
        """What the names of its entries begin with before their path within it: `--exclude` looks behind it."""
        return ""

    @abstractmethod
    def __iter__(self) -> Iterator[Entry | Skipped]: ...
