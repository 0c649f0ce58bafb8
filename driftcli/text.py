"""What makes foreign text safe to show: file names and EXIF values reach a terminal only through here."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: cursor, colour, title and clipboard commands of a terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi: a name that reads other than it is
    "\u2028\u2029"  # line and paragraph separators: a second line that we did not write
    "\ud800-\udfff]"  # lone surrogates: bytes that are no UTF-8, and that a strict stream refuses
)


_LAST_BYTE = 0xFF


def safe_name(name: str) -> str:
    r"""The name with every unsafe character spelt out, as `\xNN` or `\uNNNN`; idempotent."""
    return _UNSAFE.sub(_spell, name)


def _spell(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"
