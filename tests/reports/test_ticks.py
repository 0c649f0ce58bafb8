"""Labels of axes: never two alike, easy to read, and the newest day has one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.reports.plots.ticks import MOST_DATES, dates, distinct

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 6))


@given(st.lists(NUMBERS, min_size=1, max_size=8, unique=True))
def test_two_numbers_have_two_labels(values):
    labels = distinct(values)
    assert len(set(labels)) == len(values)
    assert [float(label.replace("−", "-").replace(",", "")) for label in labels] == pytest.approx(
        values, rel=0.01
    )


def test_numbers_have_no_more_digits_than_it_takes():
    assert distinct([0.0, 0.5, 1.0]) == ["0", "0.5", "1"]
    assert distinct([1000.2, 1000.4]) == ["1,000.2", "1,000.4"]
    assert distinct([0.12341, 0.12349]) == ["0.1234", "0.1235"]
    assert distinct([-2000.0, 2000.0]) == ["−2,000", "2,000"]


@given(st.lists(st.integers(0, 60 * 24 * 800), min_size=1, max_size=60))
def test_two_times_have_two_labels_and_the_newest_has_one(minutes):
    """Whether a day has many checks or a year few."""
    start = datetime(2025, 12, 30, 23, 50, tzinfo=UTC)
    times = [f"{start + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}" for minute in sorted(minutes)]
    places, labels = dates(times)
    assert len(set(labels)) == len(labels) == len(set(places)) <= MOST_DATES
    assert all(label in times[place] for place, label in zip(places, labels, strict=True))
    assert labels[-1] in times[-1]
    assert places == sorted(places)


def test_the_first_check_of_a_day_carries_its_label():
    times = [f"2026-11-{day:02}T{hour:02}:00:00Z" for day in (3, 4) for hour in (6, 12, 18)]
    assert dates(times) == ([0, 3], ["11-03", "11-04"])
    assert dates(times[:3]) == ([0, 1, 2], ["06:00", "12:00", "18:00"])
    assert dates(["2025-12-31T06:00:00Z", "2026-12-31T06:00:00Z"]) == ([0, 1], ["2025-12-31", "2026-12-31"])
