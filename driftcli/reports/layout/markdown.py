"""Foreign text in GitHub-flavoured Markdown: names as code, sentences as text, and no markup that is not ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ZERO = "\u200b"
"""A space of no width: it keeps `@name` from being a mention and is not seen."""
_MARKUP = re.compile(r"([\\`*_\[\]<>&~$])")
_LINKS = re.compile(r"(?i)([@#](?=\w)|GH-(?=\d)|www(?=\.)|:(?=//))")
_OPENING = re.compile(r"^([-+=#]|\d+(?=[.)]))")


def name(text: str) -> str:
    r"""A name of any characters as a code span: there, nothing is markup, a mention or a link.

    Backticks and pipes would end the span or a table's cell; like control characters they are spelt out:
    `\x60`, `\x7c`.
    """
    shown = safe_name(text).replace("`", r"\x60").replace("|", r"\x7c")
    if not shown:
        return "(no name)"
    padded = shown.strip(" ") and shown[0] == " " == shown[-1]
    return f"` {shown} `" if padded else f"`{shown}`"


def prose(text: str) -> str:
    """A sentence that may quote names: shown as written, on one line, fit for a table's cell too."""
    shown = _LINKS.sub(rf"\1{ZERO}", safe_name(text).strip())
    shown = _MARKUP.sub(r"\\\1", shown).replace("|", "&#124;")
    opening = _OPENING.match(shown)
    if opening is None:
        return shown
    first = opening.group()
    return f"{first}\\{shown[len(first) :]}" if first.isdigit() else f"\\{shown}"


def bullets(sentences: Iterable[str]) -> str:
    """A list of sentences, escaped here."""
    return "\n".join(f"- {prose(sentence)}" for sentence in sentences)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; a title ending in `:` is flush right."""
    titles = [title.removesuffix(":") for title in head]
    rules = ["---:" if title.endswith(":") else "---" for title in head]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (titles, rules, *rows))
