"""Which of the images that were read a row of a table is about: by content hash, by path, at last by base name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from driftcli.core.addresses import scheme

if TYPE_CHECKING:
    from driftcli.core.features import Features

SHA256 = "sha256"
CLEAN_SHA256 = "clean_sha256"
"""Of the image that a corrupted one was made of, or a copy: rows of tables that `baseline --export-corrupted` began."""


class Images:
    """Images by everything that a row may call them."""

    def __init__(self, names: Sequence[str], content: Sequence[str], prefixes: Sequence[str] = ()) -> None:
        """`content`: SHA-256 of each, hexadecimal; `prefixes`: of the sources, the part of names before the path within each."""
        self._by_name: dict[str, list[int]] = {}
        self._by_content: dict[str, list[int]] = {}
        self._within: dict[str, set[str]] = {}
        self._by_base: dict[str, set[str]] = {}
        for row, (name, digest) in enumerate(zip(names, content, strict=True)):
            place = _place(name)
            self._by_name.setdefault(place, []).append(row)
            self._by_content.setdefault(digest, []).append(row)
            self._by_base.setdefault(_base(name), set()).add(place)
            for prefix in prefixes:
                if prefix and name.startswith(prefix):
                    self._within.setdefault(os.path.normpath(name.removeprefix(prefix)), set()).add(place)

    @staticmethod
    def read(features: Features, prefixes: Sequence[str]) -> Images:
        """Those that were read from sources with these prefixes."""
        return Images(features.names, [digest.decode() for digest in features.content.tolist()], prefixes)

    def of(self, path: str | None, content: str | None, folder: str) -> Sequence[int]:
        """The rows of the images meant, () for none.

        A content hash goes before the path. A path is meant as the source names it, else from the table's `folder`,
        else within a source, where no two sources have it.
        """
        if content:
            return self._by_content.get(content.lower(), ())
        if not path:
            return ()
        for place in (_place(path), _place(os.path.join(folder, path))):
            if place in self._by_name:
                return self._by_name[place]
        within = self._within.get(os.path.normpath(path), set())
        return self._by_name[next(iter(within))] if len(within) == 1 else ()

    def of_base(self, path: str | None) -> Sequence[int]:
        """The rows of the only image of this base name; () where there is none, or are several."""
        found: set[str] = self._by_base.get(_base(path or ""), set())
        return self._by_name[next(iter(found))] if len(found) == 1 else ()


def key_of(cells: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The path and the content hash by which a row names its image."""
    content = cells.get(CLEAN_SHA256) or cells.get(SHA256) or ""
    return cells.get("path") or cells.get("file_name") or None, content.strip() or None


def _place(name: str) -> str:
    return name if scheme(name) else os.path.abspath(name)


def _base(name: str) -> str:
    return name.rpartition("!")[2].rpartition("/")[2]
