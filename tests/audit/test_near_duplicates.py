"""A burst is noticed; pictures that are alike anyway are none."""

from dataclasses import replace

import numpy as np

from driftcli.audit.near_duplicates import burst_share, caution
from tests.calibration._world import images


def hashed(n, seed, *, bits=64, repeated=1):
    """N images with random difference hashes of `bits` varying bits, each `repeated` times with one bit changed."""
    rng = np.random.default_rng(seed)
    mask = np.uint64((1 << bits) - 1 if bits < 64 else 2**64 - 1)
    scenes = rng.integers(0, 2**63, -(-n // repeated)).astype(np.uint64) & mask
    near = scenes.repeat(repeated)[:n] ^ (np.uint64(1) << rng.integers(0, 60, n).astype(np.uint64))
    return replace(images(rng, n), near=near)


def test_a_burst_is_named():
    batch, good = hashed(50, 0, repeated=10), hashed(300, 1)
    assert burst_share(batch, good) == 1.0
    assert "--group-by" in caution(batch, good)


def test_a_few_pairs_and_single_images_are_no_burst():
    assert caution(hashed(50, 0), hashed(300, 1)) == ""
    mixed = hashed(50, 0)
    near = mixed.near.copy()
    near[1] = near[0]
    assert caution(replace(mixed, near=near), hashed(300, 1)) == ""


def test_pictures_that_are_all_alike_are_no_burst():
    """Digits on black share most of their hash: that is their kind, not a burst."""
    assert burst_share(hashed(60, 0, bits=3), hashed(300, 1, bits=3)) == 0.0


def test_copies_are_counted_elsewhere_and_small_batches_say_nothing():
    batch = hashed(50, 0, repeated=10)
    same = replace(batch, pixels=np.zeros(50, np.uint64))
    assert burst_share(same, hashed(300, 1)) == 0.0
    assert burst_share(hashed(8, 0, repeated=8), hashed(300, 1)) == 0.0
