"""A document as a page: one file, or a folder for servers that forbid styles and pictures inside a page.

Neither form has a script or asks another server for anything, and its own policy says so. Every value that a
template prints is made safe to show, then escaped.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import cache
from importlib.resources import files as within
from typing import TYPE_CHECKING, Any

from driftcli.core.text import safe_name
from driftcli.reports.layout.album import Album
from driftcli.reports.layout.breaks import glued
from driftcli.reports.layout.document import Banner
from driftcli.reports.layout.links import address
from driftcli.reports.layout.pictured import Cards, Contact, Fold, Map, Strip
from driftcli.reports.plots.svg import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jinja2 import Environment
    from markupsafe import Markup

    from driftcli.reports.layout.document import Block, Document, Section, Words
    from driftcli.reports.layout.pictured import Picture, Point

INDEX = "index.html"
SHADES = 6
_DATE = re.compile(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2})?(?![\w/.-])")


def to_file(document: Document) -> str:
    """The page as one self-contained file of at most 5 MB, ending in a newline."""
    from markupsafe import Markup

    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return _page(document, Album(inside=True), policy, Markup(style))  # noqa: S704  # our own file


def to_folder(document: Document) -> Mapping[str, bytes]:
    """`index.html`, the style sheet and the pictures in `images/`, by their relative paths.

    Neither a style nor a picture stands inside the page: it can be read under `default-src 'none'; img-src 'self';
    style-src 'self'`, which is what Jenkins sends.
    """
    album = Album(inside=False)
    style = _style().encode()
    sheet = f"style-{hashlib.sha256(style).hexdigest()[:16]}.css"
    page = _page(document, album, "default-src 'none'; img-src 'self'; style-src 'self'", sheet=sheet)
    return {INDEX: page.encode(), sheet: style, **album.files}


def _page(
    document: Document, album: Album, policy: str, style: Markup | None = None, sheet: str | None = None
) -> str:
    verdict = isinstance(document.lead, Banner)
    setter = _Setter(document, album)
    ordered = sorted(document.sections, key=_folded)
    sections = [(section, setter.section(section), _folded(section)) for section in ordered]
    lead = "" if isinstance(document.lead, Banner) else setter.section(document.lead)
    template = _environment().get_template("page.html.j2")
    rendered = template.render(
        document=document, sections=sections, lead_blocks=lead, verdict=verdict, policy=policy, style=style, sheet=sheet,
        words=setter.words,
    )  # fmt: skip
    return f"{rendered.rstrip()}\n"


def _folded(section: Section) -> bool:
    """Whether it stands closed: nothing was found, or it is for whoever wants all of it. What is open comes first."""
    return not section.lead and (section.detail or not section.found)


class _Setter:
    """Sets blocks, all pictures of the document being placed before."""

    def __init__(self, document: Document, album: Album) -> None:
        # In the order of the document, which is that of their importance: one file may not have room for all.
        self.placed = {picture: album.place(picture.webp) for picture in _pictures(document)}
        template = _environment().get_template("blocks.html.j2")
        self._macros: Any = template.make_module({
            "show": self.block, "placed": self.placed.get, "left_out": album.left_out, "pictured": self._pictured,
            "peeks": self._peeks, "marks": self._marks,
        })  # fmt: skip

    def words(self, words: Words) -> Markup:
        made: Markup = self._macros.words(words)
        return made

    def section(self, section: Section) -> Markup:
        from markupsafe import Markup

        return Markup("").join(self.block(block, section.title) for block in section.blocks)

    def block(self, block: Block, title: str) -> Markup:
        kind = type(block).__name__
        macro = getattr(self._macros, kind.lower(), None)
        if macro is None:
            raise TypeError(f"a page cannot show {kind}")
        made: Markup = macro(block, title)
        return made

    def _pictured(self, cards: Cards) -> bool:
        """Whether any of them can be seen."""
        return any(self.placed[picture] for card in cards.cards for picture in (*card.pictures, *card.rest))

    def _peeks(self, block: Map) -> dict[str, Point]:
        """Points that show a picture of their own, by the anchor of that picture."""
        points = (point for side in block.points for point in side)
        shown = [point for point in points if point.picture and self.placed[point.picture]]
        return {f"point-{place}": point for place, point in enumerate(shown, 1)}

    def _marks(self, block: Map) -> list[list[Mark]]:
        """Titles, and links to cards or pictures."""
        peeks = {id(point): anchor for anchor, point in self._peeks(block).items()}
        anchors = [[point.anchor or peeks.get(id(point)) for point in side] for side in block.points]
        return [
            [Mark(point.title, anchor and f"#{anchor}") for point, anchor in zip(*pair, strict=True)]
            for pair in zip(block.points, anchors, strict=True)
        ]


def _blocks(blocks: Iterable[Block]) -> Iterator[Block]:
    """Those in folds, too."""
    for block in blocks:
        yield block
        if isinstance(block, Fold):
            yield from _blocks(block.blocks)


def _pictures(document: Document) -> Iterator[Picture]:
    """What is seen at once before what is asked for."""
    lead = () if isinstance(document.lead, Banner) else (document.lead,)
    sections = (*lead, *sorted(document.sections, key=_folded))
    blocks = [block for section in sections for block in _blocks(section.blocks)]
    for block in blocks:
        if isinstance(block, Strip):
            yield from (picture for pair in block.pairs for picture in (pair.image, pair.good) if picture)
        elif isinstance(block, Cards):
            yield from (picture for card in block.cards for picture in card.pictures)
        elif isinstance(block, Contact):
            yield from (shot.picture for shot in block.shots if shot.picture)
        elif isinstance(block, Map):
            yield from (point.picture for side in block.points for point in side if point.picture)
    for block in blocks:
        if isinstance(block, Cards):
            yield from (picture for card in block.cards for picture in card.rest)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("driftcli.reports"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    environment.filters |= {"glued": _tied, "shade": _shade, "width": _width, "address": address}
    return environment


def _shown(value: Any) -> Any:
    return safe_name(value) if type(value) is str else value


def _tied(text: str) -> Markup:
    """The text with numbers tied to their units, and with dates that are not broken at their hyphens."""
    from markupsafe import Markup, escape

    safe = str(escape(safe_name(glued(text))))
    return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', safe))  # noqa: S704  # escaped the line before


def _shade(share: float | None) -> str:
    """A cell's place on the scale of shades; none where there is no number."""
    if share is None or not math.isfinite(share):
        return ""
    return f"h{min(int(min(max(share, 0.0), 1.0) * SHADES), SHADES - 1)}"


def _width(share: float) -> str:
    """Of a bar, in percent."""
    return f"{min(max(share, 0.0), 1.0) * 100:.2f}" if math.isfinite(share) else "0"


@cache
def _style() -> str:
    return within("driftcli.reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
