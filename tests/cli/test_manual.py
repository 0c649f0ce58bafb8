"""`driftcli help`: the list, a page in a pipe and on a terminal, the pager, and what is no page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from driftcli.cli import console
from driftcli.cli import help as manual

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def terminal(monkeypatch):
    """Standard output is a terminal of 60 columns; the pager keeps what it is handed in a file."""
    monkeypatch.setattr(console, "is_terminal", lambda *_: True)
    monkeypatch.setattr(manual, "is_terminal", lambda *_: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("PAGER", "LESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def pager(tmp_path, monkeypatch):
    """$PAGER writes its input, and $LESS, into files; returns the folder."""
    code = "import os, sys; open('page', 'wb').write(sys.stdin.buffer.read()); open('less', 'w').write(os.environ['LESS'])"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGER", shlex.join([sys.executable, "-c", code]))
    return tmp_path


def test_without_a_topic_every_page_is_listed_with_what_it_is_for(main):
    ran = main("help")
    assert (ran.code, ran.err) == (0, "")
    flat = " ".join(ran.out.split())
    for page in DOCS.glob("*.md"):
        if page.name != "README.md":
            assert f" {page.stem} {page.read_text(encoding='utf-8').split(chr(10) * 2)[1]}" in flat
    assert max(map(len, ran.out.splitlines())) <= 100


@pytest.mark.parametrize("topic", ["exit-codes", "exit-codes.md", "Exit-Codes"])
def test_in_a_pipe_a_page_is_its_markdown(main, topic):
    ran = main("help", topic)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (DOCS / "exit-codes.md").read_text(encoding="utf-8")


def test_the_marks_of_generated_parts_are_left_out(main):
    assert "<!--" in (DOCS / "settings.md").read_text(encoding="utf-8")
    ran = main("help", "settings")
    assert "<!--" not in ran.out
    assert "| `seed` | `0` |" in ran.out


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("page", sorted(path.stem for path in DOCS.glob("*.md") if path.name != "README.md"))
def test_every_page_can_be_set_for_a_terminal(main, page):
    """Within its width, with its heading, and without the signs of Markdown."""
    ran = main("help", page, "--no-pager", "--color", "never")
    assert (ran.code, ran.err) == (0, "")
    title = (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert title in ran.out
    assert "\n## " not in ran.out
    assert "\x1b" not in ran.out
    assert max(map(len, ran.out.splitlines())) <= 60


@pytest.mark.usefixtures("terminal")
def test_colour_is_for_those_who_want_it(main):
    assert "\x1b[" in main("help", "limits", "--no-pager").out
    assert "\x1b" not in main("help", "limits", "--no-pager", "--color", "never").out


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_a_page_by_the_readers_pager(main, pager):
    ran = main("help", "limits")
    assert (ran.code, ran.out) == (0, "")
    assert "It has been run on NVIDIA cards for one benchmark only" in " ".join(
        (pager / "page").read_text(encoding="utf-8").split()
    )
    assert (pager / "less").read_text() == "FRX"


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("chosen", ["", "cat", "no-such-program", "'unfinished", "false"])
def test_without_a_pager_that_works_the_page_is_printed(main, monkeypatch, chosen):
    monkeypatch.setenv("PAGER", chosen)
    assert "HEIC" in main("help", "limits").out


def test_a_pipe_needs_no_pager(main, pager):
    assert main("help", "limits").out
    assert not (pager / "page").exists()


def test_a_command_is_a_topic_too(main):
    assert main("help", "check").out == main("check", "--help").out


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("exit-code", "did you mean exit-codes?"),
        ("chekc", "did you mean check?"),
        ("xyzzy", "driftcli help lists the pages"),
        ("../README", "driftcli help lists the pages"),
    ],
)
def test_an_unknown_topic_is_a_usage_error_that_helps(main, topic, hint):
    ran = main("help", topic)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: no page '{topic}' in the manual\nhint: {hint}\n"


def test_wrong_settings_do_not_stand_in_its_way(main, monkeypatch):
    monkeypatch.setenv("DRIFTCLI_ALPHA", "abc")
    assert main("check", "ref", "images").code == 2
    assert main("help", "limits").code == 0
