"""What a report is made of before it is set: a lead, sections, and blocks of a few kinds, without any markup.

`content/`, `history/`, `inspect/` and `power/` make documents; `to_text`, `to_markdown` and `to_html` set them.
Texts are foreign until a setter has made them safe and escaped them. Blocks that only a page can show: `pictured`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "soft", "strong", "good", "best", "warn", "bad", "alarm"]
"""What a text means to the eye; each setter has its own colours for it, or none."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of any characters, shown letter for letter: a file, a group, a baseline, an option."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere: to an address, or to a file by its path. A terminal shows the words alone."""

    text: str
    address: str


Words = str | tuple[str | Name | Link, ...]
"""A sentence, or one with names and links in it."""


def plain(words: Words) -> str:
    """The same in one string."""
    parts = (words,) if isinstance(words, str) else words
    return "".join(part if isinstance(part, str) else part.text for part in parts)


# ---------------------------------------------------------------- blocks for every setter


class Block:
    """What stands below another in a section."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Paragraph(Block):
    """Running text."""

    words: Words
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Bullets(Block):
    """A list of sentences."""

    items: tuple[Words, ...]
    mark: str = "•"
    tone: Tone = ""
    """Of the mark."""


@dataclass(frozen=True, slots=True)
class Listing(Block):
    """Short items after a few words: one sentence where lines are dear, a list in columns on a page."""

    lead: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts(Block):
    """Terms and what stands beside them; a term may be empty where it goes on for the term above."""

    rows: tuple[tuple[str, Words], ...]
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    title: str
    right: bool = False
    """Flush right: numbers."""
    shorten: Literal["end", "middle"] | None = None
    """Where a cell may be cut if the terminal is too narrow; nowhere: it keeps its width."""
    hidden: bool = False
    """The title is plain to whoever sees the column; it is for a setter that must have one, and for screen readers."""
    wide: bool = False
    """Left out on narrow terminals."""


class Entry:
    """What stands in a table's row."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Cell(Entry):
    """Text in a table."""

    words: Words = ""
    tone: Tone = ""
    shade: float | None = None
    """0 to 1: how dark its ground is on a page."""


@dataclass(frozen=True, slots=True)
class Histogram(Entry):
    """One side of two histograms that share edges and a scale."""

    edges: tuple[float, ...]
    """[bins + 1]"""
    baseline: tuple[float, ...]
    """[bins], shares"""
    batch: tuple[float, ...]
    """[bins], shares"""
    side: Literal["baseline", "batch"]


@dataclass(frozen=True, slots=True)
class Trend(Entry):
    """Values in time, oldest first, as one line; None where one is missing."""

    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Bars(Entry):
    """Two shares as bars."""

    baseline: float
    batch: float


@dataclass(frozen=True, slots=True)
class Table(Block):
    """Rows of as many cells as there are columns; the first cell is the row's title."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    caption: str = ""
    """What a page writes above it."""


# ---------------------------------------------------------------- blocks for the terminal


@dataclass(frozen=True, slots=True)
class Chart(Block):
    """A series as a chart of a few rows of characters."""

    values: tuple[float | None, ...]
    levels: tuple[float, ...]
    """Horizontal lines."""
    beyond: tuple[bool, ...]
    """Values that are marked, one for each."""
    logarithmic: bool = False


@dataclass(frozen=True, slots=True)
class Grid(Block):
    """A small table of figures: the same columns once for each band, bands side by side while there is room."""

    title: str
    lead: str
    """Over the titles of the rows."""
    columns: tuple[str, ...]
    bands: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    """Title, and the cells of the first band, then those of the second."""


# ---------------------------------------------------------------- sections, and the whole


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a title; one without a title is set apart from those above it and no more."""

    anchor: str
    """Of a page; unique in a document."""
    title: str
    blocks: tuple[Block, ...]
    aside: Words = ""
    """Beside the title."""
    lead: bool = False
    """It belongs to the verdict: a page shows it right below."""
    found: bool = True
    """It has something to say that needs reading; a page folds it otherwise."""
    detail: bool = False
    """For whoever wants all of it: folded on a page, on a terminal only with `-v`."""
    brief: str = ""
    """In a few words what it says, where only its title is shown: `none of 6 families differs`."""


State = Literal["", "pass", "warn", "drift", "inconclusive"]
"""Of a banner: its colour and its sign."""


@dataclass(frozen=True, slots=True)
class Banner:
    """A verdict in one sentence, how sure, and its figures."""

    state: State
    label: str
    sentence: str
    exit: str = ""
    """What follows the sentence; a page has it below."""
    sure: str = ""
    figures: tuple[tuple[str, str], ...] = ()
    """What each is, and its value; for a page."""


@dataclass(frozen=True, slots=True)
class Document:
    """One report, page or account, in the order in which it is read."""

    lead: Banner | Section
    sections: tuple[Section, ...]
    title: str = ""
    """Of a browser's window."""
    about: Words = ""
    created: str = ""
    """When, in words."""
    tool: str = "driftcli"
    """Name and version of what made it."""
