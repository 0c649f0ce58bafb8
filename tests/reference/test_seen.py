"""Images of F among others: by their file, or by all that is kept of their pixels; never by a hash that two pictures share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from driftcli.reference.seen import Seen
from tests.gate import _cases as cases

FITTED = cases.features(np.zeros(10))
OTHERS = cases.features(np.zeros(10), start=100)


def test_the_same_file_and_the_same_pixels_in_another_file():
    seen = Seen.of(FITTED)
    assert seen.among(FITTED).all()
    assert not seen.among(OTHERS).any()
    stored_anew = replace(FITTED, content=OTHERS.content)
    assert seen.among(stored_anew).all()
    assert seen.unlike(stored_anew) == 0


def test_a_shared_pixel_hash_alone_leaves_no_picture_out():
    """Version 2 of the hash adds columns up: rows can be shuffled so that it stays, and the picture does not."""
    forged = replace(OTHERS, pixels=FITTED.pixels)
    seen = Seen.of(FITTED)
    assert not seen.among(forged).any()
    assert seen.unlike(forged) == 10


def test_an_artifact_of_before_knows_pixel_hashes_alone():
    old = Seen.unpack({"seen": np.sort(FITTED.pixels)})
    assert old.among(FITTED).all()
    assert old.among(replace(OTHERS, pixels=FITTED.pixels)).all()
    assert not old.among(OTHERS).any()


def test_what_is_stored_is_what_was_seen():
    """In any order, copies once; also of nothing at all."""
    order = np.random.default_rng(0).permutation(10)
    shuffled = FITTED.at(np.append(order, order[:3]))
    for images in (shuffled, FITTED.at(np.arange(0))):
        seen = Seen.of(images)
        back = Seen.unpack(seen.pack())
        assert (back.pixels.tolist(), back.near.tolist()) == (seen.pixels.tolist(), seen.near.tolist())
        assert back.files.tolist() == seen.files.tolist()
        assert seen.among(FITTED).all() == bool(len(images))
    assert len(Seen.of(shuffled).pixels) == 10
