"""`driftcli help`: the manual on the terminal, from the files that came with the installation."""

from __future__ import annotations

import io
import re
import shlex
import shutil
import subprocess
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli._complete import topics
from driftcli.cli.console import Terminal, invoke, is_terminal
from driftcli.core import shipped
from driftcli.core.errors import InternalError, UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

EXAMPLES = """\
Examples:
  driftcli help                            # the pages of the manual
  driftcli help reading-a-report
  driftcli help measured --no-pager
  driftcli help check                      # the same as driftcli check --help
"""
_ENTRY = re.compile(r"^- \[([\w-]+)\]\([\w-]+\.md\): (.*)$", re.MULTILINE)
"""A line of the manual's contents: a page, and the sentence that says what it is for."""

Topic = Annotated[
    str | None,
    typer.Argument(
        metavar="[TOPIC]",
        help="Page of the manual, or a command; without one, the list.",
        show_default=False,
        autocompletion=topics,
    ),
]
NoPager = Annotated[
    bool,
    c.option(
        "--no-pager",
        panel=c.OUTPUT,
        help="Print the page at once; else a terminal shows it by $PAGER or less.",
    ),
]


def help(  # noqa: A001  # the command's name
    context: typer.Context,
    topic: Topic = None,
    no_pager: NoPager = False,
    verbose: c.Verbose = 0,  # noqa: ARG001  # read from the raw command line, as the next two are
    color: c.Color = "auto",  # noqa: ARG001
    log_format: c.LogFormat = "text",  # noqa: ARG001
    version: c.Version = False,  # noqa: ARG001  # has ended the command before
) -> int:
    """Read the manual, offline.

    Without a TOPIC the pages and what each is for; with one the page, a screen at a time on a terminal. It reads
    no settings, so that it also helps where they are wrong.
    """
    terminal = context.obj if isinstance(context.obj, Terminal) else Terminal()
    pages = _pages()
    if topic is None:
        terminal.put(_contents(pages))
        return 0
    name = topic.lower().removesuffix(".md")
    if name in pages:
        _show(_text(pages[name]), terminal, paged=not no_pager)
        return 0
    program = context.find_root().command
    commands = list(getattr(program, "commands", ()))
    if name in commands:
        return invoke(program, [name, "--help"], terminal)
    close = get_close_matches(name, [*pages, *commands], 1)
    raise UsageError(
        f"no page {safe_name(topic)!r} in the manual",
        f"did you mean {close[0]}?" if close else "driftcli help lists the pages",
    )


def _pages() -> Mapping[str, Path]:
    """The manual's pages by name, in the order of its contents (`docs/README.md`)."""
    folder = shipped.folder("docs")
    return {name: folder / f"{name}.md" for name, _ in _ENTRY.findall(_text(folder / "README.md"))}


def _text(path: Path) -> str:
    """A page as Markdown, without the marks around its generated parts. Raises InternalError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InternalError(
            f"the manual did not come with this installation: {safe_name(str(path))}", "install driftcli anew"
        ) from error
    return re.sub(r"<!--.*?-->\n+", "", text)


def _contents(pages: Mapping[str, Path]) -> str:
    """Every page with the sentence that says what it is for, under the headings of `docs/README.md`."""
    import textwrap

    width = max(map(len, pages)) + 2
    lines = ["Usage: driftcli help TOPIC"]
    for section in _text(shipped.folder("docs") / "README.md").split("\n## ")[1:]:
        lines += ["", f"{section.partition(chr(10))[0]}:"]
        for name, purpose in _ENTRY.findall(section):
            lines += textwrap.wrap(
                purpose, 100, initial_indent=f"  {name:<{width}}", subsequent_indent=" " * (width + 2)
            )
    return "".join(f"{line}\n" for line in lines)


def _show(page: str, terminal: Terminal, *, paged: bool) -> None:
    """The page set for a terminal, a screen at a time; in a pipe the Markdown itself."""
    if not is_terminal(sys.stdout, terminal.environ):
        terminal.put(_set(page, terminal) if terminal.colour() else page)
        return
    text = _set(page, terminal)
    if not (paged and _page(text, terminal)):
        terminal.put(text)


def _set(page: str, terminal: Terminal) -> str:
    """Markdown as lines of the terminal's width, coloured where it is wanted."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.theme import Theme

    colour = terminal.colour()
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=terminal.width(),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        theme=Theme({"markdown.code": "bold cyan"}),  # readable on light and dark: no background
    )
    console.print(Markdown(page, hyperlinks=False, code_theme="ansi_dark"))
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _page(text: str, terminal: Terminal) -> bool:
    """Hand the text to $PAGER, else to `less`; whether there was one. `cat` or nothing in $PAGER is none."""
    chosen = terminal.environ.get("PAGER", "less")
    try:
        words = shlex.split(chosen)
    except ValueError:
        return False
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return False
    environ = {"LESS": "FRX", **terminal.environ}
    ran = subprocess.run(words, input=text.encode(), env=environ, check=False)  # noqa: S603  # the reader's own
    return ran.returncode == 0
