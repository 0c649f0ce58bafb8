"""The result with its pictures as a folder, from which `report` draws anything without artifact or images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from driftcli.core.report import Report
from driftcli.pictures.picture import Gallery, Picture
from driftcli.reports.base import ReportFormat
from driftcli.reports.json import Json
from driftcli.reports.layout.writing import plain, write

RESULT, INDEX, FOLDER = "result.json", "pictures.json", "pictures"
SCHEMA_VERSION = 1


@final
@dataclass(frozen=True)
class Bundle(ReportFormat):
    """`result.json`, `pictures/0001.webp` and so on, and `pictures.json`, which says what they show.

    Files are numbered: an image's own name is never a file's.
    """

    pictures: ClassVar[bool] = True
    single: ClassVar[bool] = False
    folder: ClassVar[bool] = True

    def render(self, report: Report) -> str:
        """The result alone."""
        return Json().render(report)

    def files(self, report: Report, gallery: Gallery) -> Mapping[str, bytes]:
        """By relative path."""
        numbered = _Numbered({})
        index = {
            "schema_version": SCHEMA_VERSION,
            "reason": gallery.reason,
            "scales": gallery.scales,
            "worst": [_row(numbered, picture) for picture in gallery.worst],
            "missing": [_row(numbered, picture) for picture in gallery.missing],
            "thumbnails": [
                {"name": name, "image": numbered(image)} for name, image in gallery.thumbnails.items()
            ],
        }
        text = f"{write(plain(index))}\n"
        return {RESULT: self.render(report).encode(), INDEX: text.encode(), **numbered.files}


@dataclass(frozen=True)
class _Numbered:
    """Files in the order in which they are asked for."""

    files: dict[str, bytes]

    def __call__(self, image: bytes | None) -> str | None:
        if image is None:
            return None
        name = f"{FOLDER}/{len(self.files) + 1:04}.webp"
        self.files[name] = image
        return name


def _row(numbered: _Numbered, picture: Picture) -> dict[str, Any]:
    return {
        "name": picture.name,
        "image": numbered(picture.image),
        "reconstruction": numbered(picture.reconstruction),
        "heat": {family: numbered(image) for family, image in picture.heat.items()},
        "neighbour": numbered(picture.neighbour),
        "neighbour_name": picture.neighbour_name,
        "large": numbered(picture.large),
    }
