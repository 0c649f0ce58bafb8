"""What was measured of an image before, by its bytes: the entries of a cache, and how a worker looks one up."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypedDict
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from driftcli.core import strict_json
from driftcli.core.images import Decoded, FileFacts
from driftcli.core.strict_json import Limits
from driftcli.core.typed_json import Malformed, Within, build

TABLE = "entries"
_CHECK = 16
"""Bytes of the check sum in front of an entry."""
_LENGTH = struct.Struct("<I")
_PATIENCE = 0.2
"""Seconds to wait for a writer; who waits longer decodes the image instead."""


_DTYPES = {np.dtype(kind).str: np.dtype(kind) for kind in ("<f2", "<f4", "<f8")}
"""Of views. numpy itself takes a text for a type that it evaluates."""
_LIMITS, _LARGEST = Limits(levels=8, digits=20), 1 << 20
"""Of an entry's header, and of one of its arrays."""


class _Header(TypedDict):
    """As a worker's answer has it."""

    pixels: str
    near: Annotated[int, Within(0, 2**64 - 1)]
    facts: FileFacts
    arrays: tuple[tuple[Any, ...], ...]
    """Name, dtype, shape."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where to look before decoding, and under which numbers."""

    path: str
    """Of the SQLite file."""
    digest: str
    """Of all that decides what an image's bytes become, in hexadecimal."""


def key_of(digest: str, content: bytes) -> bytes:
    """The key (32 bytes) of an image with this content hash, under these numbers."""
    return hashlib.sha256(bytes.fromhex(digest) + content).digest()


def packed(key: bytes, item: Decoded, views: Mapping[str, NDArray[Any]]) -> bytes:
    """An entry: check sum, a JSON header as a worker's answer has it, and the views as raw numbers."""
    header = {
        "pixels": item.pixels.hex(),
        "near": item.near,
        "facts": asdict(item.facts),
        "arrays": [[name, str(x.dtype.str), x.shape] for name, x in views.items()],
    }
    head = json.dumps(header).encode("ascii")
    entry = b"".join([_LENGTH.pack(len(head)), head, *(x.tobytes() for x in views.values())])
    return _check_sum(key, entry) + entry


def unpacked(key: bytes, value: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and raw numbers of an entry; None for one that is damaged, or stands under another key."""
    check, entry = value[:_CHECK], value[_CHECK:]
    if len(entry) < _LENGTH.size or check != _check_sum(key, entry):
        return None
    (length,) = _LENGTH.unpack_from(entry)
    start = _LENGTH.size + length
    try:
        header: dict[str, Any] = strict_json.parse_bytes(entry[_LENGTH.size : start], _LIMITS, most=_LARGEST)
        build(_Header, header)
        shapes = [(_DTYPES[dtype], shape) for _, dtype, shape in header["arrays"]]
        whole = all(len(shape) == 1 and 0 <= shape[0] <= _LARGEST for _, shape in shapes)
    except (
        strict_json.NotStrictError,
        Malformed,
        ValueError,
        TypeError,
        KeyError,
    ):  # no three, no such dtype
        return None
    size = sum(dtype.itemsize * math.prod(shape) for dtype, shape in shapes)
    return (header, entry[start:]) if whole and len(entry) == start + size else None


def _check_sum(key: bytes, entry: bytes) -> bytes:
    return hashlib.blake2b(entry, key=key, digest_size=_CHECK).digest()


class Lookup:
    """A reader of caches, for one worker; whatever is wrong with one, it finds nothing there and says nothing."""

    def __init__(self) -> None:
        self._open: dict[str, Any] = {}

    def find(self, known: Known, content: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Header and raw numbers of the image with this content hash (32 bytes); None where it is not known."""
        import sqlite3

        key = key_of(known.digest, content)
        try:
            if known.path not in self._open:
                self._open[known.path] = sqlite3.connect(
                    f"file:{quote(known.path)}?mode=ro", uri=True, timeout=_PATIENCE, isolation_level=None
                )
            row = self._open[known.path].execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None or not isinstance(row[0], bytes) else unpacked(key, row[0])
