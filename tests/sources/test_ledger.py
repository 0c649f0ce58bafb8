"""The ledger always sums, whatever passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from driftcli.core.images import Skipped
from driftcli.reading import ledger
from driftcli.reading.ledger import Tally

STATES = st.sampled_from(["unreadable", "skipped", "changed"])


@given(st.lists(st.tuples(STATES, st.sampled_from(["a", "b", "c"])), max_size=40))
def test_sums(items):
    """Seen = used + unreadable + skipped + changed; every name is listed."""
    tally = Tally()
    for number, (state, reason) in enumerate(items):
        tally.add(Skipped(str(number), state, reason))
    ledger = tally.ledger()
    assert ledger.seen == len(items) == len(tally.files)
    assert ledger.seen == sum(ledger.unreadable.values()) + sum(ledger.skipped.values()) + ledger.changed
    assert list(ledger.skipped) == sorted(ledger.skipped)
    assert 0 <= tally.unreadable_share <= 1


def test_the_list_is_capped(monkeypatch):
    """Counts stay exact when names are no longer kept."""
    monkeypatch.setattr(ledger, "_LISTED", 5)
    tally = Tally()
    for number in range(12):
        tally.add(Skipped(str(number), "skipped", "hidden"))
    assert len(tally.files) == 5
    assert tally.ledger().skipped == {"hidden": 12}


def test_nothing_seen():
    """An empty batch has no unreadable share to speak of."""
    assert Tally().unreadable_share == 0
    assert Tally().ledger().seen == 0
