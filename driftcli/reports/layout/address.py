"""An address in a report: one to click on only if it can be nothing else."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"https?://[A-Za-z0-9\[][A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
"""Only what RFC 3986 allows in an address: no blank, no bracket of markup, no quote."""


def clickable(link: str | None) -> str | None:
    """The address as it is, if it is one of the web; None for a path, or anything else."""
    return link if link and _PLAIN.fullmatch(link) else None
