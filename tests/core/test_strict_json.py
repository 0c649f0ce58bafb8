"""Strict JSON: the same values as `json`, or one error that says why not, in time that grows with the text."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.core.strict_json import Limits, NotStrictError, parse, parse_bytes

LIMITS = Limits(levels=8, digits=20)
MOST = 1 << 16
SCALARS = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS.filter(lambda value: not isinstance(value, float) or math.isfinite(value)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def levels(value: object) -> int:
    """By recursion, as the module does not: a bare number has one."""
    if isinstance(value, dict | list):
        return 1 + max(map(levels, value.values() if isinstance(value, dict) else value), default=0)
    return 1


def refused(raw: bytes | str) -> NotStrictError:
    with pytest.raises(NotStrictError) as caught:
        parse(raw, LIMITS) if isinstance(raw, str) else parse_bytes(raw, LIMITS, most=MOST)
    return caught.value


@given(VALUES)
def test_every_value_comes_back_or_is_too_deep(value):
    text = json.dumps(value)
    if levels(value) <= LIMITS.levels:
        assert parse(text, LIMITS) == value
    else:
        assert refused(text).reason == "depth"


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_value_that_json_reads_alike_or_refused(raw):
    with suppress(NotStrictError):
        value = parse_bytes(raw, LIMITS, most=MOST)
        assert json.loads(raw) == value


@pytest.mark.parametrize(
    ("raw", "reason", "what", "count"),
    [
        (b" " * (MOST + 1), "size", "", MOST),
        (b'"\xc3("', "encoding", "", 1),
        (b"\xef\xbb\xbf{}", "syntax", "Unexpected UTF-8 BOM (decode using utf-8-sig)", 0),
        (b"\xff\xfe{\x00}\x00", "encoding", "", 0),
        (b'{"a": 1, "b": 2, "b": 3, "a": 4}', "twice", "a", 0),
        (b'{"a": {"\\u0062": 1, "b": 2}}', "twice", "b", 0),
        (b"[NaN]", "constant", "NaN", 0),
        (b"-Infinity", "constant", "-Infinity", 0),
        (b"1e999", "number", "1e999", 0),
        (b"-1e999", "number", "-1e999", 0),
        (b"9" * 21, "integer", "", 21),
        (b"9" * 60_000, "integer", "", 60_000),
        (b"[" * 30_000 + b"]" * 30_000, "depth", "", 8),
        (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "depth", "", 8),
    ],
)
def test_what_json_lets_pass_or_fails_on_is_one_error(raw, reason, what, count):
    error = refused(raw)
    assert (error.reason, error.what, error.count) == (reason, what, count)


def test_a_mistake_has_its_place():
    error = refused('{\n  "a": 1,\n  b\n}')
    assert (error.reason, error.line, error.column) == ("syntax", 3, 3)
    assert error.what.startswith("Expecting property name")


@pytest.mark.parametrize(
    ("inside", "most"), [("", LIMITS.levels), ("1", LIMITS.levels - 1), ("{}", LIMITS.levels - 1)]
)
def test_nesting_is_allowed_up_to_its_limit(inside, most):
    """An empty list is one level, a list of numbers two."""
    assert levels(parse("[" * most + inside + "]" * most, LIMITS)) == LIMITS.levels
    assert refused("[" * (most + 1) + inside + "]" * (most + 1)).reason == "depth"


def test_limits_hold_and_no_more_than_they_say():
    assert parse("9" * LIMITS.digits, LIMITS) == int("9" * LIMITS.digits)
    assert refused("-" + "9" * LIMITS.digits).reason == "integer"
    assert parse_bytes(b'"' + b"x" * (MOST - 2) + b'"', LIMITS, most=MOST) == "x" * (MOST - 2)
    assert parse("1e308", LIMITS) == 1e308
    assert parse("-0.0", LIMITS) == 0


def test_a_duplicate_among_many_keys_is_found_by_counting_each_key_once(monkeypatch):
    """A megabyte of keys whose last two are alike costs one count a key, not one search a key."""
    counted = 0

    class Text(str):
        __slots__ = ()

        def __eq__(self, other):
            nonlocal counted
            counted += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    keys = [f"k{i}" for i in range(5_000)]
    monkeypatch.setattr(json, "loads", lambda _text, object_pairs_hook, **_: object_pairs_hook([(Text(k), 0) for k in [*keys, keys[-1]]]))  # fmt: skip
    assert refused("").what == keys[-1]
    assert counted < 20 * len(keys)
