"""Files that someone named one by one: links are taken as meant, a missing file is one entry's failure."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from driftcli.core.addresses import beside, is_plain_elsewhere, scheme, shown
from driftcli.core.images import EMPTY, Entry, Remote, Skipped
from driftcli.sources.decoding.names import passed_over
from driftcli.sources.tables.rows import key_column

SCHEMES = ("s3", "gs", "az", "https", "http")
"""Addresses of objects and of whatever else is read from a server."""


def path_column(names: Collection[str]) -> str | None:
    """The column of a table that names the image: `path`, or `file_name` as in ImageFolder; None where neither is."""
    return key_column(names)


def named(name: str, columns: Mapping[str, str] = EMPTY) -> Entry | Skipped:
    """The entry of a file named by hand, by list or by glob, links resolved; Skipped with its reason where it is none.

    `columns`: what a manifest says of it. An address is an entry too: whether something is there, fetching tells.
    """
    if scheme(name) in SCHEMES:
        return _remote(name, columns)
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


def listed(manifest: str, name: str, columns: Mapping[str, str]) -> Entry | Skipped:
    """The entry of what a manifest calls `name`, relative to its folder, with what the manifest says of it.

    A manifest on a server names nothing of this machine and nothing beyond its own bucket but by an address of its own:
    anything else is unreadable (`outside`).
    """
    if not scheme(manifest):
        folder = os.path.dirname(manifest)
        return named(name if scheme(name) in SCHEMES else os.path.join(folder, name), columns)
    address = beside(manifest, name)
    if address is None or scheme(address) not in SCHEMES:
        return Skipped(shown(name), "unreadable", "outside")
    if scheme(address) == "http" and scheme(manifest) != "http":
        return Skipped(shown(name), "unreadable", "outside")
    return named(address, columns)


def _remote(address: str, columns: Mapping[str, str]) -> Entry | Skipped:
    name = shown(address)
    if passed_over(name.rpartition("/")[2]) == "not_an_image":
        return Skipped(name, "skipped", "not_an_image")
    if is_plain_elsewhere(address):
        return Skipped(name, "unreadable", "plain_http")
    return Entry(name, columns=columns, remote=Remote(address))
