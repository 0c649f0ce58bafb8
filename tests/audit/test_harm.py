"""What the corruption that a batch looks like did to the classifier, where the right answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.audit import harm
from driftcli.core import sentences
from driftcli.core.findings import CorruptionMatch, KnownHarm
from driftcli.core.predictions import UNKNOWN, CorruptedPredictions, Predictions
from tests.check_history.test_model import harmed
from tests.reference.test_split import made as features

CONDITIONS = (("pixelate", 5.0), ("fog", 1.0), ("pixelate", 1.0), ("pixelate", 3.0))


def answered(label, right, rng):
    """[n, 2]: probabilities that are right on these."""
    p = rng.uniform(0.5, 1, len(label))
    best = np.where(right, label, 1 - label)
    return np.where(np.arange(2) == best[:, None], p[:, None], 1 - p[:, None])


@pytest.fixture(scope="module")
def held_out():
    """Twelve images, one without a label, one without an answer; each under the conditions, some not answered."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 12)
    clean = Predictions(("cat", "dog"), answered(label, rng.random(12) < 0.9, rng), label.copy())
    clean.label[3] = UNKNOWN
    clean.probability[5] = np.nan
    image, condition = (each.ravel() for each in np.meshgrid(np.arange(12), np.arange(4)))
    under = answered(label[image], rng.random(48) < 0.6, rng)
    under[rng.permutation(48)[:6]] = np.nan
    said = Predictions(clean.classes, under, clean.label[image])
    corrupted = CorruptedPredictions(said, image, condition, CONDITIONS)
    return replace(features(12), predictions=replace(clean, corrupted=corrupted))


def by_hand(held_out, corruption, severity):
    said = held_out.predictions
    right = unchanged = images = 0
    for row in range(len(said.corrupted.image)):
        at = said.corrupted.image[row]
        answers = said.corrupted.said.probability[row], said.probability[at]
        if CONDITIONS[said.corrupted.condition[row]] != (corruption, severity) or said.label[at] == UNKNOWN:
            continue
        if np.isnan(answers).any():
            continue
        images += 1
        right += int(answers[0].argmax() == said.label[at])
        unchanged += int(answers[1].argmax() == said.label[at])
    return KnownHarm(corruption, severity, images, right / images, unchanged / images)


@pytest.mark.parametrize(
    ("severity", "asked"), [(0.4, [1.0]), (1.0, [1.0]), (1.8, [1.0, 3.0]), (4.2, [3.0, 5.0]), (5.0, [5.0])]
)
def test_the_severities_asked_about_on_either_side(held_out, severity, asked):
    found = harm.with_known(harmed(), held_out, [CorruptionMatch("pixelate", severity, 0.9)])
    expected = tuple(by_hand(held_out, "pixelate", each) for each in asked)
    assert found.known == expected
    assert all(8 <= one.images <= 10 for one in expected)
    assert found.reasons == (sentences.known_harm(expected),)
    assert replace(found, known=(), reasons=()) == harmed()


def test_nothing_is_said_of_what_was_not_asked(held_out):
    unknown = [CorruptionMatch("jpeg", 2, 0.9)]
    two = [CorruptionMatch("pixelate", 2, 0.9), CorruptionMatch("fog", 1, 0.9)]
    bare = replace(held_out, predictions=replace(held_out.predictions, corrupted=None))
    silent = [(held_out, unknown), (held_out, two), (held_out, []), (bare, two[:1]), (features(12), two[:1])]
    assert all(harm.with_known(harmed(), images, like) == harmed() for images, like in silent)
    assert harm.with_known(None, held_out, two[:1]) is None


def test_the_sentence():
    known = (KnownHarm("pixelate", 3, 60, 0.83, 0.92), KnownHarm("pixelate", 5, 58, 0.6, 0.91))
    assert sentences.known_harm(known) == (
        "Under pixelation the model was right on 83 % of 60 good images (severity 3) and 60 % of 58 (severity 5); as they are, on 92 %."
    )
    assert sentences.known_harm(known[:1]).startswith(
        "Under pixelation the model was right on 83 % of 60 good images (severity 3);"
    )
