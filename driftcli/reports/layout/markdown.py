"""Foreign text in GitHub-flavoured Markdown: names as code, sentences as text, and no markup that is not ours."""

from __future__ import annotations

import re

from driftcli.core.text import safe_name

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


def prose(text: str, *, opens: bool = True) -> str:
    """A sentence that may quote names: shown as written, on one line, fit for a table's cell too.

    `opens`: it begins a line, where some characters would open a list or a heading.
    """
    shown = _LINKS.sub(rf"\1{ZERO}", safe_name(text).strip())
    shown = _MARKUP.sub(r"\\\1", shown).replace("|", "&#124;")
    opening = _OPENING.match(shown) if opens else None
    if opening is None:
        return shown
    first = opening.group()
    return f"{first}\\{shown[len(first) :]}" if first.isdigit() else f"\\{shown}"
