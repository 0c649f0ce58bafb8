"""Predictions of held-out images between memory and the artifact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.predictions import UNKNOWN, CorruptedPredictions, Predictions
from driftcli.core.schema import ContentError, check
from driftcli.reference import predicted


def some(*, logits=False, hard=False, n=12):
    rng = np.random.default_rng(1)
    o = rng.normal(size=(n, 3)) * 4
    p = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
    p[3] = np.nan
    label = rng.integers(-1, 3, n)
    return Predictions(("a", "b", "c"), p, label, o if logits else None, hard=hard)


@pytest.mark.parametrize("logits", [False, True])
def test_what_is_packed_comes_back(logits):
    said = some(logits=logits)
    facts = predicted.facts(said)
    state = predicted.pack(said)
    checked = check(state, predicted.arrays(facts), {"held out": 12})
    assert set(checked) == set(state)
    predicted.agree(checked, facts)
    again = predicted.unpack(checked, facts)
    assert again.classes == said.classes
    assert again.probability == pytest.approx(said.probability, abs=1e-6, nan_ok=True)
    assert np.nansum(again.probability, axis=1)[again.answered] == pytest.approx(1, abs=1e-12)
    assert np.array_equal(again.label, said.label)
    assert (again.logits is None) == (not logits)
    assert facts["accuracy"] == again.accuracy
    assert facts["answered"] == 11


def test_none_stay_none():
    assert (predicted.facts(None), predicted.pack(None), predicted.arrays(None)) == (None, {}, [])
    assert predicted.unpack({}, None) is None
    predicted.agree({}, None)


def test_a_forged_state_is_refused():
    said = some()
    facts, state = predicted.facts(said), predicted.pack(said)
    state["predictions/probability"] = state["predictions/probability"] / 2
    with pytest.raises(ContentError, match="do not sum to 1"):
        predicted.agree(state, facts)
    with pytest.raises(ContentError, match="twice"):
        predicted.agree(predicted.pack(said), {**facts, "classes": ["a", "a", "c"]})
    with pytest.raises(ContentError):
        check(
            {**predicted.pack(said), "predictions/label": np.full(12, 3)},
            predicted.arrays(facts),
            {"held out": 12},
        )
    with pytest.raises(ContentError):
        check(predicted.pack(said), predicted.arrays({**facts, "classes": ["a", "b"]}), {"held out": 12})


def test_unanswered_images_have_no_class_and_no_say_in_the_accuracy():
    p = np.array([[0.9, 0.1], [np.nan, np.nan], [0.2, 0.8]])
    said = Predictions(("a", "b"), p, np.array([0, 0, 0]))
    assert said.predicted.tolist() == [0, UNKNOWN, 1]
    assert said.accuracy == 0.5
    hard = said.hardened()
    assert hard.hard
    assert hard.probability[[0, 2]].tolist() == [[1, 0], [0, 1]]
    assert np.isnan(hard.probability[1]).all()
    assert said.at(np.array([2, 1])).predicted.tolist() == [1, UNKNOWN]


def test_corrupted_images_come_back_with_the_labels_of_the_clean_ones():
    said = some()
    image, condition = np.array([0, 0, 5]), np.array([0, 1, 1])
    under = CorruptedPredictions(some().at(image), image, condition, (("fog", 1.0), ("jpeg", 5.0)))
    said = replace(said, corrupted=under)
    facts, state = predicted.facts(said), predicted.pack(said)
    assert facts["corrupted"][1] == {"corruption": "jpeg", "severity": 5.0}
    checked = check(state, predicted.arrays(facts), {"held out": 12})
    predicted.agree(checked, facts)
    assert set(checked) == set(state)
    again = predicted.unpack(checked, facts).corrupted
    assert again.conditions == under.conditions
    assert (again.image.tolist(), again.condition.tolist()) == ([0, 0, 5], [0, 1, 1])
    assert again.said.label.tolist() == said.label[image].tolist()
    assert again.said.probability == pytest.approx(under.said.probability, abs=1e-6)
    state["predictions/corrupted/image"] = np.array([0, 0, 12])
    with pytest.raises(ContentError, match="does not hold"):
        predicted.agree(state, facts)
