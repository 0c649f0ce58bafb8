"""Rows by index: what the rows themselves would say, without a copy of them."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.rows import Rows

ARRAY = np.arange(7 * 2 * 3).reshape(7, 2, 3)
ORDER = np.array([5, 0, 3, 6])


@pytest.mark.parametrize(
    "which", [slice(None), slice(1, 3), slice(2, 99), np.array([3, 0, 0]), np.array([], int)]
)
def test_as_the_copy(which):
    """Length, shape and every choice of rows are those of the copy; so are rows of rows."""
    rows, copy = Rows(ARRAY, ORDER), ARRAY[ORDER]
    assert (len(rows), rows.shape) == (len(copy), copy.shape)
    np.testing.assert_array_equal(rows[which], copy[which])
    again = np.array([2, 1, 3])
    np.testing.assert_array_equal(Rows(rows, again)[:], copy[again])


def test_holds_the_array_itself():
    """Nothing is copied before it is asked for, however often rows are chosen among rows."""
    nested = Rows(Rows(ARRAY, ORDER), np.array([1, 0]))
    assert nested.array is ARRAY
    assert not np.shares_memory(nested[:], ARRAY)
