"""The held-out set: passes pooled, images of F left out, and what `fit` and `baseline` measure of it alike."""

from __future__ import annotations

import numpy as np
import pytest

from driftcli.calibration.held_out import (
    drop_seen_images,
    measure_held_out,
    with_images,
)
from driftcli.config.settings import Settings
from driftcli.core.errors import UsageError
from driftcli.core.features import Features
from driftcli.core.images import Ledger
from driftcli.extractors.base import Runtime
from driftcli.reading.profiles.merging import merged
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reference.seen import Seen
from tests.reading.test_reader import reading, same


def test_several_passes_merge_into_what_one_would_have_read():
    parts = [reading(range(30)), reading([]), reading(range(30, 50))]
    pooled, whole = merged(parts, 1000), reading(range(50))
    assert same(pooled.features, whole.features)
    assert (pooled.digest, pooled.ledger, pooled.thumbnails) == (whole.digest, whole.ledger, whole.thumbnails)
    assert same(merged(parts[::-1], 10).features, whole.features.first(10))
    assert len(merged([reading([]), reading([])], 10).features) == 0


def test_images_of_the_fit_are_left_out_up_to_one_in_a_hundred():
    found = reading(range(100))
    seen = found.features.pixels[[3]]
    kept, count = drop_seen_images(found, Seen(seen), drop=False)
    assert (len(kept.features), len(kept.thumbnails), count) == (99, 99, 1)
    assert seen[0] not in kept.features.pixels
    with pytest.raises(UsageError, match="2 of 100"):
        drop_seen_images(found, Seen.of(found.features.first(2)), drop=False)
    assert drop_seen_images(found, Seen.of(found.features.first(2)), drop=True)[1] == 2


def test_files_that_changed_count_as_unreadable_in_pooled_readings_too():
    empty = np.zeros(0)
    ledger = Ledger(seen=4, used=2, unreadable={"truncated": 1}, skipped={}, changed=1)
    nothing = Features((), empty, empty, empty, {})
    one = Reading(nothing, ledger, (), ledger.unreadable_share, empty, empty)
    assert merged([one, one], 10).unreadable_share == one.unreadable_share == 0.5


def test_some_images_of_a_reading_keep_what_is_theirs():
    """Rows, thumbnails and hashes go together; the ledger stays that of the pass."""
    whole, rows = reading(range(30)), np.array([2, 3, 11])
    few = with_images(whole, rows)
    assert same(few.features, whole.features.at(rows))
    assert few.thumbnails == tuple(whole.thumbnails[row] for row in rows)
    assert (few.contents == whole.features.content[rows]).all()
    assert few.ledger == whole.ledger
    assert with_images(Reading(**{**vars(whole), "thumbnails": ()}), rows).thumbnails == ()
    prepared = {"kind": np.arange(30)}
    kept = with_images(Reading(**{**vars(whole), "prepared": prepared}), rows).prepared
    assert kept["kind"].tolist() == rows.tolist()


def test_a_small_held_out_set_is_measured_without_reading_it_again():
    """Too few images to simulate anything: no study, no library; what was read goes on as it is."""
    few = reading(range(12))
    reader = Reader(Settings(), {}, {}, Runtime())
    canary = {"error": np.zeros((3, 9), np.float32)}
    held_out = measure_held_out(reader, ["good", "more"], few, canary)
    assert same(held_out.features, few.features)
    assert (held_out.thumbnails, held_out.ledger, held_out.sources) == (
        few.thumbnails,
        few.ledger,
        ("good", "more"),
    )
    assert (held_out.study, held_out.library, held_out.pixel_errors) == (None, None, {})
    assert held_out.canary is canary
