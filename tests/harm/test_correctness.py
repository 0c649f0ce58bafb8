"""Temperature, distances, signs and the correctness score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError
from driftcli.core.predictions import Predictions
from driftcli.harm import correctness
from driftcli.harm.class_space import ClassSpace
from driftcli.harm.conditions import Condition, sound
from driftcli.harm.probabilities import softmax, temperature
from driftcli.harm.signs import signs
from tests.harm.world import World


def _condition(n: int = 200, classes: int = 3, seed: int = 0) -> Condition:
    rng = np.random.default_rng(seed)
    world = World(classes)
    return world.condition(*world.images(n, rng))


def test_the_temperature_of_calibrated_logits_is_one_and_scales():
    """Labels drawn from the probabilities themselves; logits three times as large need three times the temperature."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.normal(size=(20_000, 4))
    p = softmax(logits)
    label = (p.cumsum(axis=1) < rng.random(len(p))[:, None]).sum(axis=1)
    found = temperature(logits, label)
    assert found == pytest.approx(1, abs=0.03)
    assert temperature(3 * logits, label) == pytest.approx(3 * found, rel=1e-3)


def test_a_number_added_to_a_rows_logits_changes_nothing():
    """Nor does it matter whether logits or their probabilities are given."""
    given = _condition()
    moved = replace(given.predictions, logits=given.predictions.logits + np.arange(len(given))[:, None])
    bare = replace(given.predictions, logits=None)
    for other in (moved, bare):
        found = signs(replace(given, predictions=other), 1.3, None)
        assert np.allclose(found.columns, signs(given, 1.3, None).columns, atol=1e-6)


def test_probabilities_of_exactly_0_and_1_have_finite_signs():
    """Hard answers are coarse, but numbers."""
    p = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    found = signs(Condition(Predictions(("a", "b"), p, np.zeros(3, int))), 0.05, None)
    assert np.isfinite(found.columns).all()


def test_a_certain_answer_is_told_from_a_more_certain_one():
    """1 - p is 0 in floats for both."""
    logits = np.array([[60.0, 0.0], [90.0, 0.0]])
    answers = Predictions(("a", "b"), softmax(logits), np.zeros(2, int), logits)
    found = signs(Condition(answers), 1.0, None).columns[:, 0]
    assert found == pytest.approx([60, 90])


@pytest.mark.parametrize("what", ["nan", "sum", "negative"])
def test_rows_that_are_no_probabilities_are_refused_by_number(what):
    """Row 4 of 200."""
    given = _condition()
    p = given.predictions.probability.copy()
    p[3] = {"nan": [np.nan, 0.5, 0.5], "sum": [0.5, 0.5, 0.01], "negative": [-0.2, 0.6, 0.6]}[what]
    with pytest.raises(NotAuditedError, match=r"batch: .* in row 4"):
        sound(replace(given, predictions=replace(given.predictions, probability=p)), "batch")


def test_probabilities_that_rounding_moved_are_made_to_sum_to_one():
    """A sum off by 1e-6 is divided by; one off by 1e-2 is refused."""
    given = _condition()
    p = given.predictions.probability
    found = sound(replace(given, predictions=replace(given.predictions, probability=p * (1 + 1e-6))), "batch")
    assert np.abs(found.predictions.probability.sum(axis=1) - 1).max() < 1e-12
    with pytest.raises(NotAuditedError, match="do not sum to 1"):
        sound(replace(given, predictions=replace(given.predictions, probability=p * 1.01)), "batch")


@pytest.mark.parametrize("what", ["features", "logits"])
def test_other_numbers_that_are_none_are_refused(what):
    """NaN in features or logits."""
    given = _condition()
    if what == "features":
        bad = given.features.copy()
        bad[7, 2] = np.nan
        broken = replace(given, features=bad)
    else:
        bad = given.predictions.logits.copy()
        bad[7, 2] = np.inf
        broken = replace(given, predictions=replace(given.predictions, logits=bad))
    with pytest.raises(NotAuditedError, match="in row 8"):
        sound(broken, "batch")


def test_distances_are_mahalanobis_distances():
    """With all directions kept, those of a slow twin by the inverse covariance."""
    rng = np.random.default_rng(0)
    x, label = World().images(400, rng)
    space = ClassSpace.learn(x, label, 3)
    within = x - space.means[label]
    inverse = np.linalg.inv(within.T @ within / (len(x) - 1))
    new, predicted = rng.normal(size=(9, x.shape[1])), np.arange(9) % 3
    twin = np.array([[(row - mean) @ inverse @ (row - mean) for mean in space.means] for row in new])
    nearest, own, rests = space.distances(new, predicted)
    assert nearest == pytest.approx(np.log1p(twin.min(axis=1)))
    assert own == pytest.approx(np.log1p(twin[np.arange(9), predicted]))
    assert (rests**2).sum(axis=1) == pytest.approx(twin[np.arange(9), predicted])


def test_a_class_without_images_and_constant_features_do_no_harm():
    """The space of two classes of which one was never seen, in two columns of which one never changes."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=30), np.ones(30)], axis=1)
    space = ClassSpace.learn(x, np.zeros(30, int), 2)
    assert all(np.isfinite(each).all() for each in space.distances(x, np.ones(30, int)))


def _rows(world: World, n: int, rng: np.random.Generator) -> tuple[correctness.Rows, list[correctness.Rows]]:
    x, label = world.images(n, rng)
    fold = correctness.folds(n, rng)

    def rows(given: Condition) -> correctness.Rows:
        found = signs(given, 1.0, None)
        return correctness.Rows(found.columns, found.predicted == label, fold)

    return rows(world.condition(x, label)), [rows(c) for c in world.simulated(x, label, rng)]


def test_correctness_tells_right_answers_from_wrong_ones_under_unseen_changes():
    """Better ordered than by chance, and of about the right height, on a change whose class it never saw."""
    from sklearn.metrics import roc_auc_score

    world, rng = World(), np.random.default_rng(1)
    clean, changed = _rows(world, 400, rng)
    score = correctness.learn(clean, changed[3:], rng)
    x, label = world.images(3000, rng)
    found = signs(world.condition(world.changed(x, "blur", 3.0, rng), label), 1.0, None)
    right = found.predicted == label
    c = score(found.columns)
    assert roc_auc_score(right, c) > 0.65
    assert abs(c.mean() - right.mean()) < 0.1


def test_held_out_scores_come_from_models_that_did_not_see_the_image():
    """Other labels in a fold move every score but those of its own images."""
    world = World()
    clean, changed = _rows(world, 150, np.random.default_rng(2))
    lied = [replace(r, right=np.where(r.fold == 0, ~r.right, r.right)) for r in (clean, *changed)]
    truth = correctness.learn(clean, changed, np.random.default_rng(0))
    lie = correctness.learn(lied[0], lied[1:], np.random.default_rng(0))
    moved = np.abs(truth.held_out(clean.columns, clean.fold) - lie.held_out(clean.columns, clean.fold))
    assert moved[clean.fold == 0].max() == 0
    assert moved[clean.fold != 0].min() > 0


def test_a_model_that_is_always_right_has_a_constant_score_near_one():
    """Nothing to learn from: no crash, no score of exactly one."""
    world, rng = World(), np.random.default_rng(0)
    clean, _ = _rows(world, 100, rng)
    score = correctness.learn(replace(clean, right=np.ones(100, bool)), [], rng)
    found = score(clean.columns)
    assert found.min() == found.max()
    assert 0.97 < found[0] < 1
