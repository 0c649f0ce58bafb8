"""The images behind profiles, where they are still at hand: files with the bytes that were profiled."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from driftcli.config.settings import Input
from driftcli.core.errors import DriftcliError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import Entry
from driftcli.reading.open_sources import open_sources
from driftcli.reading.profiles.profile_file import read

LARGEST = 256 << 20
"""Bytes of one image."""


@dataclass(frozen=True)
class _Wanted:
    """One image: its place in the order of its sources, the hash of its bytes, what a manifest said of it."""

    order: tuple[int, int, bytes]
    source: str
    content: str
    columns: Mapping[str, str]


def images_again(files: Sequence[str], names: Collection[str]) -> Iterator[Entry]:
    """The images with these names, in the order in which sources offer them; those that are gone or changed are left out.

    Only files on this machine are opened, whatever a profile says, and only bytes with the profiled hash are given away.
    """
    wanted = _wanted(files, set(names))
    by_order = sorted(wanted.items(), key=lambda pair: pair[1].order)
    archived = _of_archives(
        [(name, one) for name, one in by_order if "!" in name and not os.path.isfile(name)]
    )
    for name, one in by_order:
        data = archived.get(name) or _file(name)
        if data is not None and hashlib.sha256(data).hexdigest() == one.content:
            yield Entry(name, data=data, columns=one.columns)


def _wanted(files: Sequence[str], names: set[str]) -> dict[str, _Wanted]:
    found: dict[str, _Wanted] = {}
    for file_number, file in enumerate(files):
        profile = read(file)
        features = profile.reading.features
        for i, name in enumerate(features.names):
            if name in names and name not in found:
                source = int(profile.origin[i])
                order = (file_number if profile.shard.of == 1 else 0, source, os.fsencode(name))
                content = features.content[i].decode()
                found[name] = _Wanted(order, profile.sources[source], content, profile.columns[i])
    return found


def _file(name: str) -> bytes | None:
    try:
        return read_file(name, LARGEST, follow=True)
    except Refused:
        return None


def _of_archives(wanted: Sequence[tuple[str, _Wanted]]) -> dict[str, bytes]:
    """The members of archives, by name; each archive is read through once."""
    found: dict[str, bytes] = {}
    for source in dict.fromkeys(one.source for _, one in wanted):
        left = {name for name, one in wanted if one.source == source}
        if not os.path.isfile(source):
            continue
        try:
            for entry in open_sources([source], Input()):
                if isinstance(entry, Entry) and entry.name in left:
                    left.remove(entry.name)
                    found[entry.name] = entry.data or b""
                if not left:
                    break
        except DriftcliError:  # it is damaged by now
            continue
    return found
