"""Numbers as people write them."""

from __future__ import annotations

import pytest

from driftcli.core.amounts import data_size, number, percent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.4213, "0.421"),
        (1234567, "1230000"),
        (-0.5, "−0.5"),
        (0, "0"),
        (-0.0, "0"),
        (4000, "4000"),
        (1e-9, "1e−09"),
    ],
)
def test_numbers_read_well(value, text):
    """Three digits, no exponent where nobody would write one."""
    assert number(value) == text


def test_percent_never_rounds_to_none_or_all():
    """What is neither none nor all does not read like it."""
    assert [percent(share) for share in (0, 0.004, 0.5, 0.999, 1)] == [
        "0 %",
        "under 1 %",
        "50 %",
        "over 99 %",
        "100 %",
    ]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (80_123, "80 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_000, "1.0 GB"),
        (74_000_000_000, "74.0 GB"),
    ],
)
def test_sizes_have_the_unit_in_which_they_are_not_nothing(count, text):
    """No `0.0 MB`, and no `1000 kB`."""
    assert data_size(count) == text
