"""Annotators together know more than the best of them, where that can be; and wrong labels are allowed for."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.labelling import aggregation, estimates, sampling
from tests.labelling.worlds import annotated, world


def test_consensus_beats_the_best_of_three():
    """Errors of .10, .15 and .20, 200 queues of 50 images, two classes: on average, and the majority does too."""
    rng = np.random.default_rng(0)
    together, best, votes = [], [], []
    for _ in range(200):
        truth = rng.integers(0, 2, 50)
        ratings = annotated(rng, truth, (0.1, 0.15, 0.2), 2)
        together.append((aggregation.dawid_skene(ratings, 2).label != truth).mean())
        votes.append((aggregation.majority(ratings, 2).argmax(axis=1) != truth).mean())
        best.append((ratings != truth[:, None]).mean(axis=0).min())
    assert np.mean(together) < np.mean(best) - 3 * np.std(np.subtract(together, best)) / np.sqrt(200)
    assert np.mean(votes) < np.mean(best)


def test_skills_are_found():
    rng = np.random.default_rng(1)
    ratings = annotated(rng, rng.integers(0, 4, 600), (0.05, 0.2, 0.4), 4)
    assert aggregation.dawid_skene(ratings, 4).skill == pytest.approx([0.95, 0.8, 0.6], abs=0.05)


def test_it_is_the_slow_expectation_and_maximisation():
    rng = np.random.default_rng(2)
    ratings = annotated(rng, rng.integers(0, 3, 25), (0.1, 0.3, 0.3), 3)
    ratings[rng.random(ratings.shape) < 0.2] = -1
    ratings[(ratings >= 0).sum(axis=1) == 0, 0] = 0
    chance = aggregation.majority(ratings, 3)
    for _ in range(200):
        prior = (chance.sum(axis=0) + 1) / (25 + 3)
        skill = []
        for j in range(3):
            right = sum(chance[i, ratings[i, j]] for i in range(25) if ratings[i, j] >= 0)
            skill.append((right + 4) / ((ratings[:, j] >= 0).sum() + 5))
        fresh = np.zeros_like(chance)
        for i in range(25):
            for k in range(3):
                fresh[i, k] = prior[k]
                for j in range(3):
                    if ratings[i, j] >= 0:
                        fresh[i, k] *= skill[j] if ratings[i, j] == k else (1 - skill[j]) / 2
        chance = fresh / fresh.sum(axis=1, keepdims=True)
    assert aggregation.dawid_skene(ratings, 3).chance == pytest.approx(chance, abs=1e-5)


def test_renamed_classes_and_rows_in_another_order_change_nothing():
    rng = np.random.default_rng(3)
    ratings = annotated(rng, rng.integers(0, 3, 40), (0.1, 0.2, 0.3), 3)
    name, order = np.array([2, 0, 1]), rng.permutation(40)
    found = aggregation.dawid_skene(ratings, 3).chance
    other = aggregation.dawid_skene(name[ratings[order]], 3).chance
    assert other[:, name] == pytest.approx(found[order], abs=1e-6)


def test_control_tasks_tell_who_is_wrong():
    """Two annotators who agree are outvoted by one whom the control tasks found right."""
    truth = np.zeros(60, int)
    ratings = np.stack([truth, truth + 1, truth + 1], axis=1)
    known = np.where(np.arange(60) < 40, truth, -1)
    assert (aggregation.dawid_skene(ratings, 2).label[40:] == 1).all()
    found = aggregation.dawid_skene(ratings, 2, known)
    assert (found.label == 0).all()
    assert found.skill[0] > 0.9
    assert found.skill[1] < 0.2


def test_of_two_annotators_nobody_knows_who_is_wrong():
    rng = np.random.default_rng(4)
    ratings = annotated(rng, rng.integers(0, 5, 100), (0.05, 0.3), 5)
    found = aggregation.dawid_skene(ratings, 5)
    assert found.skill[0] == found.skill[1]
    assert found.unsure.sum() == (ratings[:, 0] != ratings[:, 1]).sum()


def test_tables_of_mistakes_only_with_labels_enough():
    rng = np.random.default_rng(5)
    for images, by_class in ((60, False), (400, True)):
        ratings = annotated(rng, rng.integers(0, 2, images), (0.1, 0.2, 0.2), 2)
        assert aggregation.dawid_skene(ratings, 2).by_class is by_class


def test_ties_are_shared():
    assert aggregation.majority(np.array([[0, 1], [1, 1]]), 3).tolist() == [[0.5, 0.5, 0], [0, 1, 0]]


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("errors", [(0.1, 0.15, 0.2), (0.1, 0.2), (0.0, 0.02, 0.02)])
def test_accuracy_from_wrong_labels_is_covered(errors, classes):
    """120 queues of 50 images of a model with accuracy .93: intervals hold though labels are wrong, as they would not uncorrected."""
    rng = np.random.default_rng(6)
    covered, bias, plain = [], [], []
    for _ in range(120):
        score, right = world(rng, 400, "good")
        truth = rng.integers(0, classes, 400)
        predicted = np.where(right > 0, truth, (truth + 1) % classes)
        made = sampling.draw(50, -score, np.zeros(400, int), rng, correctness=score)
        taken = made.taken
        together = aggregation.dawid_skene(annotated(rng, truth[taken], errors, classes), classes)
        found, said = aggregation.allowed(together.chance), predicted[taken]
        noise = found.noise(said) * made.probability[taken]
        estimate = estimates.difference(found.of(said), taken, made.probability, score, noise=noise)
        covered.append(estimate.low <= right.mean() <= estimate.high)
        bias.append(estimate.value - right.mean())
        hard = (together.label == predicted[taken]).astype(float)
        plain.append(estimates.difference(hard, taken, made.probability, score).value - right.mean())
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 120)
    assert abs(np.mean(bias)) < 0.02
    assert abs(np.mean(bias)) < abs(np.mean(plain)) + 0.005


def test_wrong_labels_are_undone_in_the_mean():
    """Shares of an image sum to 1, those of all images to what the labels say, and the classes' own averages are certainty."""
    rng = np.random.default_rng(8)
    place = rng.choice(3, 600, p=(0.5, 0.3, 0.2))
    chance = rng.dirichlet((8, 0.8, 0.4), 600)[np.arange(600)[:, None], (np.arange(3) - place[:, None]) % 3]
    found = aggregation.allowed(chance)
    assert found.share.sum(axis=1) == pytest.approx(np.ones(600))
    by_class = chance.T @ found.share / chance.sum(axis=0)[:, None]
    assert by_class == pytest.approx(np.eye(3), abs=0.05)  # but for what classes lean on all of them
    assert found.share.max() <= found.most
    sure = np.eye(3)[rng.integers(0, 3, 50)]
    assert aggregation.allowed(sure).share == pytest.approx(sure, abs=1e-9)


def test_recall_and_precision_with_wrong_labels():
    """100 queues of 150, a rare class, annotators who err in 10, 15 and 20 %: the mean is nearer than that of labels taken for right, and intervals hold."""
    rng, shares, recalls = np.random.default_rng(10), (0.6, 0.3, 0.1), np.array([0.95, 0.85, 0.7])
    fair, plain, covered = [], [], []
    for _ in range(100):
        truth = rng.choice(3, 1000, p=shares)
        right = rng.random(1000) < recalls[truth]
        said = np.where(right, truth, (truth + 1) % 3)
        at = rng.choice(1000, 150, replace=False)
        together = aggregation.dawid_skene(annotated(rng, truth[at], (0.1, 0.15, 0.2), 3), 3)
        for kind, of in (
            ("fair", aggregation.allowed(together.chance).share),
            ("plain", np.eye(3)[together.label]),
        ):
            for k in range(3):
                found = estimates.of_class(of[:, k], (said[at] == k).astype(float), np.ones(150))
                true = (right[truth == k].mean(), right[said == k].mean())
                for one, other in zip((found.recall, found.precision), true, strict=True):
                    if one is None:
                        continue
                    (fair if kind == "fair" else plain).append((k, one.value - other))
                    if kind == "fair":
                        covered.append(one.low <= other <= one.high)
    worst = {
        kind: max(abs(np.mean([off for k, off in rows if k == c])) for c in range(3))
        for kind, rows in (("fair", fair), ("plain", plain))
    }
    assert worst["fair"] < 0.02 < worst["plain"]
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 100)
