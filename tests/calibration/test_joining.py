"""Two sets of images as one: what one pass over both would have kept, and answers that stay with their images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.calibration.joining import join, own_groups
from driftcli.core.features import Features
from driftcli.core.predictions import CorruptedPredictions, Predictions


def images(count, seed, group="a", *, corrupted=()):
    """Sorted by content hash; each image's view, hash and answers are numbers that only it has."""
    rng = np.random.default_rng(seed)
    hashes = np.sort(np.array([rng.bytes(32).hex().encode() for _ in range(count)], "S64"))
    own = rng.normal(size=(count, 3)).astype(np.float32)
    p = rng.dirichlet(np.ones(3), count)
    label = rng.integers(-1, 3, count)
    under = None
    if corrupted:
        image, condition = (
            np.repeat(np.arange(count), len(corrupted)),
            np.tile(np.arange(len(corrupted)), count),
        )
        said = Predictions(("x", "y", "z"), rng.dirichlet(np.ones(3), len(image)), label[image])
        under = CorruptedPredictions(said, image, condition, tuple(corrupted))
    said = Predictions(("x", "y", "z"), p, label, np.log(p), under)
    return Features(
        tuple(f"{group}/{i}" for i in range(count)), hashes, rng.integers(0, 2**60, count).astype(np.uint64),
        rng.integers(0, 2**60, count).astype(np.uint64), {"v": own}, group=(group,) * count,
        time=rng.normal(size=count), predictions=said,
    )  # fmt: skip


def answered(features):
    """By image and condition: what was said of it."""
    under = features.predictions.corrupted
    rows = zip(under.image, under.condition, under.said.probability, strict=True)
    return {(features.names[i], under.conditions[c]): tuple(p) for i, c, p in rows}


@pytest.mark.parametrize("keep", [1, 20, 57, 1000])
def test_the_lowest_hashes_of_both_with_all_that_is_theirs(keep):
    old, new = images(40, 1), images(25, 2, "b")
    joined = join(old, new, keep, ())
    pairs = [(part, i) for part in (old, new) for i in range(len(part))]
    wanted = sorted(pairs, key=lambda pair: (pair[0].content[pair[1]], pair[0].names[pair[1]]))[:keep]
    assert len(joined.features) == len(wanted)
    for row, (part, i) in enumerate(wanted):
        found = joined.features
        assert (found.names[row], found.group[row]) == (part.names[i], part.group[i])
        assert (found.content[row], found.pixels[row], found.near[row]) == (
            part.content[i],
            part.pixels[i],
            part.near[i],
        )
        assert np.array_equal(found.views["v"][row], part.views["v"][i])
        assert found.time[row] == part.time[i]
        assert np.array_equal(found.predictions.probability[row], part.predictions.probability[i])
        assert np.array_equal(found.predictions.logits[row], part.predictions.logits[i])
        assert found.predictions.label[row] == part.predictions.label[i]
    assert set(joined.fresh) == {row for row, (part, _) in enumerate(wanted) if part is new}
    shown = joined.thumbnails({3: b"old"}, [b"new"] * 25)
    assert [bool(webp) for webp in shown] == [part is new or i == 3 for part, i in wanted]


def test_answers_on_corrupted_images_stay_with_their_images():
    """Though each side was shown other corruptions."""
    old = images(12, 3, corrupted=[("fog", 2.0), ("jpeg", 1.0)])
    new = images(9, 4, "b", corrupted=[("blur", 1.0), ("jpeg", 1.0)])
    found = join(old, new, 15, ()).features
    under = found.predictions.corrupted
    assert answered(found) == {
        k: p for k, p in (answered(old) | answered(new)).items() if k[0] in found.names
    }
    assert under.conditions == (("blur", 1.0), ("fog", 2.0), ("jpeg", 1.0))
    assert [*zip(under.image, under.condition, strict=True)] == sorted(
        zip(under.image, under.condition, strict=True)
    )
    labels = found.predictions.label[under.image]
    assert np.array_equal(under.said.label, labels)
    bare = replace(new, predictions=replace(new.predictions, corrupted=None))
    assert answered(join(old, bare, 100, ()).features) == answered(old)


def test_images_without_groups_become_one():
    old = replace(images(5, 5), group=None)
    found = join(old, images(4, 6, "b"), 100, ("good", "better")).features
    assert sorted(found.group) == ["b"] * 4 + ["good, better"] * 5


def test_a_source_of_a_known_name_is_another_group():
    new = replace(images(3, 7), group=("a", "b", "a (2)"))
    assert own_groups(new, ("a",)).group == ("a (2)", "b", "a (2) (2)")
    assert own_groups(new, ()).group == new.group
