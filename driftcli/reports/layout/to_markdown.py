"""A document as GitHub-flavoured Markdown."""

from __future__ import annotations

from functools import singledispatch

from driftcli.reports.layout.document import (
    Banner,
    Block,
    Bullets,
    Cell,
    Document,
    Entry,
    Facts,
    Link,
    Listing,
    Name,
    Paragraph,
    Section,
    Table,
    Words,
)
from driftcli.reports.layout.links import address
from driftcli.reports.layout.markdown import name, prose

MARKS = {"pass": "✓", "warn": "!", "drift": "✗", "inconclusive": "!"}


def to_markdown(document: Document) -> str:
    """The document, ending in a newline; blocks that are drawn cannot be set: TypeError."""
    parts = _banner(document.lead) if isinstance(document.lead, Banner) else _section(document.lead)
    for section in document.sections:
        parts += _section(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def _banner(banner: Banner) -> list[str]:
    """The verdict as the heading, then how sure and how much."""
    heading = f"## {MARKS.get(banner.state, '')} {banner.label}"
    return [heading, prose(f"{banner.sentence} {banner.exit}"), prose(banner.sure)]


def _section(section: Section) -> list[str]:
    blocks = [_set(block) for block in section.blocks]
    if not section.title:
        return ["---", *blocks]
    return [f"### {prose(section.title)}", _words(section.aside), *blocks]


def _words(words: Words, *, opens: bool = True) -> str:
    """Sentences as text, names as code. `opens`: the words begin a line."""
    parts = (words,) if isinstance(words, str) else words
    shown = [
        _between(part, opens=opens and not place) if isinstance(part, str) else _named(part)
        for place, part in enumerate(parts)
    ]
    return "".join(shown).strip()


def _named(part: Name | Link) -> str:
    """A name, or a link where it leads anywhere."""
    target = address(part.address) if isinstance(part, Link) else None
    return name(part.text) if target is None else f"[{prose(part.text, opens=False)}](<{target}>)"


def _between(text: str, *, opens: bool) -> str:
    """A part of a sentence with the spaces at its ends, which keep it apart from names."""
    inner = text.strip(" ")
    start = len(text) - len(text.lstrip(" "))
    return f"{text[:start]}{prose(inner, opens=opens)}{text[start + len(inner) :]}"


@singledispatch
def _set(block: Block) -> str:
    raise TypeError(f"Markdown cannot show {type(block).__name__}")


@_set.register
def _(block: Paragraph) -> str:
    return _words(block.words)


@_set.register
def _(block: Bullets) -> str:
    return _list(block.items)


@_set.register
def _(block: Listing) -> str:
    return prose(f"{block.lead}: {', '.join(block.items)}.")


@_set.register
def _(block: Facts) -> str:
    return _list([(f"{term}: ", *((words,) if isinstance(words, str) else words)) for term, words in block.rows])  # fmt: skip


def _list(items: tuple[Words, ...] | list[Words]) -> str:
    return "\n".join(f"- {_words(item)}" for item in items)


@_set.register
def _(block: Table) -> str:
    """Every column has a title here: a table of GitHub's begins with them."""
    titles = [prose(column.title) for column in block.columns]
    rules = ["---:" if column.right else "---" for column in block.columns]
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rules, *rows))


def _cell(cell: Entry) -> str:
    if not isinstance(cell, Cell):
        raise TypeError(f"Markdown cannot show {type(cell).__name__}")
    return _words(cell.words, opens=False)
