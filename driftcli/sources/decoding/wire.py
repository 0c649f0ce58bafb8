"""Messages between a pool and its workers: a JSON header and raw bytes, lengths first; nothing is unpickled."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<IQ")
Header = Mapping[str, Any]


def write(stream: BinaryIO, header: Header, body: Sequence[bytes | memoryview] = ()) -> None:
    """Send one message: a JSON header and raw bytes. Lone surrogates in names survive (JSON escapes them)."""
    head = json.dumps(header).encode("ascii")
    stream.write(_LENGTHS.pack(len(head), sum(len(part) for part in body)) + head)
    stream.writelines(body)
    stream.flush()


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Wait for the next message and return its header and bytes; None at the end of the stream."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack(lengths)
    text, data = stream.read(head), stream.read(body)
    return (json.loads(text), data) if len(data) == body else None


def split(received: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """Header and bytes of the one message that has arrived in pieces; None while some of it is missing."""
    if len(received) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack_from(received)
    start = _LENGTHS.size + head
    if len(received) < start + body:
        return None
    return json.loads(received[_LENGTHS.size : start]), bytes(received[start : start + body])
