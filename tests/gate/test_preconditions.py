"""When there is no honest answer: each limit at the last case that passes and the first that does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Skipped
from driftcli.gate.preconditions import contradictions, require, why_not
from tests.gate import _cases as cases


def why(batch, gate=None, *, unreadable=0, pixels=None, good=100, seen=()):
    settings = cases.settings(gate)
    held_out = cases.features(np.zeros(good), start=1000)
    return why_not(
        cases.reading(batch, unreadable, pixels), cases.reference(settings, seen), held_out, settings
    )


def some(n, start=0):
    return cases.features(np.zeros(n), start=start)


def test_an_ordinary_batch_has_nothing_against_it():
    assert why(some(20)) is None


def test_the_fewest_images():
    assert why(some(8)) is None
    assert why(some(7))[0].startswith("7 usable images; at least 8")
    assert why(some(20), {"min_images": 21})[0].startswith("20 usable images; at least 21")


def test_copies_count_once():
    eight = list(range(8))
    assert why(some(20), pixels=eight + [0] * 12) is None
    what, hint = why(some(20), pixels=[0] * 14 + eight[1:7])
    assert what.startswith("20 images, but only 7 distinct: 2 copies")
    assert "distinct" in hint


def test_unreadable_images():
    """5 %, but at least one: a night of sixteen images does not stop for one file. 0 means none."""
    assert why(some(95), unreadable=5) is None
    assert why(some(94), unreadable=6)[0].startswith("6 of 100 images cannot be read: ")
    assert why(some(94), {"max_unreadable": 0.06}, unreadable=6) is None
    assert why(some(15), unreadable=1) is None
    assert why(some(14), unreadable=2)[0].startswith("2 of 16 images cannot be read: ")
    assert why(some(15), {"max_unreadable": 0}, unreadable=1)[0].startswith("1 of 16 images")


def test_a_folder_that_cannot_be_listed_is_never_one_image():
    lost = Skipped("day/closed", "unreadable", "folder_permission")
    whole = cases.reading(some(99))
    ledger = replace(whole.ledger, seen=100, unreadable={"folder_permission": 1})
    reading = replace(whole, ledger=ledger, unreadable_share=ledger.unreadable_share, skipped=(lost,))
    held_out = cases.features(np.zeros(100), start=1000)
    what, hint = why_not(reading, cases.reference(cases.settings()), held_out, cases.settings())
    assert what.startswith("a folder could not be listed, and nobody knows")
    assert what.endswith(": day/closed (folder permission)")
    assert "--exclude" in hint
    assert "--max-unreadable-folders 1" in hint
    lenient = cases.settings({"max_unreadable_folders": 1, "max_unreadable": 0})
    assert why_not(reading, cases.reference(lenient), held_out, lenient) is None
    assert reading.cautions == (what,)
    with pytest.raises(NotAuditedError, match="could not be listed"):
        require(reading, cases.settings(), 20, "baseline")


def test_a_sequence_needs_five_good_images_for_one_of_the_batch():
    sequence = {"mode": "sequence"}
    assert why(some(20), sequence, good=100) is None
    assert why(some(20), sequence, good=99)[0].startswith("the baseline has 99 images")
    assert why(some(20), good=99) is None
    assert why(some(200), {**sequence, "max_test_images": 100}, good=500) is None


@pytest.mark.parametrize(("where", "overlap"), [("fit", 10), ("baseline", 10), ("both", 10)])
def test_half_of_the_batch_in_the_reference(where, overlap):
    """Images of F and of C alike."""
    batch = cases.features(np.zeros(20), start=1000 - 20 + overlap if where != "fit" else 0)
    seen = {"fit": range(overlap), "baseline": (), "both": range(1000, 1005)}[where]
    what, hint = why(batch, seen=seen)
    assert what.startswith("10 of 20 images are also in the reference")
    assert "--allow-overlap" in hint
    assert why(batch, {"allow_overlap": True}, seen=seen) is None
    fewer = cases.features(np.zeros(21), start=1000 - 21 + overlap if where != "fit" else 0)
    assert why(fewer, seen=seen) is None


def test_fit_and_baseline_need_their_images():
    require(cases.reading(some(30)), cases.settings(), 30, "fit")
    with pytest.raises(
        NotAuditedError, match="fit needs at least 30 images and found 29 usable ones among 29"
    ):
        require(cases.reading(some(29)), cases.settings(), 30, "fit")
    require(cases.reading(some(95), 5), cases.settings(), 30, "fit")
    with pytest.raises(NotAuditedError, match="6 of 100 images cannot be read"):
        require(cases.reading(some(94), 6), cases.settings(), 30, "baseline")


def test_a_sequence_without_its_file_is_a_contradiction():
    contradictions(cases.settings())
    contradictions(cases.settings({"mode": "sequence"}, history={"file": "h.db"}))
    with pytest.raises(UsageError, match="needs the checks before"):
        contradictions(cases.settings({"mode": "sequence"}))
