"""An HTML page as a test reads it: strictly, with every fault it has; and pictures to put into one."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
from PIL import Image

from driftcli.core.report import Report
from driftcli.pictures.picture import Gallery, Picture, Scale

COMMAND = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}
HIDDEN = {"style", "title", "head"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Read(HTMLParser):
    """Elements in their order; `faults` of nesting."""

    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self):
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        element = Element(tag, {name: value or "" for name, value in attributes})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag):
        if not self._open or self._open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1].tag if self._open else 'nothing'}")
        else:
            self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element.text += data
        if not any(element.tag in HIDDEN for element in self._open):
            self.text += data

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    def values(self, name: str) -> list[str]:
        return [element.attributes[name] for element in self.elements if name in element.attributes]


def read(page: str) -> Read:
    found = Read()
    found.feed(page)
    found.close()
    found.faults += [f"<{element.tag}> is never closed" for element in found._open]
    return found


def sound(page: str) -> None:
    """Nesting, ids, links, headings, alternatives, and nothing that a strict policy forbids."""
    found = read(page)
    assert not found.faults
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    links = [link for link in found.values("href") if link.startswith("#")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert {name for value in found.values("aria-labelledby") for name in value.split()} <= set(ids)
    levels = [int(heading.tag[1]) for heading in found.all("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))
    assert all(image.attributes["alt"] for image in found.all("img"))
    assert all(
        drawn.attributes.get("aria-label") or "aria-hidden" in drawn.attributes for drawn in found.all("svg")
    )
    assert not found.all("script", "iframe", "object", "embed", "form", "base")
    assert not [name for element in found.elements for name in element.attributes if name.startswith("on")]
    assert not found.values("style")
    assert not COMMAND.search(page)
    addresses = [*found.values("href"), *found.values("src"), *found.values("srcset")]
    assert all(
        re.match(
            r"#|data:image/webp;base64,|images/[0-9a-f]{16}\.webp$|style-[0-9a-f]{16}\.css$|reports/|https?://ci\.example\.org/",
            one,
        )
        for one in addresses
    )
    assert "@import" not in page
    assert "url(" not in page


def plain(text: str) -> str:
    """As it is read aloud: one space where there is any."""
    return re.sub(r"\s+", " ", text)


@cache
def webp(seed: int, noise: float = 20.0, size: tuple[int, int] = (160, 120)) -> bytes:
    """A smooth picture with some noise."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    smooth = np.stack([x, y, 1 - x], axis=2) * rng.uniform(90, 220, 3)
    pixels = np.clip(smooth + rng.normal(0, noise, smooth.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=75)
    return out.getvalue()


def gallery(report: Report, worst: int = 24, thumbnails: int = 40, noise: float = 20.0) -> Gallery:
    """Pictures for the most drifted images, what is missing, and points of the map."""
    images = sorted(report.images, key=lambda image: image.rank)
    pictures = [
        Picture(
            image.path,
            *(webp(10 * image.rank + n, noise) for n in range(2)),
            {
                "reconstruction": webp(10 * image.rank + 3, noise),
                "style": webp(10 * image.rank + 4, noise),
            },
            webp(10 * image.rank + 5, noise),
            image.neighbour,
        )
        for image in images[:worst]
    ]
    missing = [Picture(found.name, webp(1000 + n)) for n, found in enumerate(report.missing)]
    others = list(report.map.baseline_names)[:thumbnails] if report.map else []
    return Gallery(
        tuple(pictures),
        tuple(missing),
        {name: webp(2000 + n, noise) for n, name in enumerate(others)},
        {"style": Scale(1.5, 4.0, "times what is usual")},
    )
