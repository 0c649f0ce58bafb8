"""Numbers as people write them."""

from __future__ import annotations

import pytest

from driftcli.core.amounts import number, percent


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
