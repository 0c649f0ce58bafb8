"""Strict JSON: what `json` lets pass, or fails on in its own way, is one error that says what is wrong.

`json` accepts duplicate keys, NaN and 1e999, raises RecursionError on deep nesting, and needs quadratic time for
integers of thousands of digits. Every reader of a file that may be hostile reads it here, and words the error.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["size", "encoding", "syntax", "twice", "constant", "number", "integer", "depth"]


@dataclass(frozen=True)
class Limits:
    """How far a document may go before it is taken for hostile."""

    levels: int
    """Of nesting: 1 for a bare number, 2 for a list of numbers."""
    digits: int
    """Of one integer, its sign among them."""


class NotStrictError(ValueError):
    """Bytes or text that are no strict JSON. `reason` decides which of the other fields are set."""

    def __init__(
        self, reason: Reason, what: str = "", *, line: int = 0, column: int = 0, count: int = 0
    ) -> None:
        super().__init__(f"{reason}: {what or count}")
        self.reason = reason
        self.what = what
        """`syntax`: what the parser says; `twice`: the key; `constant`, `number`: as written."""
        self.line = line
        """`syntax`: where, from 1."""
        self.column = column
        self.count = count
        """`encoding`: the first wrong byte, from 0; `integer`: its digits; `size`, `depth`: the limit."""


def parse_bytes(raw: bytes, limits: Limits, *, most: int) -> Any:
    """The value that at most so many bytes denote, in UTF-8 without a byte order mark.

    Raises NotStrictError and nothing else.
    """
    if len(raw) > most:
        raise NotStrictError("size", count=most)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrictError("encoding", count=error.start) from error
    return parse(text, limits)


def parse(text: str, limits: Limits) -> Any:
    """The value that this text denotes; its size is the caller's to limit. Raises NotStrictError and nothing else."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=lambda digits: _integer(digits, limits.digits),
            parse_float=_finite,
        )
    except json.JSONDecodeError as error:
        raise NotStrictError("syntax", error.msg, line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        raise NotStrictError("depth", count=limits.levels) from error
    if _deeper_than(limits.levels, value):
        raise NotStrictError("depth", count=limits.levels)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; its keys are counted once, so that a hostile one costs no quadratic time."""
    unique = dict(pairs)
    if len(unique) != len(pairs):
        times = Counter(name for name, _ in pairs)
        raise NotStrictError("twice", next(name for name in unique if times[name] > 1))
    return unique


def _refuse_constant(word: str) -> Any:
    raise NotStrictError("constant", word)


def _integer(digits: str, most: int) -> int:
    if len(digits) > most:
        raise NotStrictError("integer", count=len(digits))
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrictError("number", digits)
    return number


def _deeper_than(levels: int, value: Any) -> bool:
    """Whether the value has more levels, counted without recursion."""
    level = [value]
    for _ in range(levels):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
