"""Markdown as its renderer reads it: our structure, everybody's names, and nothing that a name could add."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from markdown_it import MarkdownIt

from driftcli.core.findings import ImageResult
from driftcli.core.text import safe_name
from driftcli.reports.markdown import Markdown
from tests.reports import samples
from tests.reports.nasty import NAMES, NASTY, named

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = {
    "heading",
    "paragraph",
    "bullet_list",
    "list_item",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
}
LINKED = re.compile(r"@\w|#\d|GH-\d|://|www\.", re.IGNORECASE)


def tokens(text: str):
    """Every token, those inside of paragraphs and cells too."""
    for block in READER.parse(text):
        yield block
        yield from block.children or ()


def shape(text: str) -> list[str]:
    """Kinds of the blocks, in order: what a reader sees as structure."""
    return [f"{token.type}{token.tag}" for token in READER.parse(text) if token.type != "inline"]


HARMLESS = shape(Markdown().render(named("harmless")))


def check(text: str) -> None:
    """Only our kinds of markup; every row as wide as its table; no mention, link or reference outside of code."""
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens(text)}
    assert kinds <= OURS | {"inline", "text", "text_special", "code_inline", "hr"}, kinds
    for token in tokens(text):
        if token.type in ("text", "text_special"):
            assert not LINKED.search(token.content), token.content
    width, cells = 0, 0
    for token in READER.parse(text):
        if token.type == "tr_open":
            cells = 0
        elif token.type in ("td_open", "th_open"):
            cells += 1
        elif token.type == "thead_close":
            width = cells
        elif token.type == "tr_close" and width:
            assert cells == width
        elif token.type == "table_close":
            width = 0
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert text.endswith("\n")


@pytest.mark.parametrize("name", samples.ALL)
def test_a_renderer_finds_our_structure_and_no_html(name):
    check(Markdown().render(samples.ALL[name]()))


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_no_name_changes_the_structure(name):
    """The blocks are those of a harmless name, whatever the name."""
    text = Markdown().render(named(name))
    check(text)
    if safe_name(name).strip():
        assert shape(text) == HARMLESS


@pytest.mark.parametrize("name", [name for name in NASTY if name.strip()])
def test_names_are_shown_as_they_are(name):
    """Only unsafe characters, backticks and pipes are spelt out."""
    spelt = safe_name(name).replace("`", r"\x60").replace("|", r"\x7c")
    shown = [token.content for token in tokens(Markdown().render(named(name))) if token.type == "code_inline"]
    assert spelt in shown


@pytest.mark.parametrize(
    "sentence",
    ["a_b *c* [d](e) <f> & g `h` ~i~ $j$ \\ k | l", "- m", "12) n", "# o", "= p", "x@y, #1, www.z"],
)
def test_sentences_are_shown_as_they_are(sentence):
    """In a list and in a table's cell, but for a space of no width where GitHub would make a link."""
    images = (ImageResult("a.jpg", 1, 0.5, "style", (sentence,)),)
    text = Markdown().render(replace(samples.passing(), cautions=(sentence,), images=images))
    inline = [token for token in READER.parse(text) if token.type == "inline"]
    shown = ["".join(child.content for child in token.children).replace("\u200b", "") for token in inline]
    assert shown.count(sentence) == 2


def test_top_k_bounds_the_images():
    text = Markdown(top_k=2).render(samples.rich())
    assert "2 of 127" in text
    assert text.count("IMG") + text.count("20261121T") < Markdown().render(samples.rich()).count("IMG")
    assert "Most drifted" not in Markdown(top_k=0).render(samples.rich())
