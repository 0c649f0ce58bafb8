"""What the reasons beside one image promise: outside the usual range, the strangest first, counted right."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.core import sentences
from driftcli.core.features import Column
from driftcli.explain.images import outside

COLUMNS = (
    Column("sharpness"),
    Column("hue", "circular", "turns"),
    Column("format", "category"),
    Column("iso"),
)
BASELINE = np.stack(
    [np.arange(200) / 200, (np.arange(200) / 1000 + 0.9) % 1, np.full(200, 5.0), np.arange(200.0)], axis=1
).astype(np.float32)


def one(*values, top=2, baseline=BASELINE):
    found = outside(np.array([values], np.float32), baseline, COLUMNS, top, {5: "JPEG", 6: "PNG"})[0]
    return tuple(map(sentences.outside, found))


def test_an_ordinary_image_has_no_reason():
    """Inside the central 90 % everywhere: nothing to say."""
    assert one(0.5, 0.0, 5, 100) == ()


def test_far_values_are_said_with_their_side():
    """Below, above, round the circle; the strangest first, `top` at most."""
    assert one(-0.5, 0.0, 5, 100) == ("sharpness −0.5, below all of the baseline",)
    assert one(0.97, 0.0, 5, 9999) == (
        "iso 10000, above all of the baseline",
        "sharpness 0.97, above 97 % of the baseline",
    )
    assert one(0.5, 0.5, 5, 100) == ("hue 0.5 turns (cyan), farther out than all of the baseline",)
    assert len(one(-5, 0.5, 6, 9999, top=1)) == 1


def test_levels_and_missing_values():
    """A new level and a value that the baseline never misses are reasons."""
    assert one(0.5, 0.0, 6, 100) == ("format PNG, as in none of the baseline",)
    assert one(0.5, 0.0, 5, np.nan) == ("iso missing, as in none of the baseline",)
    sparse = BASELINE.copy()
    sparse[:, 3] = np.nan
    assert one(0.5, 0.0, 5, np.nan, baseline=sparse) == ()
    assert one(0.5, 0.0, 5, 3, baseline=sparse) == ()


def test_nothing_to_compare_gives_no_reasons():
    """An empty baseline, no columns, or top 0 is silent."""
    assert one(0.5, 0.5, 6, 1, baseline=BASELINE[:0]) == ()
    assert outside(BASELINE[:2, :0], BASELINE[:, :0], ()) == [(), ()]
    assert one(-5, 0.5, 6, 1, top=0) == ()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-3, 3, width=32), min_size=3, max_size=60), st.floats(-4, 4, width=32))
def test_the_share_is_what_counting_gives(baseline, value):
    """The twin: count the baseline below and above, speak from 95 % on, round down."""
    held_out = np.array(baseline, np.float32)[:, None]
    (phrases,) = outside(np.array([[value]], np.float32), held_out, (Column("x"),))
    below, above = np.mean(held_out < np.float32(value)), np.mean(held_out > np.float32(value))
    if max(below, above) < 0.95:
        assert phrases == ()
    else:
        part = "all" if max(below, above) == 1 else f"{int(100 * max(below, above) + 1e-9)} %"
        assert sentences.outside(phrases[0]).endswith(
            f", {'below' if above > below else 'above'} {part} of the baseline"
        )
