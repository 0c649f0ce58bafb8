"""A bundle read again: everything in the folder is taken for hostile until it has been looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, read_file
from driftcli.core.report import Report
from driftcli.core.typed_json import Malformed, build
from driftcli.pictures.picture import Gallery, Picture, Scale, decoded, encoded
from driftcli.reports.bundle import FOLDER, INDEX, RESULT, SCHEMA_VERSION, index_of
from driftcli.reports.json import load, parse

HINT = "name a folder that `driftcli check -o bundle=FOLDER` wrote"
MOST_JSON = 64 << 20
MOST_INDEX = 4 << 20
MOST_PICTURE = 256 << 10
MOST_PICTURES = 2_000
_FILE = re.compile(rf"{FOLDER}/(?:[0-9]{{4}}|[0-9a-f]{{16}})\.webp")


@dataclass(frozen=True)
class _Row:
    """As `Picture`, with files in place of bytes."""

    name: str
    image: str | None = None
    reconstruction: str | None = None
    heat: Mapping[str, str] = field(default_factory=dict)
    neighbour: str | None = None
    neighbour_name: str | None = None
    large: str | None = None


@dataclass(frozen=True)
class _Index:
    schema_version: int
    worst: tuple[_Row, ...]
    missing: tuple[_Row, ...]
    thumbnails: tuple[_Row, ...]
    scales: Mapping[str, Scale]
    reason: str | None = None


def read_bundle(path: str | Path) -> tuple[Report, Gallery]:
    """The report and its pictures, each decoded and encoded anew.

    Raises NotAuditedError (3) for a folder that is no bundle, or one that is damaged, too large, or
    points outside of itself.
    """
    folder = Path(path)
    result = _bytes(folder, RESULT, MOST_JSON)
    try:
        return _read(folder, result)
    except NotAuditedError:
        if _bytes(folder, RESULT, MOST_JSON) == result:
            raise
    return _read(folder, _bytes(folder, RESULT, MOST_JSON))  # it was replaced meanwhile


def _read(folder: Path, result: bytes) -> tuple[Report, Gallery]:
    """The report that these bytes are, and the pictures that belong to it."""
    report, index = parse(_decoded(folder, RESULT, result)), index_of(result)
    if not (folder / index).exists():
        index = INDEX
    try:
        return report, _gallery(_index(folder, index), _Pictures(folder))
    except Malformed as error:
        raise NotAuditedError(f"{folder}: {index} cannot be used: {error}", HINT) from None


@dataclass
class _Pictures:
    """Files of the bundle, each by the name that the index gives it."""

    folder: Path
    read: int = 0

    def __call__(self, name: str | None) -> bytes | None:
        if name is None:
            return None
        if not _FILE.fullmatch(name):
            raise Malformed(f"{name!r} is no picture of a bundle")
        self.read += 1
        if self.read > MOST_PICTURES:
            raise Malformed(f"more than {MOST_PICTURES} pictures")
        try:
            image = decoded(_bytes(self.folder, name, MOST_PICTURE))
            return encoded(image, max(image.size))
        except ValueError as error:
            raise Malformed(f"{name} {error}") from None

    def picture(self, row: _Row) -> Picture:
        return Picture(
            row.name,
            self(row.image),
            self(row.reconstruction),
            {family: image for family, name in row.heat.items() if (image := self(name))},
            self(row.neighbour),
            row.neighbour_name,
            self(row.large),
        )


def _index(folder: Path, name: str) -> _Index:
    index: _Index = build(_Index, load(_decoded(folder, name, _bytes(folder, name, MOST_INDEX))))
    if index.schema_version != SCHEMA_VERSION:
        raise Malformed(f"schema_version {index.schema_version} is not known")
    return index


def _gallery(index: _Index, pictures: _Pictures) -> Gallery:
    return Gallery(
        tuple(pictures.picture(row) for row in index.worst),
        tuple(pictures.picture(row) for row in index.missing),
        {row.name: image for row in index.thumbnails if (image := pictures(row.image))},
        dict(index.scales),
        index.reason,
    )


def _decoded(folder: Path, name: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotAuditedError(f"{folder}: {name} is not UTF-8", HINT) from None


def _bytes(folder: Path, name: str, most: int) -> bytes:
    """A regular file, through no link."""
    if (folder / name).parent.is_symlink() and "/" in name:
        raise NotAuditedError(f"{folder}: {FOLDER} is a link", HINT)
    try:
        return read_file(str(folder / name), most)
    except Refused as refused:
        raise NotAuditedError(f"{folder}: {name} cannot be read: {refused.reason}", HINT) from None
