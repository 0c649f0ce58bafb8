"""What a source is: something that offers entries, in a fixed order, again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from driftcli.core.images import Entry, Skipped


class ImageSource(ABC):
    """Re-iterable, constant memory; what it passes over it yields as Skipped, with the reason."""

    @abstractmethod
    def __iter__(self) -> Iterator[Entry | Skipped]: ...
