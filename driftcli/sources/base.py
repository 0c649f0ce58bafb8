"""What a source is: something that offers entries, in a fixed order, again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from driftcli.core.images import Entry, Skipped


class ImageSource(ABC):
    """Offers the entries of one source in a fixed order, as often as it is iterated over, in constant memory.

    What it passes over it yields as Skipped, with the reason. Kinds are frozen dataclasses with a `path` and a
    `prefix`, the part of entry names before the path within the source.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Entry | Skipped]: ...
