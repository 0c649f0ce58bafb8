"""A file that a user named, read whole."""

from __future__ import annotations

from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, read_file
from driftcli.core.text import safe_name


def content(name: str, most: int, hint: str) -> bytes:
    """Its bytes, at most so many. Raises NotAuditedError, with this hint, where it cannot be read."""
    try:
        return read_file(name, most, follow=True)
    except Refused as refused:
        raise NotAuditedError(f"{safe_name(name)} cannot be read: {refused.reason}", hint) from None
