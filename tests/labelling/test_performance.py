"""From labels to a result: intervals that hold over the whole way, and no label that knows what the model said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.score_report import BaselineAccuracy
from driftcli.labelling import performance, verdict
from driftcli.labelling.annotations import Ratings
from tests.labelling.queues import CLASSES, answered, made

NONE = verdict.Limits()


def _result(queue, ratings, limits=NONE):
    return verdict.result(performance.labelled(queue, ratings), "labels", "abc", limits)


def _only(ratings, items):
    rows = [place for place, item in enumerate(ratings.items) if item in items]
    return dataclasses.replace(
        ratings, items=tuple(ratings.items[row] for row in rows), values=ratings.values[rows]
    )


@pytest.mark.parametrize(
    ("errors", "days", "scored"),
    [((0.1, 0.15, 0.2), 1, True), ((0.0,), 3, True), ((0.1, 0.15, 0.2), 2, False)],
)
def test_intervals_cover_over_the_whole_way(errors, days, scored):
    """60 queues of 60 of 180 images: accuracy of all, within binomial margin of 93 %."""
    covered = []
    for seed in range(60):
        queue, truth, accuracy = made(seed, 180, 60, days, scored=scored)
        found = _result(queue, answered(queue, truth, errors, seed)).accuracy
        covered.append(found.low <= accuracy <= found.high)
    assert np.mean(covered) >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / 60)


def test_what_the_model_said_never_enters_labels():
    """Other predictions, the same labels, skills and agreement."""
    queue, truth, _ = made(1)
    ratings = answered(queue, truth, (0.2, 0.3, 0.3))
    other = dataclasses.replace(
        queue, images=tuple(dataclasses.replace(image, prediction="owl") for image in queue.images)
    )
    one, two = _result(queue, ratings), _result(other, ratings)
    assert [(each.label, each.chance) for each in one.labels] == [
        (each.label, each.chance) for each in two.labels
    ]
    assert (one.annotators, one.agreement, one.label_error) == (
        two.annotators,
        two.agreement,
        two.label_error,
    )
    assert one.accuracy != two.accuracy


def test_control_tasks_are_counted_and_score_nobody_but_annotators():
    controls = [(f"known/{number}.jpg", "owl") for number in range(12)]
    queue, truth, _ = made(2, controls=controls)
    found = _result(queue, answered(queue, truth, (0.0, 0.4)))
    assert [each.controls for each in found.annotators] == [12, 12]
    assert found.annotators[0].controls_right == 12
    assert found.annotators[0].skill > 0.85 > found.annotators[1].skill
    assert len(found.labels) == 40
    assert not any(each.path.startswith("known/") for each in found.labels)


def test_one_persons_labels_are_taken_for_right_and_that_is_said():
    queue, truth, _ = made(3)
    found = _result(queue, answered(queue, truth, (0.0,)))
    assert found.label_error is None
    assert found.annotators[0].skill is None
    assert any(said.startswith("labels are taken for right") for said in found.cautions)
    assert found.accuracy.value == pytest.approx(found.as_labelled)


def test_half_labelled_queues():
    """From half on there is an estimate, with a caution; below there is none."""
    queue, truth, _ = made(4, images=120, budget=40)
    ratings = answered(queue, truth, (0.0, 0.0))
    items = [image.item for image in queue.queued]
    found = _result(queue, _only(ratings, items[:24]))
    assert found.queue.labelled == 24
    assert any(said.startswith("24 of 40 queued images have a label") for said in found.cautions)
    with pytest.raises(NotAuditedError, match="19 of 40 queued images are labelled; an estimate needs 20"):
        _result(queue, _only(ratings, items[:19]))
    with pytest.raises(NotAuditedError, match="of one part of the images"):
        _result(queue, _only(ratings, [image.item for image in queue.queued if not image.most_drifted]))


def test_without_predictions_nobody_knows_what_the_model_said():
    queue, truth, _ = made(5, predicted=False, scored=False)
    with pytest.raises(NotAuditedError, match="no predictions") as refused:
        _result(queue, answered(queue, truth, (0.1,)))
    assert "--predictions" in refused.value.hint


def test_limits_fail_only_beyond_doubt():
    queue, truth, _ = made(6)
    ratings = answered(queue, truth, (0.05, 0.05, 0.05))
    found = _result(queue, ratings).accuracy
    middle = (found.value + found.high) / 2
    for least, failed, doubt in (
        (found.high + 0.001, True, False),
        (middle, False, True),
        (found.low - 0.001, False, False),
    ):
        given = _result(queue, ratings, verdict.Limits(least=least))
        rule = given.rules[0]
        assert (rule.failed, rule.undecided, given.exit_code) == (failed, doubt, int(failed))
        assert bool(given.reasons) is failed
        assert any("cannot say" in said for said in given.cautions) is doubt


def test_a_drop_is_from_somewhere():
    with pytest.raises(UsageError, match="from which accuracy"):
        verdict.require_whole(verdict.Limits(most_drop=0.05))
    queue, truth, _ = made(7, kind="middling")
    base = BaselineAccuracy(0.97, 500)
    found = _result(queue, answered(queue, truth, (0.0, 0.0)), verdict.Limits(most_drop=0.05, baseline=base))
    assert found.exit_code == 1
    assert found.drop.low > 0.05
    assert "--max-drop" in found.reasons[0]


def test_days_fall_as_the_truth_does_and_the_monitor_says_when():
    """Three days; on the third the model fails on most images."""
    queue, truth, _ = made(8, images=300, budget=120, days=3)
    images = tuple(
        dataclasses.replace(image, prediction=CLASSES[(truth[image.image] + (image.day == 2)) % 3])
        for image in queue.images
    )
    queue = dataclasses.replace(queue, images=images)
    found = _result(queue, answered(queue, truth, (0.05, 0.05, 0.05)), verdict.Limits(least=0.9))
    accuracy = [day.accuracy.value for day in found.days]
    assert min(accuracy[:2]) > 0.9
    assert accuracy[2] < 0.1
    assert found.monitor.alarm == "2026-11-03"
    assert [day.date for day in found.days] == ["2026-11-01", "2026-11-02", "2026-11-03"]


def test_a_score_that_is_wrong_is_said():
    """It expects .9 and more where .74 is right; one that is right is not mentioned."""
    for kind, wrong in (("overconfident", True), ("good", False)):
        queue, truth, _ = made(12, 400, 120, kind=kind)
        found = _result(queue, answered(queue, truth, (0.0, 0.0)))
        assert any(said.startswith("the correctness score expected") for said in found.cautions) is wrong


def test_someone_who_guesses_is_named():
    queue, truth, _ = made(9, images=200, budget=100)
    found = _result(queue, answered(queue, truth, (0.05, 0.05, 0.667)))
    assert "c labels no better than chance would" in found.cautions


def test_every_image_labelled_by_sure_people_leaves_no_doubt():
    queue, truth, accuracy = made(10, images=60, budget=60, scored=False)
    found = _result(queue, answered(queue, truth, (0.0,)))
    assert (found.accuracy.low, found.accuracy.high) == pytest.approx((accuracy, accuracy))


def test_uniform_queues_with_a_score_use_it():
    """All alike and correctness known: PPI++ gives an interval no wider than the labels alone."""
    queue, truth, accuracy = made(11, images=400, budget=80)
    even = tuple(dataclasses.replace(image, probability=0.2, stratum=0) for image in queue.images)
    chosen = np.random.default_rng(0).choice(400, 80, replace=False)
    even = tuple(
        dataclasses.replace(image, item=f"{place:03d}" if place in chosen else None)
        for place, image in enumerate(even)
    )
    queue = dataclasses.replace(queue, images=even, design="uniform")
    ratings = answered(queue, truth, (0.0,))
    assert isinstance(ratings, Ratings)
    found = _result(queue, ratings).accuracy
    bare = dataclasses.replace(
        queue, images=tuple(dataclasses.replace(image, correctness=None) for image in queue.images)
    )
    plain = _result(bare, ratings).accuracy
    assert found.low <= accuracy <= found.high
    assert found.high - found.low < plain.high - plain.low


@pytest.mark.parametrize("errors", [(0.0,), (0.1, 0.15, 0.2)])
def test_the_monitor_seldom_sounds_where_the_limit_is_kept(errors):
    """Six days, each at or below the limit, drawn by correctness, looked at every day: alarms in at most alpha of 80 runs, within binomial margin."""
    alarms = []
    for seed in range(80):
        queue, truth, _ = made(seed, 480, 150, 6)
        wrong = np.array([CLASSES[truth[image.image]] != image.prediction for image in queue.images], float)
        day = np.array([image.day for image in queue.images])
        worst = max(wrong[day == each].mean() for each in range(6))
        found = _result(queue, answered(queue, truth, errors, seed), verdict.Limits(least=1 - worst))
        alarms.append(found.monitor.alarm is not None)
    assert np.mean(alarms) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 80)


def test_what_days_say_of_classes():
    """Each day's counts are of that day; one day alone says nothing twice."""
    queue, truth, _ = made(3, 300, 150, 3)
    found = _result(queue, answered(queue, truth, (0.05, 0.05)))
    assert all(len(day.classes) == 3 for day in found.days)
    for place, one in enumerate(found.classes):
        assert sum(day.classes[place].labelled for day in found.days) == one.labelled
    assert any(each.recall for day in found.days for each in day.classes)
    queue, truth, _ = made(3)
    assert _result(queue, answered(queue, truth, (0.05,))).days[0].classes == ()
