"""Predictions in the gate: a family where both sides have some, learnt without telling C from Y; said where one side has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.predictions import UNKNOWN, Predictions
from driftcli.gate import predictions
from driftcli.gate.batch_test import run_gate
from tests.gate import _cases as cases


def said(seed, n, shares=(1, 1, 1), *, hard=False):
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=np.array(shares) / sum(shares))
    logits = rng.normal(size=(n, 3)) + 3 * np.eye(3)[true]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = Predictions(("a", "b", "c"), p, true)
    return found.hardened() if hard else found


def sides(ours, theirs, **settings):
    """Settings, a baseline of 100 images and a batch of 30, which look alike."""
    values = np.random.default_rng(5).normal(size=130)
    good = replace(cases.features(values[:100]), predictions=ours)
    batch = replace(cases.features(values[100:], start=1000), predictions=theirs)
    return cases.settings(**settings), cases.baseline(good), cases.reading(batch)


def families(settings, baseline, reading):
    verdict = run_gate(settings, *predictions.with_family(settings, baseline, reading)).verdict
    return {family.name: family for family in verdict.families}, verdict


def test_the_family_joins_and_finds_other_answers():
    same, verdict = families(*sides(said(1, 100), said(2, 30)))
    assert list(same) == ["properties", "predictions"]
    assert verdict.outcome == "pass"
    other, verdict = families(*sides(said(1, 100), said(2, 30, (0, 0, 1))))
    assert (verdict.outcome, other["predictions"].significant, other["properties"].significant) == (
        "drift",
        True,
        False,
    )


@pytest.mark.parametrize(("ours", "theirs"), [(None, None), (None, said(2, 30)), (said(1, 100), None)])
def test_nothing_changes_where_a_side_has_none(ours, theirs):
    settings, baseline, reading = sides(ours, theirs)
    assert predictions.with_family(settings, baseline, reading) == (baseline, reading)
    assert predictions.result(baseline.features, reading.features, ()) is None


def test_nothing_changes_where_the_family_is_off():
    settings, baseline, reading = sides(
        said(1, 100), said(2, 30, (0, 0, 1)), families={"predictions": {"gate": "off"}}
    )
    one, two = predictions.with_family(settings, baseline, reading)
    assert one is baseline
    assert two is reading
    advisory = sides(said(1, 100), said(2, 30, (0, 0, 1)), families={"predictions": {"gate": "advisory"}})
    found, verdict = families(*advisory)
    assert (verdict.outcome, found["predictions"].significant) == ("pass", True)


def test_what_is_learnt_does_not_know_the_batch_from_the_baseline():
    """The same images with the sides' names exchanged give the same state, bit for bit."""
    settings, baseline, reading = sides(said(1, 100), said(2, 30, (5, 1, 1)))
    one, _ = predictions.with_family(settings, baseline, reading)
    turned, _ = predictions.with_family(
        settings, replace(baseline, features=reading.features), replace(reading, features=baseline.features)
    )
    states = [side.families[-1].state for side in (one, turned)]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[0])


def test_predicted_classes_alone_turn_the_other_side_into_such():
    settings, baseline, reading = sides(said(1, 100), said(2, 30, (0, 0, 1), hard=True))
    found, verdict = families(settings, baseline, reading)
    assert verdict.outcome == "drift"
    names = {statistic.name for statistic in found["predictions"].statistics}
    assert "predicted_class" in names
    assert not {"confidence", "uncertainty"} & names
    told = predictions.result(baseline.features, reading.features, verdict.families)
    assert (told.hard, told.confidence, told.baseline_confidence) == (True, None, None)


def test_the_result_counts_what_is_known():
    theirs = said(2, 30, (0, 0, 1))
    probability, label = theirs.probability.copy(), np.full(30, UNKNOWN)
    probability[:2], label[5] = np.nan, 2
    settings, baseline, reading = sides(said(1, 100), replace(theirs, probability=probability, label=label))
    _, verdict = families(settings, baseline, reading)
    told = predictions.result(baseline.features, reading.features, verdict.families)
    assert (told.unanswered, told.labelled, told.baseline_labelled, told.classes) == (2, 1, 100, 3)
    assert told.shares[0].name == "c"
    assert sum(share.batch for share in told.shares) == pytest.approx(1)
    assert told.confidence == pytest.approx(probability[2:].max(axis=1).mean())
    assert told.significant


def test_one_side_alone_is_said():
    _, baseline, reading = sides(said(1, 100), None)
    assert "none came with these images" in predictions.one_sided(baseline, reading.features, offered=False)
    _, baseline, reading = sides(None, None)
    assert "has none" in predictions.one_sided(baseline, reading.features, offered=True)
    assert predictions.one_sided(baseline, reading.features, offered=False) is None
    _, baseline, reading = sides(said(1, 100), said(2, 30))
    assert predictions.one_sided(baseline, reading.features, offered=True) is None
