"""A plot's SVG made fit to stand in a page: no inline style, hardly an id, colours named by the style sheet."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

INK, SOFT, LINE, PAPER = "#101010", "#202020", "#303030", "#404040"
BASELINE, BATCH, ALARM = "#505050", "#606060", "#707070"
"""Stand-ins that plots are drawn with; each becomes the style sheet's colour, light or dark."""
_COLOURS = {
    INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)", PAPER: "var(--paper)",
    BASELINE: "var(--baseline)", BATCH: "var(--batch)", ALARM: "var(--drift)",
}  # fmt: skip
_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_PLACES = frozenset(("d", "x", "y", "transform"))
_LOOKS = (
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linejoin",
    "stroke-linecap", "opacity", "font-size", "text-anchor",
)  # fmt: skip
_KEPT = _PLACES | {*_LOOKS, "href"}
_DRAWN = {"g", "path", "use", "text", "a", "title", "defs"}
_LONG = re.compile(r"-?\d+\.\d{2,}")
_SIZE = re.compile(r"([\d.]+)px")


class Mark(NamedTuple):
    """What a point of a plot is called, and where it leads."""

    title: str
    href: str | None = None


def fit_to_page(drawn: bytes, described: str, marks: Mapping[str, Sequence[Mark]] | None = None) -> Markup:
    """The drawing as an element of a page, `described` in words for whoever does not see it.

    The points of a group that was drawn with one of the gids of `marks` get its marks in their order: titles,
    which browsers show under the pointer, and links. A drawing with links is a group, any other one image.
    """
    root = ET.fromstring(drawn)  # noqa: S314  # our own drawing, not somebody's file
    box = root.get("viewBox", "")
    groups = {name: found for found in root.iter() if (name := found.get("id", "")) in (marks or {})}
    for name, group in groups.items():
        _mark(group, (marks or {})[name])
    _clean(root)
    linked = any(element.tag == "a" for element in root.iter())
    root.tag, root.attrib = "svg", {"class": "plot", "viewBox": box, "role": "group" if linked else "img"}
    root.set("aria-label", described)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  # ElementTree escapes what it writes


def _mark(group: ET.Element, marks: Sequence[Mark]) -> None:
    """Titles and links for the points: shapes in use, or drawn one by one where there are few."""
    points = [
        (parent, child)
        for parent in group.iter()
        for child in parent
        if child.tag in (f"{_SVG}use", f"{_SVG}path") and parent.tag != f"{_SVG}defs"
    ]
    for (parent, point), mark in zip(points, marks, strict=True):
        title = ET.Element("title")
        title.text = mark.title
        if mark.href is None:
            point.append(title)
            continue
        link = ET.Element("a", {"href": mark.href})
        parent[list(parent).index(point)] = link
        link.extend([title, point])


def _clean(element: ET.Element, *, shape: bool = False) -> None:
    """Presentation attributes for style, and only what is drawn; a shape to be used keeps its id."""
    kept = _KEPT | {"id"} if shape else _KEPT
    element.attrib = {name: value for name, value in _attributes(element) if name in kept}
    element.tail = None
    if element.tag not in ("text", "title"):
        element.text = None
    for child in list(element):
        child.tag = child.tag.removeprefix(_SVG)
        if child.tag in _DRAWN:
            _clean(child, shape=element.tag == "defs")
        empty = child.tag in ("g", "defs") and not len(child)
        if empty or child.tag not in _DRAWN:
            element.remove(child)


def _attributes(element: ET.Element) -> Iterator[tuple[str, str]]:
    """The attributes, the declarations of the style among them; a font keeps its size, the page has a face."""
    for name, value in element.attrib.items():
        if name == _LINK:
            yield "href", value
        elif name in _PLACES and not value.startswith("rotate(-0 "):
            yield name, " ".join(_LONG.sub(lambda found: f"{float(found.group()):.1f}", value).split())
        elif name not in (*_PLACES, "style"):
            yield name, value
    for declaration in element.get("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        found = _SIZE.search(value)
        yield name, found[1] if name == "font-size" and found else _COLOURS.get(value.lower(), value)
