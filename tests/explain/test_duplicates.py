"""Copies and near-copies: all of them, against a slow twin, and none among pictures that look alike anyway."""

from __future__ import annotations

import numpy as np

from driftcli.core.features import Features
from driftcli.explain.duplicates import BITS, FLAT, LEAKED, leaked, search


def features(prefix: str, near: list[int], pixels: list[int] | None = None) -> Features:
    n = len(near)
    content = np.array([f"{prefix}{i:063x}".encode() for i in range(n)], "S64")
    shown = np.array(range(n) if pixels is None else pixels, np.uint64) + np.uint64(
        0 if pixels is not None else 1000 * ord(prefix)
    )
    return Features(tuple(f"{prefix}{i}" for i in range(n)), content, shown, np.array(near, np.uint64), {})


def random(count: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 2**63, count, dtype=np.int64).tolist()


def flipped(value: int, bits: int) -> int:
    return value ^ ((1 << bits) - 1)


def ties(batch: Features, held_out: Features) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(entry.kind, entry.where, entry.images) for entry in search(batch, held_out)}


def test_copies_are_tied_inside_the_batch_and_to_the_baseline():
    """Exact by pixels whatever the file; near within the bits, through others too; exact ones are not near as well."""
    a, b, c = random(3, 1)
    batch = features("b", [a, a, flipped(b, 4), b, flipped(b, 4) ^ (15 << 40), c], [7, 7, 1, 2, 3, 4])
    held_out = features("g", [*random(40, 2), flipped(c, 3), a], [*range(100, 141), 7])
    assert ties(batch, held_out) == {
        ("exact", "batch", ("b0", "b1")),
        ("exact", "baseline", ("b0", "g41")),
        ("exact", "baseline", ("b1", "g41")),
        ("near", "batch", ("b2", "b3", "b4")),
        ("near", "baseline", ("b5", "g40")),
    }


def test_every_pair_is_found():
    """The twin compares all pairs."""
    rng = np.random.default_rng(3)
    roots = random(12, 4)
    near = [int(r) ^ (int(x) & 0b11111111) for r in roots for x in rng.integers(0, 256, 3)]
    batch, held_out = features("b", near), features("g", random(100, 5))
    ties = {(i, j) for i in range(36) for j in range(i) if (near[i] ^ near[j]).bit_count() <= BITS}
    groups = [entry.images for entry in search(batch, held_out)]
    mine = {name: at for at, group in enumerate(groups) for name in group}
    assert ties
    assert all(mine[f"b{i}"] == mine[f"b{j}"] for i, j in ties)
    assert set(mine) == {f"b{i}" for pair in ties for i in pair}


def test_flat_pictures_and_pictures_that_look_alike_anyway_are_no_near_duplicates():
    """A hash without structure says nothing; digits on black resemble each other among good images too."""
    flat = features("b", [0, 1, 3, (1 << FLAT - 1) - 1])
    assert ties(flat, features("g", random(40, 6))) == set()
    alike = [flipped(random(1, 7)[0], i % 4) for i in range(40)]
    assert ties(features("b", alike[:5]), features("g", alike)) == set()


def test_the_list_is_cut():
    """50 entries of each kind and place, the largest groups first."""
    batch = features("b", random(160, 8), [i // 2 for i in range(157)] + [500, 500, 500])
    entries = [entry for entry in search(batch, features("g", random(40, 9))) if entry.kind == "exact"]
    assert len(entries) == 50
    assert entries[0].images == ("b157", "b158", "b159")


def test_held_out_images_that_are_nearly_images_of_the_fit_set():
    """Against a slow twin; equal pixels are another matter, and pictures that look alike anyway are none."""
    rng = np.random.default_rng(8)
    fit = random(60, 9)
    near = [
        *(f ^ int(x) for f, x in zip(fit[:20], rng.integers(0, 256, 20), strict=True)),
        *random(200, 10),
        fit[5],
        0,
    ]
    held_out = features("g", near, [*range(1000, 1220), 5, 1300])
    pixels = np.arange(61, dtype=np.uint64)
    expected = [
        i
        for i in range(len(near) - 1)
        if any(
            (near[i] ^ f).bit_count() <= LEAKED and int(held_out.pixels[i]) != j for j, f in enumerate(fit)
        )
    ]
    assert 4 <= len(expected) <= 19
    assert 220 not in expected
    assert leaked(held_out, pixels, np.array([*fit, 0], np.uint64)).tolist() == expected
    alike = features("g", [flipped(fit[0], k % 4) for k in range(50)])
    assert not len(leaked(alike, pixels, np.array([*fit, 0], np.uint64)))
