"""One of N parts of a source: which entries belong to it, by a hash of their paths."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from driftcli.core.errors import UsageError

MOST = 1_000_000
"""Shards of one source."""


@dataclass(frozen=True)
class Shard:
    """The `number`-th (from 1) of `of` parts."""

    number: int = 1
    of: int = 1

    def holds(self, path: str) -> bool:
        """Whether an entry is in this part, by its path within the source: the same part on every machine.

        First 8 bytes of the path's SHA-256 modulo N. Names that are no text keep their halves of characters.
        """
        digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse(text: str | None) -> Shard:
    """The shard that `I/N` names; the whole for None. Raises UsageError."""
    if text is None:
        return Shard()
    match = re.fullmatch(r"(\d{1,7})/(\d{1,7})", text.strip(), re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= MOST:
        hint = "write I/N with I from 1 to N: --shard 3/8"
        if match is not None and int(match[1]) == 0:
            hint = f"shards are counted from 1: --shard 1/{match[2]} to --shard {match[2]}/{match[2]}"
        raise UsageError(f"--shard: {text!r} is no shard", hint)
    return Shard(int(match[1]), int(match[2]))
