"""2,209 broken, fuzzed, odd and hostile files: none stops the run, hangs it, or is lost from the ledger."""

from __future__ import annotations

import time

import pytest

from driftcli.config.settings import Input
from driftcli.core.images import Decoded
from driftcli.reading.ledger import Tally
from driftcli.reading.open_sources import open_sources


def test_hostile_files(pool, shared_data):
    """All of the corpus goes through; what is decoded is sound, what is not has a reason."""
    path = shared_data / "bad" / "bad-images.zip"
    if not path.is_file():
        pytest.skip("the corpus of bad images is not there")
    tally, slowest, last = Tally(), 0.0, time.monotonic()
    with pool("mean", workers=2) as working:
        for item in working.map(open_sources([str(path)], Input())):
            tally.add(item)
            slowest, last = max(slowest, time.monotonic() - last), time.monotonic()
            if isinstance(item, Decoded):
                assert item.arrays["mean"].shape == (1, 3)
                assert item.facts.width * item.facts.height <= 64e6
    ledger = tally.ledger()
    assert ledger.seen == 2209
    assert (
        ledger.seen
        == ledger.used + sum(ledger.unreadable.values()) + sum(ledger.skipped.values()) + ledger.changed
    )
    assert ledger.used > 700
    assert {"crashed", "timeout", "memory"}.isdisjoint(ledger.unreadable)
    assert slowest < 10
