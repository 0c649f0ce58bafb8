"""Blocks that only a page can show: drawings, pictures, and what can be opened or clicked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from driftcli.reports.layout.document import Bars, Block, Name, Tone, Words

if TYPE_CHECKING:
    from markupsafe import Markup

    from driftcli.reports.plots.svg import Mark


OPEN = 6
"""Images of a ranking that a page shows at once."""


@dataclass(frozen=True, slots=True)
class Legend(Block):
    """Which side looks how in the drawings below: `areas` in histograms, `points` on the map."""

    shape: Literal["areas", "points"]


@dataclass(frozen=True, slots=True)
class Fold(Block):
    """Blocks that are hidden until somebody asks for them."""

    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Command(Block):
    """A command line to copy."""

    line: str


@dataclass(frozen=True, slots=True)
class Plot(Block):
    """A drawing; made when it is set."""

    draw: Callable[[], Markup]
    caption: Words = ""


@dataclass(frozen=True, slots=True)
class Panels(Block):
    """Plots side by side where there is room, with a title and a word below."""

    plots: tuple[Plot, ...]
    title: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Pane:
    """One verdict among others: of what, what it is, and on what it rests."""

    title: str
    verdict: str
    tone: Tone
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panes(Block):
    """Verdicts side by side where there is room."""

    panes: tuple[Pane, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured value on both sides."""

    name: str
    advisory: bool
    moved: bool
    direction: str
    """`higher`, `lower`, `spread`, or empty."""
    shift: str
    before: str
    after: str
    plot: Plot | None
    shares: Bars | None
    """Where there is nothing else to draw."""


@dataclass(frozen=True, slots=True)
class Measures(Block):
    """Small drawings of measured values, one beside the other."""

    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as WebP with what it shows, in words for those who do not see it."""

    webp: bytes
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One image beside the good one that is most like it."""

    rank: int
    name: Name
    why: str
    """In a few words."""
    image: Picture | None
    good: Picture | None
    anchor: str | None = None
    """Where a page shows more of it."""


@dataclass(frozen=True, slots=True)
class Strip(Block):
    """A few images, each beside a good one: the shortest answer to what is different."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One image of a ranking: the pictures that are compared, and on demand all that explains it."""

    rank: int
    name: Name
    why: str
    tags: tuple[str, ...]
    pictures: tuple[Picture, ...]
    """To be compared, side by side."""
    facts: tuple[Words, ...]
    """On demand, as `rest`."""
    rest: tuple[Picture, ...] = ()

    @property
    def anchor(self) -> str:
        """Where a page shows it."""
        return f"image-{self.rank}"


@dataclass(frozen=True, slots=True)
class Cards(Block):
    """A ranking with pictures, or with the reason why there are none."""

    cards: tuple[Card, ...]
    reason: str | None = None
    open: int = OPEN
    """So many are seen at once, the others on demand."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture on a contact sheet."""

    name: Name
    words: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Contact(Block):
    """A contact sheet."""

    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One image on the map: its title, and the card or the picture that it leads to."""

    title: str
    anchor: str | None = None
    name: str = ""
    side: str = ""
    picture: Picture | None = None


@dataclass(frozen=True, slots=True)
class Map(Block):
    """Points that lead to pictures; `draw` takes the marks of both sides, in the order of the points."""

    points: tuple[tuple[Point, ...], tuple[Point, ...]]
    """Of baseline and batch."""
    draw: Callable[[list[list[Mark]]], Markup]
    left_out: int
    """Points that are not drawn."""
