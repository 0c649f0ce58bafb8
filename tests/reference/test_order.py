"""In which order images were made, and which of them make up one series."""

from __future__ import annotations

import numpy as np

from driftcli.core.features import Features
from driftcli.reference.order import dependence_of, look_of, order_of


def named(names, *, time=None, stratum=None, group=None, values=None, pixels=None):
    n = len(names)
    values = np.zeros((n, 1)) if values is None else np.asarray(values)
    return Features(
        names=tuple(names),
        content=np.array([b"%064d" % i for i in range(n)], "S64"),
        pixels=np.arange(n, dtype=np.uint64) if pixels is None else np.asarray(pixels, np.uint64),
        near=np.zeros(n, np.uint64),
        views={"properties": values.astype(np.float32)},
        time=None if time is None else np.asarray(time, np.float64),
        stratum=stratum,
        group=group,
    )


def in_order(names, **keys):
    features = named(names, **keys)
    order = order_of(features)
    return [features.names[i] for i in order.rows], order


def test_numbers_count_as_numbers():
    shuffled = np.random.default_rng(0).permutation(200)
    names, order = in_order([f"a/frame{i}.jpg" for i in shuffled])
    assert names == [f"a/frame{i}.jpg" for i in range(200)]
    assert (order.series == 0).all()
    assert not order.timed
    assert (order.place == np.arange(200)).all()


def test_times_go_before_names():
    names, order = in_order([f"{i}.jpg" for i in range(30)], time=-np.arange(30.0))
    assert names == [f"{i}.jpg" for i in range(29, -1, -1)]
    assert order.timed
    _, order = in_order([f"{i}.jpg" for i in range(30)], time=[np.nan, *range(29)])
    assert not order.timed


def test_folders_words_and_few_numbers_are_series_of_their_own():
    """Classes and cameras: as folders, as words of the name, as one of a few numbers."""
    for pattern in ("{}/{:03d}.jpg", "all/{}_{:03d}.jpg", "all/{}.{:03d}.jpg"):
        for kinds in (("cat", "dog"), (3, 7)):
            _, order = in_order([pattern.format(kind, i) for i in range(40) for kind in kinds])
            assert (order.series == np.repeat([0, 1], 40)).all(), pattern


def test_every_folder_is_a_series_of_its_own():
    """Classes whose folders are numbers, as those of ImageNet: that their images resemble each other is no dependence."""
    _, order = in_order([f"n{folder:08d}/{i}.jpg" for i in range(13) for folder in range(100, 140)])
    assert (order.series == np.repeat(np.arange(40), 13)).all()


def test_every_good_group_is_a_series_of_its_own():
    """Good days that a baseline was told of may differ: their images are no row."""
    days = [f"day {i // 15}" for i in range(600)]
    _, order = in_order([f"{i:04d}.jpg" for i in range(600)], group=tuple(days))
    assert (order.series == np.repeat(np.arange(40), 15)).all()


def test_times_of_day_are_one_series():
    """As numbers of the path they make many short ones."""
    names = [f"cam/2026-11-28T{i // 60:02d}-{i % 60:02d}-{i % 7:02d}.jpg" for i in range(300)]
    found, order = in_order(names[::-1])
    assert found == names
    assert (order.series == 0).all()


def test_names_without_order_share_the_series_of_their_folder():
    rng = np.random.default_rng(1)
    _, order = in_order([f"{folder}/{rng.bytes(8).hex()}.jpg" for folder in "ab" for _ in range(30)])
    assert (order.series == np.repeat([0, 1], 30)).all()


def test_strata_are_series_of_their_own():
    _, order = in_order([f"{i}.jpg" for i in range(40)], stratum=("x", "y") * 20)
    assert (order.series == np.repeat([0, 1], 20)).all()
    assert (order.stratum == order.series).all()


def test_nothing_and_odd_names():
    assert len(order_of(named([])).rows) == 0
    _, order = in_order(["", "a\nb1.jpg", "a\nb2.jpg", "\udc80.jpg", "9" * 400 + ".jpg"])
    assert sorted(order.rows.tolist()) == list(range(5))


def test_dependence_does_not_follow_the_order_of_files():
    """A row of bursts, however its features are sorted: the same runs for the same images; copies join the first of them."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(30, 8)).repeat(10, axis=0) + 0.1 * rng.normal(size=(300, 8))
    pixels = np.arange(300)
    pixels[155] = pixels[4]
    features = named([f"{i}.jpg" for i in range(300)], values=values, pixels=pixels)
    _, place, row = dependence_of(features, look_of(features, ["properties"]))
    runs = row.runs[place]
    assert (np.delete(runs, 155) == np.delete(np.repeat(np.arange(30), 10), 155)).all()
    assert runs[155] == runs[4]
    order = rng.permutation(300)
    again = features.at(order)
    _, place, row = dependence_of(again, look_of(features, ["properties"]))
    assert (row.runs[place] == runs[order]).all()
