"""Published estimators against slow twins, and where each is right and wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from driftcli.harm import estimators


def _answers(m: int, k: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(k, 0.4), size=m)


def _shares(predicted: np.ndarray, joint: np.ndarray) -> np.ndarray:
    return estimators.class_shares(predicted, joint.sum(axis=0), estimators.inverse(joint))


def _transport_twin(p: np.ndarray, shares: np.ndarray) -> float:
    """The transport problem as a linear program: mass 1/m of each image to classes of mass `shares`."""
    m, k = p.shape
    rows = np.kron(np.eye(m), np.ones(k))
    columns = np.tile(np.eye(k), m)
    found = linprog(
        (1 - p).ravel(),
        A_eq=np.concatenate([rows, columns]),
        b_eq=np.concatenate([np.full(m, 1 / m), shares]),
        method="highs",
    )
    return 1 - found.fun


@pytest.mark.parametrize("seed", range(5))
def test_transport_between_two_classes_is_exact_for_any_shares(seed):
    """Sorting and the linear program agree, the image in part included."""
    p = _answers(23, 2, seed)
    for share in (0.0, 0.123, 0.5, 1.0):
        shares = np.array([1 - share, share])
        assert estimators.transport(p, shares) == pytest.approx(_transport_twin(p, shares), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_transport_is_exact_for_whole_shares(seed):
    """The assignment and the linear program agree where shares are whole images."""
    p = _answers(20, 4, seed)
    for counts in ([5, 5, 5, 5], [0, 3, 7, 10], [20, 0, 0, 0]):
        shares = np.array(counts) / 20
        assert estimators.transport(p, shares) == pytest.approx(_transport_twin(p, shares), abs=1e-9)


def test_shares_are_rounded_to_the_batch():
    """7 images of shares .5, .3, .2: 3.5, 2.1 and 1.4 become 4, 2 and 1."""
    assert estimators._whole(np.array([0.5, 0.3, 0.2]), _answers(7, 3, 0)).tolist() == [4, 2, 1]


def test_transport_of_a_large_batch_is_that_of_a_part_spread_over_it():
    """Beyond MOST_ROWS: close to the whole's, and the same in any order."""
    p = _answers(2500, 2, 3)
    shares = np.array([0.6, 0.4])
    whole = estimators._two_classes(p, shares)
    found = estimators.transport(p, shares)
    assert abs(found - whole) < 0.02
    assert estimators.transport(p[::-1], shares) == pytest.approx(found, abs=1e-12)


def _confident(predicted: np.ndarray, k: int = 2) -> np.ndarray:
    return np.eye(k)[predicted]


def test_transport_is_right_under_pure_corruption():
    """A fifth of class 1 is surely taken for class 0: confidence sees nothing, transport the very drop."""
    label = np.repeat([0, 1], 50)
    predicted = label.copy()
    predicted[50:60] = 0
    p = _confident(predicted)
    assert estimators.confidence(p) == 1.0
    assert estimators.transport(p, np.array([0.5, 0.5])) == pytest.approx((predicted == label).mean())


def test_transport_is_wrong_under_label_shift():
    """All answers are right, of 60 images of class 0 and 40 of class 1: transport believes that ten are wrong; BBSE does not."""
    label = np.repeat([0, 1], [60, 40])
    p = _confident(label)
    assert estimators.transport(p, np.array([0.5, 0.5])) == pytest.approx(0.9)
    shares = _shares(np.array([0.6, 0.4]), np.eye(2) / 2)
    assert estimators.bbse(shares, np.eye(2) / 2) == pytest.approx(1.0)


@pytest.mark.parametrize(("m", "k"), [(30, 2), (30, 5), (4, 9)])
def test_nuclear_norm_is_the_sum_of_roots_of_eigenvalues(m, k):
    """A twin by the Gram matrix; certain answers spread over all classes give 1."""
    p = _answers(m, k, 1)
    twin = np.sqrt(np.maximum(np.linalg.eigvalsh(p @ p.T), 0)).sum() / np.sqrt(m * min(m, k))
    assert estimators.nuclear(p) == pytest.approx(twin, abs=1e-6)
    assert estimators.nuclear(np.eye(k)[np.arange(3 * k) % k]) == pytest.approx(1.0)


def test_atc_reaches_the_accuracy_of_the_images_that_taught_it():
    """Whatever the accuracy: none right, some, all."""
    score = estimators.negative_entropy(_answers(50, 3, 2))
    for correct in (0, 1, 37, 50):
        assert estimators.atc(score, estimators.atc_threshold(score, correct)) == correct / 50


def test_label_shift_is_found_by_the_confusion_matrix():
    """Shares of predicted classes, made from known shares and recalls, give these shares back."""
    recalls = np.array([[0.9, 0.05, 0.1], [0.05, 0.85, 0.2], [0.05, 0.1, 0.7]])
    prior, now = np.array([0.2, 0.3, 0.5]), np.array([0.6, 0.3, 0.1])
    joint = recalls * prior
    shares = _shares(recalls @ now, joint)
    assert shares == pytest.approx(now)
    assert estimators.bbse(shares, joint) == pytest.approx(float(now @ np.diag(recalls)))


def test_a_class_absent_from_the_good_images_has_no_share():
    """Its column is empty; nothing becomes NaN."""
    joint = np.array([[0.5, 0.1, 0.0], [0.0, 0.4, 0.0], [0.0, 0.0, 0.0]])
    shares = _shares(np.array([0.3, 0.3, 0.4]), joint)
    assert shares[2] == 0
    assert np.isfinite(shares).all()
    assert shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("k", [2, 4])
def test_no_estimate_knows_the_names_or_the_order(k):
    """Images and classes in another order: the same numbers."""
    p, rng = _answers(41, k, 4), np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(k))
    rows, classes = rng.permutation(41), rng.permutation(k)
    moved = p[rows][:, classes]
    assert estimators.transport(moved, shares[classes]) == pytest.approx(estimators.transport(p, shares))
    for each in (estimators.nuclear, estimators.mano, estimators.confidence):
        assert each(moved) == pytest.approx(each(p))
