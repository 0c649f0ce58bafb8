"""The three setters: every kind of block is set or refused, names stay names, and what is shown is what was given."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from driftcli.reports.layout import document, pictured
from driftcli.reports.layout.document import (
    Banner,
    Bars,
    Block,
    Bullets,
    Cell,
    Chart,
    Column,
    Document,
    Facts,
    Grid,
    Histogram,
    Link,
    Listing,
    Name,
    Paragraph,
    Section,
    Table,
    Trend,
)
from driftcli.reports.layout.links import address
from driftcli.reports.layout.pictured import (
    Card,
    Cards,
    Command,
    Contact,
    Fold,
    Legend,
    Map,
    Measure,
    Measures,
    Pair,
    Pane,
    Panels,
    Panes,
    Picture,
    Plot,
    Point,
    Shot,
    Strip,
)
from driftcli.reports.layout.to_html import to_file, to_folder
from driftcli.reports.layout.to_markdown import to_markdown
from driftcli.reports.layout.to_text import to_text
from driftcli.reports.plots.svg import Mark
from tests.reports.page import plain, read, sound, webp

NASTY = "a_b/<c> `d` | @e\x1b[31m.jpg"
TABLE = Table((Column("name"), Column("size", right=True)), ((Cell((Name(NASTY),)), Cell("12 px", "bad")),))
EVERYWHERE = (
    Paragraph(("see ", Name(NASTY)), "soft"), Bullets(("one", ("two ", Name(NASTY)))), Listing("It finds", ("blur", "noise")),
    Facts((("artifact", (Name(NASTY), " (ab)")), ("", "goes on"))), TABLE,
)  # fmt: skip
TERMINAL = (
    Chart((1.0, None, 30.0), (20.0,), (False, False, True), logarithmic=True),
    Grid("Blur", "severity", ("10", "20"), ("all", "half"), (("1", (Cell(".10"), Cell(".20"), Cell("·"), Cell(".40"))),)),
)  # fmt: skip


def links(marks: list[list[Mark]]) -> Markup:
    """The marks of a map without its points."""
    row = Markup("").join(
        Markup('<a href="{}">{}</a>').format(m.href, m.title) for side in marks for m in side
    )
    return Markup("<p>{}</p>").format(row)


PLOT = Plot(lambda: Markup('<svg class="plot" role="img" aria-label="a plot"></svg>'), "below it")
SEEN = Picture(webp(1), "a picture", "its caption")
PAGE = (
    Legend("areas"), Legend("points"), Fold("open me", (Paragraph("inside"),)), Command("driftcli check ref/ a"), PLOT,
    Panels((PLOT, PLOT), "style", "in words"), Panes((Pane("the model", "hurts", "alarm", ("71 %",)), Pane("b", "so", "", ()))), Measures((Measure("noise", True, True, "higher", "+1 sd", "1", "2", None, Bars(0.2, 0.7)),)),
    Cards((Card(1, Name(NASTY), "blurrier", ("a tag",), (SEEN,), ("score 1",), (SEEN,)),)),
    Strip((Pair(1, Name(NASTY), "blurrier", SEEN, SEEN), Pair(2, Name("b"), "", None, None))), Contact((Shot(Name(NASTY), "rare", SEEN),)),
    Map(((Point("first", None, NASTY, "baseline", SEEN),), (Point("second", "image-1"),)), links, 2),
)  # fmt: skip


CARDS = next(block for block in PAGE if isinstance(block, Cards))


def of(*blocks: Block) -> Document:
    lead = Banner("drift", "DRIFT", "They differ.", "Exit 1.", "p = 0.01.", (("p", "0.01"),))
    return Document(lead, (Section("part", "A part", blocks, "beside it"),), "a title", (Name(NASTY),))


def kinds(module: object) -> set[str]:
    return {name for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, Block)}


def test_these_are_all_kinds_of_blocks():
    """A new kind is not seen by these tests until it stands in one of the lists."""
    shown = {type(block).__name__ for block in (*EVERYWHERE, *TERMINAL, *PAGE)}
    assert shown == (kinds(document) | kinds(pictured)) - {"Block"}


@pytest.mark.parametrize("block", [*EVERYWHERE, *TERMINAL], ids=lambda block: type(block).__name__)
def test_a_terminal_shows_what_is_not_drawn(block):
    text = to_text(of(block), width=60)
    assert text.startswith("DRIFT  They differ. Exit 1.\n       p = 0.01.\n\nA part   beside it\n")
    assert len(text.splitlines()) > 4
    assert "\x1b" not in text


@pytest.mark.parametrize("block", EVERYWHERE, ids=lambda block: type(block).__name__)
def test_markdown_shows_names_as_code(block):
    text = to_markdown(of(block))
    assert text.startswith("## ✗ DRIFT\n\nThey differ. Exit 1.\n\np = 0.01.\n\n### A part\n\nbeside it\n\n")
    assert isinstance(block, Listing) or r"`a_b/<c> \x60d\x60 \x7c @e\x1b[31m.jpg`" in text


@pytest.mark.parametrize("block", [*EVERYWHERE, *PAGE], ids=lambda block: type(block).__name__)
def test_a_page_shows_everything_but_characters(block):
    """Sound in both forms, with the same words."""
    blocks = (block, CARDS) if isinstance(block, Map) else (block,)
    page, other = to_file(of(*blocks)), to_folder(of(*blocks))["index.html"].decode()
    sound(page)
    sound(other)
    assert plain(read(page).text) == plain(read(other).text)


@pytest.mark.parametrize(
    ("setter", "blocks"), [(to_text, PAGE), (to_markdown, (*TERMINAL, *PAGE)), (to_file, TERMINAL)]
)
def test_what_cannot_be_shown_is_an_error(setter, blocks):
    """Never a gap that nobody sees."""
    for block in blocks:
        with pytest.raises(TypeError, match=f"cannot show {type(block).__name__}"):
            setter(of(block))


def test_what_is_drawn_in_a_table_is_an_error_where_it_cannot_be():
    columns = (Column("a"), Column("b"))
    drawn = Table(columns, ((Cell("x"), Bars(0.1, 0.2)),))
    for setter in (to_text, to_markdown):
        with pytest.raises(TypeError, match="cannot show Bars"):
            setter(of(drawn))
    assert len(read(to_file(of(drawn))).all("rect")) == 4
    sparks = Table(columns, ((Trend((1.0, 2.0)), Histogram((0.0, 1.0), (1.0,), (1.0,), "batch")),))
    assert "▁█" in to_text(of(sparks))
    with pytest.raises(TypeError, match="cannot show Trend"):
        to_markdown(of(sparks))


def test_a_column_for_wide_terminals_is_left_out_on_narrow_ones_only():
    table = Table((Column("name"), Column("extra", wide=True)), ((Cell("a"), Cell("b")),))
    assert "extra" in to_text(of(table), width=92)
    assert "extra" not in to_text(of(table), width=91)
    assert "extra" in to_markdown(of(table))


def test_a_hidden_title_is_shown_only_where_one_must_be():
    """GitHub's tables begin with titles; a page has it for screen readers; a terminal needs none."""
    table = Table((Column("state", hidden=True), Column("file")), ((Cell("skipped"), Cell("a.jpg")),))
    assert "state" not in to_text(of(table))
    assert "| state | file |" in to_markdown(of(table))
    assert [it.text for it in read(to_file(of(table))).all("span") if it.attributes.get("class") == "hidden"] == ["state"]  # fmt: skip


def test_a_page_has_what_belongs_to_the_verdict_above_its_sections():
    """Text keeps the order of the document."""
    sections = (Section("first", "First", ()), Section("why", "Why", (Paragraph("because"),), lead=True))
    whole = Document(Banner("pass", "PASS", "Nothing found."), sections)
    assert to_text(whole).index("First") < to_text(whole).index("because")
    page = read(to_file(whole))
    assert page.text.index("because") < page.text.index("First")
    assert [it.attributes["id"] for it in page.all("section")] == ["first"]


@pytest.mark.parametrize(("found", "detail"), [(True, False), (False, False), (True, True), (False, True)])
def test_a_page_folds_what_found_nothing_and_what_is_for_whoever_wants_it_all(found, detail):
    """Open sections first, each in the document's order; what belongs to the verdict is never folded."""
    sections = (
        Section("first", "First", (Paragraph("inside"),), found=found, detail=detail, brief="in short"),
        Section("second", "Second", (Paragraph("seen"),)),
        Section("why", "Why", (Paragraph("because"),), lead=True, found=found, detail=detail),
    )
    page = read(to_file(Document(Banner("pass", "PASS", "Nothing found."), sections)))
    folded = [it.attributes["id"] for it in page.all("section") if it.attributes.get("class") == "folded"]
    assert folded == ([] if found and not detail else ["first"])
    assert [it.attributes["id"] for it in page.all("section")] == (["first", "second"] if not folded else ["second", "first"])  # fmt: skip
    assert [it.text for it in page.all("summary")] == (["First in short"] if folded else [])
    assert "inside" in page.text
    assert to_text(Document(Banner("pass", "PASS", "Nothing found."), sections)).index("inside") > 0


def test_where_all_sections_are_folded_their_titles_are_the_list_of_them():
    sections = (Section("first", "First", (), found=False),)
    assert not read(to_file(Document(Banner("pass", "PASS", "Fine."), sections))).all("nav")
    open_too = (*sections, Section("second", "Second", ()))
    assert read(to_file(Document(Banner("pass", "PASS", "Fine."), open_too))).all("nav")


def test_every_cell_of_a_page_knows_its_column():
    """On a narrow window a table is a list of rows, and each cell says what it is."""
    cells = [it.attributes for it in read(to_file(of(TABLE))).all("td")]
    assert [cell["data-label"] for cell in cells] == ["size"]


@pytest.mark.parametrize(
    ("target", "href"),
    [
        ("https://ci.example.org/a b?x=1&y=2#z", "https://ci.example.org/a%20b?x=1&y=2#z"),
        ("reports/day 1#2.html", "reports/day%201%232.html"), ("/srv/r.html", "/srv/r.html"),
        ("javascript:alert(1)", None), (" JavaScript:alert(1)", None), ("data:text/html,x", None), ("//evil.example/", None),
        ("file:///etc/passwd", None), ("", None), ("https:///x", None),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_web_or_to_a_file_and_nowhere_else(target, href):
    """The words stay in every format."""
    whole = of(Paragraph(("see ", Link("the report", target), " of today")))
    links = [it.attributes["href"] for it in read(to_file(whole)).all("a") if it.text == "the report"]
    assert links == ([] if href is None else [href])
    assert "see the report of today" in plain(read(to_file(whole)).text)
    assert "see the report of today" in to_text(whole)
    assert ("see `the report` of today" if href is None else f"see [the report](<{href}>) of today") in to_markdown(whole)  # fmt: skip


@given(st.text(max_size=40))
def test_no_text_becomes_an_address_of_another_kind(target):
    found = address(target)
    if found is not None:
        assert found.isascii()
        assert not set(found) & set(' <>"\\\x1b\n')
        assert urlsplit(found).scheme.lower() in ("", "http", "https")


def test_pictures_that_find_no_room_are_counted_and_the_folder_has_them_all():
    big = [Picture(webp(n, 90.0, (700, 700)), f"picture {n}") for n in range(24)]
    cards = Cards(tuple(Card(n, Name(f"{n}.jpg"), "", (), (one,), ()) for n, one in enumerate(big, 1)))
    page = read(to_file(of(cards)))
    shown = len(page.all("img"))
    assert 0 < shown < len(big)
    assert f"{len(big) - shown} pictures left out" in plain(page.text)
    assert len(read(to_folder(of(cards))["index.html"].decode()).all("img")) == len(big)
