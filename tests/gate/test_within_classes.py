"""Effects within classes: the mix does not count, what happens inside a class does."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.core.evidence import Evidence, Statistic
from driftcli.gate.within_classes import matched, within_classes
from tests.calibration import _world as world
from tests.gate import _cases as cases
from tests.statistical import binomial_bound


def strata(ours, theirs):
    return [name for side in (ours, theirs) for name, count in side.items() for _ in range(count)]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ({"cat": 200, "dog": 200}, {"cat": 45, "dog": 5}, {"cat": 200, "dog": 22}),
        ({"cat": 30, "dog": 10}, {"cat": 3, "dog": 1}, {"cat": 30, "dog": 10}),
        ({"cat": 30, "dog": 10}, {"cat": 3, "fox": 7}, {"cat": 30}),
        ({"cat": 30, "dog": 2}, {"cat": 40, "dog": 30}, {"cat": 2, "dog": 2}),
        ({"cat": 100, "dog": 2}, {"cat": 1, "dog": 50}, {"cat": 1, "dog": 2}),
    ],
)
def test_c_is_thinned_to_the_mix_of_the_batch(ours, theirs, expected):
    """As many as the scarcest class allows, the first of each; classes of one side only are left out."""
    names = strata(ours, theirs)
    n = sum(ours.values())
    c, y = matched(names, n)
    assert {name: sum(names[i] == name for i in c) for name in expected} == expected
    assert len(c) == sum(expected.values())
    assert len(y) == sum(count for name, count in theirs.items() if name in ours)
    assert all(names[n + i] in ours for i in y)


def test_nothing_in_common():
    c, y = matched(["a", "b", "c"], 2)
    assert (len(c), len(y)) == (0, 0)


def test_one_image_in_common_is_compared_with_nothing():
    """Two a side are the least; then values and effects are those within classes, by the statistics' names."""
    said = Statistic("brightness", 1.0, 2.0, 0.9, 0.8)
    gone = Statistic("brightness.missing", 1.0, 2.0, 0.9, 0.8)
    whole = Evidence("properties", np.zeros((3, 2)), (said, gone))
    good, family = cases.features(np.arange(6.0), 100), cases.family()
    few, enough = (cases.features(np.arange(count)) for count in (3, 4))
    (same,) = within_classes([whole], [family], good, few, ["a"] * 6 + ["a", "b", "b"])
    assert same is whole
    (inside,) = within_classes([whole], [family], good, enough, ["a"] * 6 + ["a", "a", "b", "b"])
    expected = family.detector.describe(
        family.state, good.views["properties"], enough.views["properties"][:2], cases.COLUMNS
    )
    assert inside.statistics[0] == expected[0]
    assert inside.statistics[1] == Statistic("brightness.missing", 1.0, 2.0, 0.0, 0.0)
    assert inside.values is whole.values


def test_a_tolerance_holds_within_classes_too():
    """95 % cats instead of 50 %: proven shares far above 0 over all images, none within; and real drift stays.

    Thirty audits of two families, each bound of level 0.05: 10 % at most, seven is the 99 % bound.
    """
    proven = {"all": 0, "within": 0, "bright": 0}
    for i in range(30):
        rng = np.random.default_rng([71, i])
        families = world.fit(world.images(rng, 80, cats=0.5), {"content": "on", "properties": "on"})
        baseline = world.calibrate(families, world.images(rng, 300, cats=0.5), i)
        batch = world.images(rng, 80, cats=0.95)
        bright = world.images(rng, 80, cats=0.95, change=world.Shift(0, 2.0))
        alone = world.replace(batch, stratum=None)
        for name, one in (("all", alone), ("within", batch), ("bright", bright)):
            proven[name] += (
                world.audit(baseline, one, permutations=199, alpha=0.05).verdict.effect_lower or 0
            ) > 0
    assert proven["within"] <= binomial_bound(30, 0.1)
    assert proven["all"] > 15
    assert proven["bright"] > 25
