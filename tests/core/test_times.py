"""One way to write a time, one for how long something took, one for how long it will roughly take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from driftcli.core import times

MOMENT = datetime(2026, 3, 29, 0, 59, 59, 999_999, timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("precision", "expected"),
    [
        ("seconds", "2026-03-28T22:59:59Z"),
        ("milliseconds", "2026-03-28T22:59:59.999Z"),
        ("microseconds", "2026-03-28T22:59:59.999999Z"),
    ],
)
def test_a_time_is_utc_with_digits_cut(precision, expected):
    assert times.utc_text(MOMENT, precision) == expected
    assert datetime.fromisoformat(expected) <= MOMENT


def test_early_years_sort_as_text():
    """`--since` is compared as text with stored times."""
    assert times.utc_text(datetime(999, 1, 1, tzinfo=UTC)) == "0999-01-01T00:00:00Z"


@pytest.mark.parametrize("precision", ["seconds", "milliseconds", "microseconds"])
def test_now_is_between_before_and_after(precision):
    digits = {"seconds": 0, "milliseconds": 3, "microseconds": 6}[precision]
    before = datetime.now(UTC)
    written = datetime.fromisoformat(times.now_utc(precision))
    assert before - timedelta(seconds=10**-digits) < written <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"), (0.04, "0 s"), (0.4, "0.4 s"), (3.0, "3 s"), (9.94, "9.9 s"), (9.95, "10 s"), (59.4, "59 s"),
        (59.5, "1 min 0 s"), (74.3, "1 min 14 s"), (3599.4, "59 min 59 s"), (3599.6, "1 h 0 min"), (3725, "1 h 2 min"),
        (4_000_000, "1,111 h 6 min"),
    ],
)  # fmt: skip
def test_durations(seconds, expected):
    assert times.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (9000, "2.5 h"),
    ],
)
def test_rough_durations(seconds, expected):
    assert times.rough_duration(seconds) == expected
