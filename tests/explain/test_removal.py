"""The shortest prefix of the ranking without which the gate passes: found, proven, or said not to exist."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftcli.explain.removal import Gates, shortest

NAMES = [f"{i}.jpg" for i in range(200)]


class Watched:
    """A gate that fires until `needed` images are gone, and counts its runs."""

    def __init__(self, needed: int) -> None:
        self.needed, self.runs = needed, []

    def __call__(self, k: int) -> float:
        self.runs.append(k)
        return 0.5 if k >= self.needed else 0.001


@given(st.integers(1, 120), st.integers(1, 100))
def test_it_is_the_shortest_prefix_or_none(needed, most):
    """Where the gate passes from some k on, that k is found, and the full gate was seen to fire at k - 1."""
    quick, full = Watched(needed), Watched(needed)
    removal = shortest(NAMES, Gates(quick, full), 0.01, most)
    if needed > most:
        assert (removal.images, removal.p_value) == ((), None)
        assert removal.reason == f"without the {most:,} most drifted images the gate still fires"
        assert (len(quick.runs), full.runs) == (1, [])
    else:
        assert (removal.images, removal.p_value, removal.reason) == (tuple(NAMES[:needed]), 0.5, None)
        assert set(full.runs) == {needed, needed - 1} - {0}
        assert len(quick.runs) <= 2 * most.bit_length() + 1


@pytest.mark.parametrize(("quick", "full", "images", "reason"), [
    (5, 6, 6, None),
    (5, 4, 4, None),
    (5, 2, 3, "fewer may do: not every number was tried"),
    (5, 60, 0, "no prefix of 5 to 7 images made the gate pass"),
])  # fmt: skip
def test_the_full_gate_has_the_last_word(quick, full, images, reason):
    """The quick gate only finds the place; three runs of the full one decide, and what they leave open is said."""
    gate = Watched(full)
    removal = shortest(NAMES, Gates(Watched(quick), gate), 0.01, 50)
    assert (len(removal.images), removal.reason) == (images, reason)
    assert len(gate.runs) <= 3


def test_a_gate_that_cannot_be_run_does_not_pass():
    """Too few images left: no honest answer is no pass."""
    removal = shortest(NAMES, Gates(dict[int, float]().get, dict[int, float]().get), 0.01, 10)
    assert removal.images == ()
    assert shortest(NAMES, Gates(Watched(1), Watched(1)), 0.01, 0).reason.startswith("the batch is too small")
