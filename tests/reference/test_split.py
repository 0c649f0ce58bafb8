"""Which images are learnt from and which are held out: no copy, group or burst on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from driftcli.core.errors import NotAuditedError
from driftcli.core.features import Features
from driftcli.reference.split import BLOCKS, neighbour_excess, split


def made(n, *, seed=0, names=None, **keys):
    """N different images, sorted by content hash as readings are."""
    rng = np.random.default_rng(seed)
    hashes = np.sort(rng.integers(1, 2**63, n, dtype=np.uint64))
    return Features(
        names=tuple(names or (f"{i:04d}.jpg" for i in rng.permutation(n))),
        content=np.array([f"{h:064x}".encode() for h in hashes.tolist()], "S64"),
        pixels=keys.pop("pixels", hashes),
        near=keys.pop("near", rng.integers(0, 2**63, n, dtype=np.uint64)),
        views={},
        **keys,
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_share_is_kept(share):
    parts = split(made(200), share, 0)
    assert abs(parts.held_out.sum() - 200 * share) <= 1
    assert parts.caution is None


def test_nothing_is_held_out_where_nothing_is_wanted():
    assert not split(made(50), 0.0, 0).held_out.any()


def test_the_same_images_divide_alike_whatever_their_names_and_order():
    """The seed decides; file order does not."""
    features = made(100)
    order = np.random.default_rng(5).permutation(100)
    first = split(features, 0.5, 0).held_out
    assert (split(features.at(order), 0.5, 0).held_out == first[order]).all()
    assert (split(made(100, names=[f"x{i}" for i in range(100)]), 0.5, 0).held_out == first).all()
    assert not (split(features, 0.5, 1).held_out == first).all()


def test_copies_stay_together():
    """Identical pixels under several names."""
    features = made(120)
    features.pixels[:] = np.repeat(features.pixels[::3], 3)
    held = split(features, 0.5, 0).held_out.reshape(-1, 3)
    assert (held.all(axis=1) | ~held.any(axis=1)).all()


def test_groups_stay_together_and_copies_join_them():
    groups = [f"cam{i % 12}" for i in range(120)]
    features = made(120, group=tuple(groups))
    features.pixels[1] = features.pixels[0]  # cam0 and cam1 share an image
    held = split(features, 0.5, 0).held_out
    sides = {group: {bool(held[i]) for i, g in enumerate(groups) if g == group} for group in set(groups)}
    assert all(len(side) == 1 for side in sides.values())
    assert sides["cam0"] == sides["cam1"]
    assert 40 <= held.sum() <= 80


def test_strata_are_divided_in_proportion():
    """A rare class is on both sides."""
    strata = tuple("rare" if i % 10 == 0 else "usual" for i in range(200))
    held = split(made(200, stratum=strata), 0.5, 0).held_out
    rare = np.array([s == "rare" for s in strata])
    assert (held[rare].sum(), held[~rare].sum()) == (10, 90)


def test_a_copy_under_two_labels_is_on_one_side():
    strata = tuple("ab"[i % 2] for i in range(100))
    features = made(100, stratum=strata)
    features.pixels[1::2] = features.pixels[::2]
    held = split(features, 0.5, 0).held_out
    assert (held[::2] == held[1::2]).all()


@pytest.mark.parametrize("by", ["time", "name"])
def test_bursts_are_held_out_in_blocks(by):
    """A film: neighbours are near-duplicates, so whole stretches of it go to one side, with a caution."""
    n = 400
    scenes = np.random.default_rng(1).integers(0, 2**63, n // 10, dtype=np.uint64)
    place = np.random.default_rng(2).permutation(n)
    near = scenes[place // 10] ^ (np.uint64(1) << (place % 3).astype(np.uint64))
    if by == "time":
        features = made(n, near=near, time=place * 60.0)
    else:
        features = made(n, near=near, names=[f"frame{p:05d}.jpg" for p in place])
    assert neighbour_excess(features) > 0.5
    parts = split(features, 0.5, 0)
    assert "near-duplicates" in parts.caution
    film = parts.held_out[np.argsort(place)]
    assert (film.reshape(BLOCKS, -1).mean(axis=1) % 1 == 0).all()
    assert film.sum() == n // 2


@pytest.mark.parametrize("dependence", [True, False])
def test_images_that_resemble_their_neighbours_are_held_out_in_blocks(dependence):
    """A slow film without near-duplicates: stretches of at least ten correlation times, unless nobody is to look."""
    rng = np.random.default_rng(3)
    n = 600
    film = rng.normal(size=(n, 14))
    for i in range(1, n):
        film[i] = 0.7 * film[i - 1] + 0.71 * film[i]
    place = rng.permutation(n)
    features = made(n, names=[f"frame{p}.jpg" for p in place])
    features = replace(features, views={"properties": film[place].astype(np.float32)})
    parts = split(features, 0.5, 0, dependence=dependence)
    changes = int((np.diff(parts.held_out[np.argsort(place)].astype(int)) != 0).sum())
    if dependence:
        assert "resemble each other" in parts.caution
        assert changes <= 20
        assert abs(parts.held_out.mean() - 0.5) < 0.1
    else:
        assert parts.caution is None
        assert changes > 200


def test_images_alike_everywhere_are_no_bursts():
    """A studio: every picture resembles every other, not its neighbours more."""
    features = made(100, near=np.zeros(100, np.uint64))
    assert neighbour_excess(features) == 0
    assert split(features, 0.5, 0).caution is None


@pytest.mark.parametrize("case", ["group", "copies"])
def test_one_unit_cannot_be_divided(case):
    features = made(50, group=("all",) * 50) if case == "group" else made(50, pixels=np.ones(50, np.uint64))
    with pytest.raises(NotAuditedError, match="belong together"):
        split(features, 0.5, 0)
    assert not split(features, 0.0, 0).held_out.any()
