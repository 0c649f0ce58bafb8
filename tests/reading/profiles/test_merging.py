"""However images are divided: together they are what one pass would have read."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftcli.config.settings import Input
from driftcli.core.images import Skipped
from driftcli.reading import ledger
from driftcli.reading.profiles.merging import Merger, merged
from driftcli.reading.profiles.profile_file import decode, encode
from driftcli.reading.shard import Shard
from tests.reading.profiles.samples import image, profile, read
from tests.reading.profiles.test_profile_file import equal

KEYS = Input(group_by="hour", stratify_by="column:label", slice_by=r"(\d)\.jpg")


def entries(rng: random.Random) -> list:
    """Images, copies of them under other names, files that failed and files that were passed over, in any order."""
    images = [image(i) for i in range(rng.randrange(60))]
    copies = [image(100 + i, copy_of=i) for i in range(rng.randrange(10))]
    failed = [
        Skipped(f"f{i}.jpg", "unreadable", rng.choice(["truncated", "corrupt"]))
        for i in range(rng.randrange(5))
    ]
    passed = [Skipped(f"s{i}", "skipped", rng.choice(["hidden", "symlink"])) for i in range(rng.randrange(5))]
    found = [*images, *copies, *failed, *passed, *[Skipped("c", "changed", "changed")] * rng.randrange(2)]
    rng.shuffle(found)
    return found


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_profiles_of_all_shards_are_the_whole(seed, of, keep):
    """Features, keys, hashes, ledger, files, levels and columns, bit for bit, whatever the order of the shards."""
    rng = random.Random(seed)  # noqa: S311
    found = entries(rng)
    whole = profile(found, keep).keyed(KEYS)
    parts = [
        decode(encode(profile((e for e in found if shard.holds(e.name)), keep, shard)), "p").keyed(KEYS)
        for shard in (Shard(number, of) for number in range(1, of + 1))
    ]
    rng.shuffle(parts)
    assert equal(merged(parts, keep), whole)


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_fewer_features_than_profiles_keep(seed):
    """A check that tests 7 images takes the 7 lowest hashes of all."""
    found = entries(random.Random(seed))  # noqa: S311
    parts = [
        profile((e for e in found if Shard(i, 3).holds(e.name)), 50, Shard(i, 3)).keyed(KEYS)
        for i in (1, 2, 3)
    ]
    whole = profile(found, 7).keyed(KEYS)
    assert equal(merged(parts, 7).features, whole.features)


def test_what_is_read_here_and_what_was_profiled_merge():
    """A reading has thumbnails, a profile has none: rows stay together."""
    here = replace(
        read(image(i) for i in range(20)), thumbnails=tuple(b"%d" % i for i in range(20)), facts=()
    )
    here = replace(here, features=replace(here.features, group=None))
    there = profile(image(i) for i in range(20, 40)).keyed(Input())
    both = merged([here, there], 30)
    known = dict(zip(here.features.names, here.thumbnails, strict=True))
    assert both.thumbnails == tuple(known.get(name, b"") for name in both.features.names)
    assert len(both.features) == 30


def test_nothing_merges_to_nothing():
    with pytest.raises(ValueError, match="no reading"):
        Merger(5).merged()
    none = profile([]).keyed(Input())
    assert len(merged([none, none], 5).contents) == 0
    some = profile([image(1)]).keyed(Input())
    assert equal(merged([none, some, none], 5), merged([some], 5))


def test_the_files_that_weigh_most_are_listed_whatever_the_order(monkeypatch):
    """A folder that nobody could list is not crowded out by a million hidden files."""
    monkeypatch.setattr(ledger, "_LISTED", 4)
    files = [Skipped(f"h{i}", "skipped", "hidden") for i in range(30)]
    files += [Skipped("z", "unreadable", "folder_permission"), Skipped("b.jpg", "unreadable", "corrupt")]
    for seed in range(5):
        random.Random(seed).shuffle(files)  # noqa: S311
        tally = ledger.Tally()
        for file in files:
            tally.add(file)
        assert [file.name for file in tally.files] == ["b.jpg", "h0", "h1", "z"]
        halves = [profile(files[:16]).keyed(Input()), profile(files[16:]).keyed(Input())]
        assert [file.name for file in merged(halves, 5).skipped] == ["b.jpg", "h0", "h1", "z"]


def test_memory_is_bounded_by_what_is_kept():
    """Features of `keep` images and one reading; of all the others their hashes alone."""
    merger = Merger(10)
    for start in range(0, 400, 50):
        merger.add(profile((image(i) for i in range(start, start + 50)), 10).keyed(Input()))
        assert merger._kept is not None
        assert len(merger._kept.features) <= 10
        assert len(merger._kept.contents) == 0
    assert merger.merged().ledger.used == 400
    assert np.array_equal(merger.merged().seen, np.sort(merger.merged().seen))
