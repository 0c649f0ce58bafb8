"""Addresses of things that lie on a server, and what of an address may be shown: never what lets somebody in."""

from __future__ import annotations

import re
from pathlib import PurePath
from urllib.parse import quote, urljoin, urlsplit

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_WEB = frozenset({"http", "https"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_KEPT = "/%@!$&'()*+,;=~"


def scheme(text: str) -> str:
    """`s3` of `s3://bucket/key`, in lower case; empty for what is no address."""
    match = _ADDRESS.match(text)
    return match[1].lower() if match else ""


def is_web(text: str) -> bool:
    """Whether the address is http or https, whose spelling (%20, ?, #) is that of a browser."""
    return scheme(text) in _WEB


def shown(text: str) -> str:
    """The address without user, password, query and fragment, which may be keys; other text as it is.

    Keys of buckets have no such parts: `?` and `#` are characters of their names.
    """
    if not is_web(text):
        return text
    head, _, rest = text.partition("://")
    server, slash, path = re.split("[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{head}://{server.rpartition('@')[2]}{slash}{path}"


def folder_of(name: str) -> str:
    """The folder of a path, or what an object's address has before its last part, slashes kept."""
    return name.rpartition("/")[0] if scheme(name) else str(PurePath(name).parent)


def is_plain_elsewhere(text: str) -> bool:
    """Whether it is `http://` to another machine: anybody on the way could change what is read."""
    return scheme(text) == "http" and (_host(text) or "") not in _LOOPBACK


def beside(base: str, name: str) -> str | None:
    """The address of what a list at the address `base` calls `name`: relative to the list, or an address itself.

    None where it would leave the bucket or the server, or is a path of this machine.
    """
    if scheme(name):
        return name
    if name.startswith("/"):
        return None
    if is_web(base):
        return urljoin(base, quote(name, safe=_KEPT))
    head, _, rest = base.partition("://")
    bucket, *folders = rest.split("/")[:-1]
    for part in name.split("/"):
        if part == "..":
            if not folders:
                return None
            folders.pop()
        elif part != ".":
            folders.append(part)
    return f"{head}://{'/'.join([bucket, *folders])}"


def _host(text: str) -> str | None:
    try:
        return urlsplit(text).hostname
    except ValueError:  # brackets that hold no IPv6 address
        return None
