"""Effects with groups: the bias that groups alone give goes, and bounds count groups instead of images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.evidence import Statistic
from driftcli.core.features import Column
from driftcli.detectors.base import by_groups
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.outliers import Outliers
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.shares import Shares
from driftcli.detectors.univariate import Univariate
from driftcli.stats.relabelling import Blocks, draw


def relabelled(sizes_c, sizes_y):
    """Relabellings of groups of these sizes in C and in the batch."""
    names = [f"c{i}" for i, size in enumerate(sizes_c) for _ in range(size)]
    names += [f"y{i}" for i, size in enumerate(sizes_y) for _ in range(size)]
    return draw(sum(sizes_c), sum(sizes_y), 9, np.random.default_rng(0), Blocks(groups=names))


def kish(sizes):
    """The size of the group in which a random image lies."""
    return np.mean([size for size in sizes for _ in range(size)])


@pytest.mark.parametrize(
    ("sizes_c", "sizes_y"),
    [([1] * 12, [1] * 3), ([4] * 6, [4] * 2), ([2, 3, 7, 1, 1], [5, 2]), ([2] * 8, [9, 1])],
)
def test_the_way_from_effect_to_bound_grows_by_the_root_of_the_worse_sides_group_size(sizes_c, sizes_y):
    """Squared: low = (e^2 - bias) - sqrt(Kish's size) (e^2 - l^2); with single images as it was.

    Of the images in the test: unequal groups are thinned.
    """
    drawn = relabelled(sizes_c, sizes_y)
    sides = drawn.unit_of[: sum(sizes_c)], drawn.unit_of[sum(sizes_c) :]
    growth = math.sqrt(max(kish(np.unique(side[side >= 0], return_counts=True)[1]) for side in sides))
    effect, lower, bias = 0.8, 0.75, 0.04
    (grouped,) = by_groups([Statistic("s", effect=effect, effect_lower=lower)], drawn, np.array([bias]))
    assert grouped.effect == pytest.approx(math.sqrt(effect**2 - bias))
    expected = effect**2 - bias - growth * (effect**2 - lower**2)
    assert expected > 0, "a case that says nothing"
    assert grouped.effect_lower == pytest.approx(math.sqrt(expected))


def test_effect_and_bound_never_fall_below_nothing():
    drawn = relabelled([4] * 6, [4] * 2)
    small, none, unbounded = by_groups(
        [
            Statistic("a", effect=0.3, effect_lower=0.1),
            Statistic("b"),
            Statistic("c", effect=0.3),
        ],
        drawn,
        np.array([0.5, 0.5, 0.5]),
    )
    assert (small.effect, small.effect_lower) == (0.0, 0.0)
    assert (none.effect, none.effect_lower) == (None, None)
    assert unbounded.effect == 0.3


def test_only_groups_change_what_a_detector_describes():
    rng = np.random.default_rng(3)
    c, y = rng.normal(size=(40, 3)).astype("f"), rng.normal(1.0, 1, (12, 3)).astype("f")
    names = [f"c{i // 4}" for i in range(40)] + [f"y{i // 4}" for i in range(12)]
    single = draw(40, 12, 19, rng)
    groups = draw(40, 12, 19, rng, Blocks(groups=names))
    detector = Mmd()
    state = detector.fit(c, (), 0)
    described = detector.describe(state, c, y, ())
    assert detector.test(state, c, y, single, ())[1] == described
    values, statistics = detector.test(state, c, y, groups, ())
    assert statistics == by_groups(described, groups, detector.group_bias(values))
    assert statistics != described


def test_a_rest_of_one_image_has_no_pairs_but_a_statistic():
    """As a batch of one group of one image has (`test_mmd.py`): the term of the pairs is 0, not 0/0."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(7, 3)).astype("f")
    drawn = draw(1, 6, 9, rng, Blocks(groups=["c", *["y0"] * 3, *["y1"] * 3]))
    assert (drawn.images - drawn.batch_sizes).tolist() == [1, 1, 1]
    detector = Mmd()
    assert np.isfinite(detector.values(detector.fit(x, (), 0), x, drawn, ())).all()


def test_what_groups_alone_give_a_kernel_is_half_the_mean_over_relabellings():
    values = np.array([[0.4, -0.3], [0.2, 0.1]])
    assert Mmd().group_bias(values) == pytest.approx([0.15, 0.0])
    assert Univariate().group_bias(values).tolist() == [0.0, 0.0]


NAMED = tuple(Column(name) for name in ("a", "b", "c"))
LONG, SHORT = [f"c{i // 4}" for i in range(40)], [f"y{i // 2}" for i in range(12)]


@pytest.mark.parametrize("detector", [Mmd(), Univariate(), Reconstruction(), Outliers(), Shares()])
def test_images_that_a_thinned_group_leaves_out_change_nothing(detector):
    """Not its ranks, levels or classes either: what they show would tell on which side their group was observed."""
    rng = np.random.default_rng(5)
    c, y = rng.uniform(size=(40, 3)).astype("f"), rng.uniform(size=(12, 3)).astype("f")
    drawn = draw(40, 12, 39, rng, Blocks(groups=LONG + SHORT))
    left_out = drawn.unit_of[:40] < 0
    assert left_out.sum() == 20
    state = detector.fit(c[:20], NAMED, 0)
    values, statistics = detector.test(state, c, y, drawn, NAMED)
    other = np.where(left_out[:, None], np.float32(50.0), c)
    again, others = detector.test(state, other, y, drawn, NAMED)
    assert np.array_equal(values, again)
    assert statistics == others
    alone = draw(
        20,
        12,
        39,
        np.random.default_rng(6),
        Blocks(groups=[LONG[i] for i in np.flatnonzero(~left_out)] + SHORT),
    )
    alone = replace(alone, labels=drawn.labels)
    kept, described = detector.test(state, c[~left_out], y, alone, NAMED)
    assert np.array_equal(values, kept), "as if they had never been there"
    assert statistics == described
