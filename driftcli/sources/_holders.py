"""Files that hold many images each: archives and Parquet files, where a pattern names several of them."""

from __future__ import annotations

from collections.abc import Callable

from driftcli.sources.archive import Archive
from driftcli.sources.base import ImageSource
from driftcli.sources.parquet import Parquet


def holder_of(pattern: str) -> Callable[[str], ImageSource] | None:
    """The kind of the files that a pattern names by its ending; None for images and lists.

    So `*.tar` reads archives, and `*` passes them over as ever.
    """
    return next((kind for kind in (Archive, Parquet) if kind.takes(pattern)), None)
