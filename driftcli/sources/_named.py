"""Files that someone named one by one: links are taken as meant, a missing file is one entry's failure."""

from __future__ import annotations

import os
from collections.abc import Mapping

from driftcli.core.images import EMPTY, Entry, Skipped
from driftcli.sources.decoding.names import passed_over


def named(name: str, columns: Mapping[str, str] = EMPTY) -> Entry | Skipped:
    """The entry of a file named by hand, by list or by glob, links resolved; Skipped with its reason where it is none.

    `columns`: what a manifest says of it.
    """
    base = name.rpartition("/")[2]
    if passed_over(base) == "not_an_image":
        return Skipped(name, "skipped", "not_an_image")
    try:
        path = os.path.realpath(name) if os.path.islink(name) else name
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return Skipped(name, "unreadable", "missing")
    except OSError:  # the worker meets it again and says what it is
        path = name
    return Entry(name, path, columns=columns)
