"""The result with its pictures as a folder, from which `report` draws anything without artifact or images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from driftcli.core.report import Report
from driftcli.pictures.picture import Gallery, Picture
from driftcli.reports.base import ReportFormat
from driftcli.reports.json import Json
from driftcli.reports.layout.writing import plain, write

RESULT, FOLDER = "result.json", "pictures"
INDEX = "pictures.json"
"""What says which picture shows what, in a bundle of 0.1.0; since then `index_of` the result."""
SCHEMA_VERSION = 1


def index_of(result: bytes) -> str:
    """The name of the index that belongs to a result: so a bundle is changed by replacing `result.json` alone."""
    return f"pictures-{hashlib.sha256(result).hexdigest()[:16]}.json"


@final
@dataclass(frozen=True)
class Bundle(ReportFormat):
    """`result.json`, pictures in `pictures/`, and `pictures-<digest of the result>.json`, which says what they show.

    Pictures are named by what they hold: an image's own name is never a file's.
    """

    pictures: ClassVar[bool] = True
    single: ClassVar[bool] = False
    folder: ClassVar[bool] = True

    def render(self, report: Report) -> str:
        """The result alone."""
        return Json().render(report)

    def files(self, report: Report, gallery: Gallery) -> Mapping[str, bytes]:
        """By relative path."""
        named = _Named({})
        index = {
            "schema_version": SCHEMA_VERSION,
            "reason": gallery.reason,
            "scales": gallery.scales,
            "worst": [_row(named, picture) for picture in gallery.worst],
            "missing": [_row(named, picture) for picture in gallery.missing],
            "thumbnails": [
                {"name": name, "image": named(image)} for name, image in gallery.thumbnails.items()
            ],
        }
        text = f"{write(plain(index))}\n"
        result = self.render(report).encode()
        return {RESULT: result, index_of(result): text.encode(), **named.files}


@dataclass(frozen=True)
class _Named:
    """Files by the digests of what they hold."""

    files: dict[str, bytes]

    def __call__(self, image: bytes | None) -> str | None:
        if image is None:
            return None
        name = f"{FOLDER}/{hashlib.sha256(image).hexdigest()[:16]}.webp"
        self.files[name] = image
        return name


def _row(named: _Named, picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "image": named(picture.image),
        "reconstruction": named(picture.reconstruction),
        "heat": {family: named(image) for family, image in picture.heat.items()},
        "neighbour": named(picture.neighbour),
        "neighbour_name": picture.neighbour_name,
        "large": named(picture.large),
    }
