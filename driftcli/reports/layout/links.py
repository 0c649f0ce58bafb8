"""Where a link may lead: to a page of the web, or to a file."""

from __future__ import annotations

import re
from urllib.parse import quote

_WEB = re.compile(r"https?://[^/]", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_IN_ADDRESSES = "%/:?#[]@!$&'()*+,;=~"
"""What an address may hold as it is; all else, spaces and what commands terminals too, is percent-encoded."""


def address(target: str) -> str | None:
    """The target as a browser takes it, percent-encoded; None of what is neither a page of the web nor a path."""
    target = target.strip()
    if _WEB.match(target):
        return quote(target, safe=_IN_ADDRESSES, errors="replace")
    if not target or _SCHEME.match(target) or target.startswith(("//", "\\", "#")):
        return None
    return quote(target, safe="/", errors="replace")
