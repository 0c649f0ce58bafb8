"""The result as a page to look at: one file, or a folder for servers that forbid styles and pictures inside a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, final

from driftcli.pictures.picture import Gallery
from driftcli.reports.base import ReportFormat
from driftcli.reports.content.report import document
from driftcli.reports.content.subject import PAGE
from driftcli.reports.layout.to_html import to_file, to_folder

if TYPE_CHECKING:
    from driftcli.core.report import Report
    from driftcli.reports.layout.document import Document

NOTHING = Gallery(reason="this report was written without pictures")


@final
@dataclass(frozen=True)
class Html(ReportFormat):
    """A page without any script, that asks no other server for anything and says so in its own policy.

    `render` gives one self-contained file of at most 5 MB; `files` the same as a folder, in which neither a style nor
    a picture stands inside the page, so that it can be read under `default-src 'none'; img-src 'self';
    style-src 'self'`, which is what Jenkins sends.
    """

    pictures: ClassVar[bool] = True
    folder: ClassVar[bool] = True
    top_k: int = 10

    def render(self, report: Report, gallery: Gallery = NOTHING) -> str:
        """The page as one file: HTML, ending in a newline."""
        return to_file(self._document(report, gallery))

    def files(self, report: Report, gallery: Gallery = NOTHING) -> Mapping[str, bytes]:
        """`index.html`, the style sheet and the pictures in `images/`."""
        return to_folder(self._document(report, gallery))

    def _document(self, report: Report, gallery: Gallery) -> Document:
        return document(report, replace(PAGE, images=self.top_k), gallery)
