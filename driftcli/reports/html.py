"""The result as a page to look at: one file, or a folder for servers that forbid styles and pictures inside a page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as within
from typing import TYPE_CHECKING, Any, ClassVar, final

from driftcli.core.text import safe_name
from driftcli.pictures.picture import Gallery
from driftcli.reports.base import ReportFormat
from driftcli.reports.html_page.album import Album

if TYPE_CHECKING:
    from jinja2 import Environment

    from driftcli.core.report import Report

NOTHING = Gallery(reason="this report was written without pictures")
INDEX, SHEET = "index.html", "style.css"


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
        from markupsafe import Markup

        style = _style()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
        head = {"policy": policy, "style": Markup(style)}  # noqa: S704  # our own file
        return self._page(report, gallery, Album(inside=True), head)

    def files(self, report: Report, gallery: Gallery = NOTHING) -> Mapping[str, bytes]:
        """`index.html`, `style.css` and the pictures in `images/`."""
        album = Album(inside=False)
        policy = "default-src 'none'; img-src 'self'; style-src 'self'"
        page = self._page(report, gallery, album, {"policy": policy, "sheet": SHEET})
        return {INDEX: page.encode(), SHEET: _style().encode(), **album.files}

    def _page(self, report: Report, gallery: Gallery, album: Album, head: dict[str, str]) -> str:
        from driftcli.reports.content import account, mix, numbers, verdict
        from driftcli.reports.content import words as _words
        from driftcli.reports.html_page.page import Page

        page = Page(report, gallery, album, self.top_k)
        words = {"account": account, "mix": mix, "number": numbers, "told": verdict, "say": _words}
        rendered = (
            _environment()
            .get_template("page.html.j2")
            .render(page=page, report=report, gate=report.gate, **words, **head)
        )
        return f"{rendered.rstrip()}\n"


@cache
def _environment() -> Environment:
    """Every value that a template prints is made safe to show, then escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("driftcli.reports"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip


def _shown(value: Any) -> Any:
    return safe_name(value) if type(value) is str else value


@cache
def _style() -> str:
    return within("driftcli.reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
