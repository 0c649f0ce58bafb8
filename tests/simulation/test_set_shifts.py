"""Set-level shifts choose which images are there."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Entry
from driftcli.simulation import set_shifts

LABELS = ["cat"] * 60 + ["dog"] * 40


def rng(seed=0):
    return np.random.default_rng(seed)


def test_keys_say_what_entries_are_without_reading_them():
    entry = Entry("/data/pets/cats/0001_left.jpg", columns={"label": "cat"})
    labels = [set_shifts.labeller(key)(entry) for key in ("folder", "column:label", r"_(\w+)\.jpg")]
    assert labels == ["cats", "cat", "left"]
    for wrong in ("hour", "no group", "(unclosed"):
        with pytest.raises(UsageError):
            set_shifts.labeller(wrong)


def test_a_class_is_knocked_out_and_nothing_else():
    assert set_shifts.knock_out(LABELS, "cat") == list(range(60, 100))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 1.0])
def test_a_class_gets_its_share_and_as_many_images_as_possible_stay(share):
    staying = set_shifts.class_share(LABELS, "cat", share, rng())
    cats = sum(LABELS[i] == "cat" for i in staying)
    assert cats / len(staying) == pytest.approx(share, abs=0.5 / len(staying) + 1e-9)
    assert cats == 60 or len(staying) - cats == 40  # one side is complete
    assert staying == sorted(set(staying))


def test_the_seed_decides_who_stays():
    first, same, other = (set_shifts.class_share(LABELS, "cat", 0.2, rng(seed)) for seed in (0, 0, 1))
    assert first == same != other


def test_a_mixture_keeps_the_size():
    staying, theirs = set_shifts.mixture(200, 50, 30, rng())
    assert (len(staying), len(theirs)) == (170, 30)
    assert staying == sorted(set(staying))
    assert theirs == sorted(set(theirs))
    assert max(staying) < 200
    assert max(theirs) < 50


def test_what_cannot_be_done_is_said():
    with pytest.raises(UsageError, match="cow") as error:
        set_shifts.knock_out(LABELS, "cow")
    assert "'cat', 'dog'" in error.value.hint
    with pytest.raises(NotAuditedError):
        set_shifts.class_share(["cat"] * 5, "cat", 0.5, rng())
    for others, wanted in ((29, 30), (500, 101)):
        with pytest.raises(NotAuditedError):
            set_shifts.mixture(100, others, wanted, rng())
