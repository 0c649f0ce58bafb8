"""Which images of a batch the test may use: none that the reference was fitted on, no copies of held-out ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.features import Features
from driftcli.gate import overlap
from driftcli.gate.batch_test import run_gate
from driftcli.gate.composition import Mix
from driftcli.gate.subset_test import Rerun
from driftcli.reference.seen import Seen
from tests.gate import _cases as cases

RNG = np.random.default_rng(3)
FITTED = cases.features(np.full(40, 9.0), start=5000)
GOOD = cases.features(RNG.normal(size=60), start=1000)
FRESH = cases.features(RNG.normal(size=30))
QUICK = {"permutations": 199, "alpha": 0.05}


def reference(keys=None):
    found = cases.reference(cases.settings({**QUICK, **(keys or {})}))
    return replace(found, seen=Seen.of(FITTED))


def together(*parts) -> Features:
    joined = Features.concatenated(parts)
    return joined.at(np.argsort(joined.content, kind="stable"))


def test_images_of_the_fit_set_are_left_out_and_the_rest_is_judged_as_if_alone():
    """Bit for bit: the digest, hence the relabellings, are those of the others."""
    batch = cases.reading(together(FRESH, FITTED.first(10)))
    alone = run_gate(cases.settings(QUICK), cases.baseline(GOOD), cases.reading(FRESH))
    reading, mix = overlap.tested(reference(), GOOD, batch, None)
    told = run_gate(cases.settings(QUICK), cases.baseline(GOOD), reading, mix)
    assert told.verdict == alone.verdict
    assert told.tested.names == FRESH.names
    allowed = overlap.tested(reference({"allow_overlap": True}), GOOD, batch, None)
    assert allowed == (batch, None), "whoever allows the overlap wants them tested"


def test_a_batch_without_any_is_the_very_same():
    batch, mix = cases.reading(FRESH), Mix("clusters", (), np.zeros(60), np.arange(30), ())
    assert overlap.tested(reference(), GOOD, batch, mix) == (batch, mix)


def test_the_mix_follows_its_images():
    batch = cases.reading(together(FRESH, FITTED.first(10)))
    mix = Mix("clusters", ("a",), np.zeros(60, np.int64), np.arange(40), ())
    reading, kept = overlap.tested(reference(), GOOD, batch, mix)
    known = np.isin(batch.features.pixels, FITTED.pixels)
    assert kept.batch.tolist() == np.flatnonzero(~known).tolist()
    assert len(reading.features) == len(kept.batch) == 30


def test_copies_of_held_out_images_are_left_out_unless_good_images_repeat():
    """Copies hide what happened to the others; where an empty belt is in every batch, it is no copy."""
    batch = together(FRESH, GOOD.first(5))
    assert overlap.testable(reference(), GOOD, batch).sum() == 30
    belt = GOOD.at(np.append(np.arange(60), [0] * 6))
    assert overlap.testable(reference(), belt, batch).all()
    assert overlap.cautions(cases.reading(batch), reference(), belt) == [
        "5 images of the batch are in the baseline too, which has copies of its own: counted and kept"
    ]
    once = GOOD.at(np.append(np.arange(60), [0]))
    few = replace(once, names=tuple(map(str, range(61))))
    assert overlap.testable(reference(), few, batch).all(), (
        "2 of 61 images have a copy: above one in a hundred"
    )
    many = Features.concatenated([cases.features(np.zeros(200), start=2000), once])
    assert overlap.testable(reference(), many, batch).sum() == 31, "2 of 261: the one that repeats stays"


def test_a_part_of_the_batch_is_judged_without_them_too():
    batch = cases.reading(together(FRESH, FITTED.first(10)))
    rerun = Rerun(reference(), cases.baseline(GOOD), batch)
    assert (
        rerun.on(np.arange(40)).p_value
        == Rerun(reference(), cases.baseline(GOOD), cases.reading(FRESH)).on(np.arange(30)).p_value
    )
    known = np.flatnonzero(~rerun.testable)
    assert rerun.on(known) is None, "ten images, none of which may be tested"


@pytest.mark.parametrize(("new", "answer"), [(11, False), (12, True)])
def test_too_few_that_are_new(new, answer):
    batch = cases.reading(together(FRESH.first(new), FITTED.first(10)))
    problem = overlap.why_not(batch, reference(), GOOD, cases.settings({"min_images": 12}).gate)
    assert (problem is None) == answer
    if problem:
        assert problem[0] == (
            "10 of 21 images are also in the reference and left out of the test: 11 distinct ones remain; "
            "at least 12 are needed"
        )


def test_what_is_left_out_is_said():
    batch = together(FRESH, FITTED.first(7), GOOD.first(2))
    (told,) = overlap.cautions(cases.reading(batch), reference(), GOOD)
    assert told == (
        "7 images of the batch are among those that the reference was fitted on and 2 are copies of images of the "
        "baseline: left out of the test, which judges the other 30"
    )
    (allowed,) = overlap.cautions(cases.reading(batch), reference({"allow_overlap": True}), GOOD)
    assert "tested all the same (--allow-overlap)" in allowed
    assert overlap.cautions(cases.reading(FRESH), reference(), GOOD) == []
    forged = replace(FRESH.first(3), pixels=FITTED.pixels[:3])
    (alarm,) = overlap.cautions(
        cases.reading(together(FRESH.at(np.arange(3, 30)), forged)), reference(), GOOD
    )
    assert alarm.startswith(
        "3 images of the batch have the pixel hash of images that the reference was fitted on, but"
    )
