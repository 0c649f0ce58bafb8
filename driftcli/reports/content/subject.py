"""What the sections of a report are made from: the result, its pictures, and how much a format has room for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftcli.pictures.picture import Gallery
from driftcli.reports.content import numbers
from driftcli.reports.layout.document import Paragraph

if TYPE_CHECKING:
    from driftcli.core.report import Report

ALL = 10**9


@dataclass(frozen=True, slots=True)
class Room:
    """How many of each a format lists; the JSON result has all of them."""

    images: int = 10
    statements: int = 5
    """Of the diagnosis, without likenesses."""
    shares: int = 8
    shifts: int = 6
    values: int = 8
    groups: int = 12
    files: int = 5
    copies: int = 0
    """Sets of like images, and kinds of images that are missing; with 0 a sentence is all."""
    digits: int = 12
    """Of a digest."""
    sparks: bool = False
    """Histograms drawn in characters."""
    page: bool = False
    """A page that shows pictures and drawings."""


TERMINAL = Room(sparks=True)
FEW_LINES = Room(images=5, statements=3, shares=3, values=4, groups=4, files=3)
MARKDOWN = Room(statements=ALL, groups=50, copies=10)
PAGE = Room(statements=ALL, shares=ALL, shifts=ALL, values=ALL, groups=ALL, files=50, copies=20, digits=64, page=True)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subject:
    """One result to be told."""

    report: Report
    room: Room
    gallery: Gallery = field(default_factory=Gallery)


def more(hidden: int) -> tuple[Paragraph, ...]:
    """`and 12 more in the JSON result`; nothing where nothing is hidden."""
    if hidden <= 0:
        return ()
    return (Paragraph(f"and {numbers.count(hidden)} more in the JSON result", "soft"),)
