"""How much a packed file may become: enough for every archive of images, and an end to those made to fill a machine."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import IO

from driftcli.core.files import Refused
from driftcli.sources.decoding.header import sniff

LARGEST = 256 << 20
"""Bytes of a member that are read."""
HEAD = 64 << 10
"""Bytes by which a member is known for an image; of what is none no more is unpacked."""
_LARGE = 16 << 20
_LARGE_RATIO = 20
"""A larger member that unpacks to more times its packed bytes is no image that anybody packed: pixels hold noise."""
_AHEAD = 1 << 20
"""Packed bytes that a library may have read before it gave the bytes that came of them."""
_FREE = 512 << 20
_RATIO = 200
"""All members together: so many bytes, and so many for each packed one. Masks as BMP come to hundreds, a bomb to 1,030 (deflate) or millions (bz2)."""
BOMB = "zip_bomb"


class Spent:
    """What was unpacked of an archive so far, beside the packed bytes that it came from."""

    def __init__(self) -> None:
        self._packed = self._unpacked = 0

    def refuses(self, packed: int, size: int) -> bool:
        """Whether a member of so many bytes is too much, by itself or with all before it; counted if not."""
        if size > _LARGE and size > _LARGE_RATIO * packed:
            return True
        if is_too_much(self._packed + packed, self._unpacked + size) and size > _RATIO * packed:
            return True
        self._packed, self._unpacked = self._packed + packed, self._unpacked + size
        return False


def is_too_much(packed: int, unpacked: int) -> bool:
    """Whether no archive of images unpacks like this."""
    return unpacked > _FREE + _RATIO * packed


def member(file: IO[bytes], size: int, stream: Stream | None = None) -> bytes:
    """A member's bytes, or as many as show that it is no image. Raises Refused: `too_large`, `zip_bomb`, and OSError.

    `size`: as many as the archive says. `stream`: what it is read from, where only that knows how much was packed.
    """
    before = stream.packed if stream else 0
    head = file.read(min(size, HEAD))
    try:
        sniff(head)
    except Refused:
        return head
    if size <= _LARGE:
        return head + file.read(size - len(head))
    if size > LARGEST:
        raise Refused("too_large")
    large = file.read(_LARGE - len(head))
    if stream and _LARGE_RATIO * (stream.packed - before + _AHEAD) < _LARGE:
        raise Refused(BOMB)
    return b"".join([head, large, file.read(size - len(head) - len(large))])


class Stream(io.RawIOBase):
    """The unpacked bytes of a file that gzip, bzip2 or xz packed, as long as they are not too much: then OSError."""

    def __init__(self, source: IO[bytes], kind: str) -> None:
        super().__init__()
        self._counted = _Counted(source)
        self._inner: io.BufferedIOBase
        if kind == "gz":
            self._inner = gzip.GzipFile(fileobj=self._counted, mode="rb")
        elif kind == "bz2":
            self._inner = bz2.BZ2File(self._counted)
        else:
            self._inner = lzma.LZMAFile(self._counted)  # type: ignore[arg-type]  # noqa: SIM115 - it is asked for `read` alone
        self._unpacked = 0

    @property
    def packed(self) -> int:
        """Packed bytes that were read so far, up to a block too many."""
        return self._counted.count

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes. Raises OSError for a bomb, else as the libraries for damage."""
        data = self._inner.read(size)
        self._unpacked += len(data)
        if is_too_much(self.packed, self._unpacked):
            raise OSError(f"it unpacks to more than {_RATIO} times its size (a zip bomb)")
        return data


class _Counted(io.RawIOBase):
    """Another file's bytes, counted."""

    def __init__(self, source: IO[bytes]) -> None:
        super().__init__()
        self._source = source
        self.count = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.count += len(data)
        return data


def packed_as(source: io.BufferedReader) -> str | None:
    """`gz`, `bz2` or `xz` by the first bytes, which stay unread; None for what is not packed."""
    magics = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"]\0\0\x80": "xz"}
    start = source.peek(6)[:6]
    return next((kind for magic, kind in magics.items() if start.startswith(magic)), None)
