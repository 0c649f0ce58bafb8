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
    stream.writelines((_head(header, sum(map(len, body))), *body))
    stream.flush()


def write_all(stream: BinaryIO, messages: Sequence[tuple[Header, bytes]]) -> None:
    """Send several messages at once."""
    stream.write(b"".join(part for header, body in messages for part in (_head(header, len(body)), body)))
    stream.flush()


def _head(header: Header, size: int) -> bytes:
    text = json.dumps(header).encode("ascii")
    return _LENGTHS.pack(len(text), size) + text


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Wait for the next message and return its header and bytes; None at the end of the stream."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack(lengths)
    text, data = stream.read(head), stream.read(body)
    return (json.loads(text), data) if len(data) == body else None


def split(received: bytearray) -> tuple[dict[str, Any], bytes] | None:
    """Takes the first message off what has arrived: header and bytes; None while some of it is missing."""
    if len(received) < _LENGTHS.size:
        return None
    head, body = _LENGTHS.unpack_from(received)
    start = _LENGTHS.size + head
    if len(received) < start + body:
        return None
    with memoryview(received) as view:
        message = json.loads(view[_LENGTHS.size : start].tobytes()), view[start : start + body].tobytes()
    del received[: start + body]
    return message
