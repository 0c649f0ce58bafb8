"""What a classifier says against a slow twin: black-box shift detection, soft and hard; classes and images in any order."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.evidence import Evidence, Join
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.softmax import FLOOR, MOST, OWN, Softmax
from driftcli.stats.minp import joint_p
from driftcli.stats.relabelling import draw
from tests.statistical import binomial_bound

CLASSES = ("cat", "dog", "fox")


def said(seed, n, shares=(1, 1, 1), sure=2.0):
    """Softmax outputs [n, 3] of images whose true classes are drawn by `shares`."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, len(shares)))
    logits[np.arange(n), rng.choice(len(shares), n, p=np.array(shares) / sum(shares))] += sure
    powers = np.exp(logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def fitted(rows, classes=CLASSES):
    detector = Softmax(classes)
    return detector, detector.fit(rows, (), 0)


def anderson_darling(values, chosen, edges):
    """Edge by edge, image by image."""
    edges, n = np.unique(edges).astype(np.float32), len(values)
    total = kept = 0.0
    for edge in edges:
        below = np.array([float(v <= edge) for v in values])
        if 0 < below.sum() < n:
            h = min(max(below.mean(), 0.5 / n), 1 - 0.5 / n)
            total += (below[chosen].mean() - below[~chosen].mean()) ** 2 / (h * (1 - h))
            kept += 1
    return np.sqrt(total / kept)


def test_equals_its_twin():
    pooled = np.concatenate([said(1, 60), said(2, 20, (1, 5, 1))])
    detector, state = fitted(pooled)
    drawn = draw(60, 20, 12, np.random.default_rng(0))
    values = detector.values(state, pooled, drawn, ())
    names = detector.names(state, pooled, ())
    assert names[:6] == ("p_cat", "p_dog", "p_fox", "predicted_class", "confidence", "uncertainty")
    p = pooled.astype(np.float64)
    measures = [
        *p.T,
        p.argmax(axis=1),
        p.max(axis=1),
        np.array([-sum(q * np.log(q) for q in row) for row in p]),
    ]
    for b in (0, 5, 12):
        chosen = np.isin(drawn.unit_of, drawn.labels[b])
        for k, measured in enumerate(measures):
            x = measured.astype(np.float32)
            if names[k] == "predicted_class":
                shares = [[np.mean(x[side] == c) for c in range(3)] for side in (chosen, ~chosen)]
                wanted = np.abs(np.subtract(*shares)).sum() / 2
            else:
                wanted = anderson_darling(x, chosen, state["edges"][k])
            assert values[b, k] == pytest.approx(wanted, abs=2e-5), names[k]
    logs = np.log(np.clip(pooled, FLOOR, None))
    kernel = Mmd().values(Mmd().fit(logs, (), 0), logs, drawn, ())
    assert values[:, 6:] == pytest.approx(kernel, rel=1e-4, abs=1e-7)
    assert names[6:] == tuple(f"log_{name}" for name in Mmd().names(Mmd().fit(logs, (), 0), logs, ()))


def test_renaming_and_reordering_classes_changes_nothing():
    pooled = np.concatenate([said(1, 60), said(2, 20, (1, 5, 1))])
    drawn = draw(60, 20, 99, np.random.default_rng(0))
    detector, state = fitted(pooled)
    turned, other = fitted(pooled[:, [2, 0, 1]], ("c", "a", "b"))
    one, two = (
        detector.values(state, pooled, drawn, ()),
        turned.values(other, pooled[:, [2, 0, 1]], drawn, ()),
    )
    assert one[:, [2, 0, 1]] == pytest.approx(two[:, :3], abs=1e-9)
    assert one[:, 3:6] == pytest.approx(two[:, 3:6], abs=1e-6)
    assert one[:, 6:] == pytest.approx(two[:, 6:], rel=1e-3, abs=1e-6)


def test_images_without_a_prediction_are_counted_and_move_nothing_else():
    rows = said(1, 80)
    detector, state = fitted(rows)
    rows = rows.copy()
    rows[60:70] = np.nan
    drawn = draw(60, 20, 99, np.random.default_rng(0))
    names = detector.names(state, rows, ())
    assert names.index(OWN[3].name) == 6
    assert np.isfinite(detector.values(state, rows, drawn, ())).all()
    told = {s.name: s for s in detector.describe(state, rows[:60], rows[60:], ())}
    assert (told[OWN[3].name].baseline, told[OWN[3].name].batch) == (0.0, 0.5)
    assert told[OWN[3].name].effect == pytest.approx(0.5)
    own, theirs = detector.scores(state, rows[:60], rows[60:], ())
    assert np.isfinite(own).all()
    assert np.isfinite(theirs).all()


def test_predicted_classes_alone_still_have_shares():
    hard = np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2], [40, 30, 30])]
    detector, state = fitted(hard)
    names = detector.names(state, hard, ())
    assert not {"confidence", "uncertainty"} & set(names)
    assert "predicted_class" in names


@pytest.mark.parametrize("k", [2, MOST + 40])
def test_two_classes_and_very_many(k):
    rng = np.random.default_rng(3)
    weights = np.linspace(0.02, 1, k)
    rows = rng.dirichlet(weights, 70).astype(np.float32)
    detector, state = fitted(rows, tuple(f"c{i}" for i in range(k)))
    assert len(state["classes"]) == min(k, MOST)
    if k > MOST:
        assert set(state["classes"]) == set(np.argsort(-rows.sum(axis=0))[:MOST])
    values = detector.values(state, rows, draw(50, 20, 19, rng), ())
    assert values.shape == (20, len(detector.names(state, rows, ())))


def test_sure_answers_of_exactly_0_and_1_are_numbers():
    rows = np.array([[1, 0, 0], [0, 1, 0]] * 30, np.float32)
    detector, state = fitted(rows)
    assert np.isfinite(detector.values(state, rows, draw(40, 20, 19, np.random.default_rng(0)), ())).all()


def test_p_is_exact_though_the_state_is_learnt_from_both_sides():
    """What is learnt from C and Y together, in an order that does not tell them apart, leaves level alpha."""
    alarms, trials = 0, 300
    detector = Softmax(CLASSES)
    for trial in range(trials):
        pooled = said(1000 + trial, 60)
        order = np.argsort(np.random.default_rng(trial).random(60), kind="stable")
        state = detector.fit(pooled[order], (), 0)
        values = detector.values(state, pooled, draw(40, 20, 39, np.random.default_rng(trial)), ())
        alarms += (
            joint_p([Evidence("predictions", values, (), Join(detector.joined(values.shape[1])))]) <= 0.05
        )
    assert alarms <= binomial_bound(trials, 0.05)
