"""Where every entry went, counted while it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from driftcli.core.images import Decoded, Ledger, Skipped

_LISTED = 10_000


class Tally:
    """Counts entries by what became of them, while they pass.

    Counts are exact; of the entries that were not used the first 10,000 are listed by name (`files`).
    """

    def __init__(self) -> None:
        self.files: list[Skipped] = []
        self._used = 0
        self._changed = 0
        self._unreadable: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    def watch(self, items: Iterable[Decoded | Skipped]) -> Iterator[Decoded]:
        """Count all items, and yield the decoded ones."""
        for item in items:
            self.add(item)
            if isinstance(item, Decoded):
                yield item

    def add(self, item: Decoded | Skipped) -> None:
        """Count one more entry."""
        if isinstance(item, Decoded):
            self._used += 1
            return
        if len(self.files) < _LISTED:
            self.files.append(item)
        if item.state == "unreadable":
            self._unreadable[item.reason] += 1
        elif item.state == "changed":
            self._changed += 1
        else:
            self._skipped[item.reason] += 1

    def withdraw(self, name: str, reason: str) -> None:
        """Count an entry as unreadable that was counted as used (`nonfinite` features)."""
        self._used -= 1
        self.add(Skipped(name, "unreadable", reason))

    @property
    def unreadable_share(self) -> float:
        """Unreadable files among the entries that look like images, so far."""
        return self.ledger().unreadable_share

    def ledger(self) -> Ledger:
        """The counts so far; reasons in alphabetical order."""
        bad, passed = self._unreadable.total(), self._skipped.total()
        return Ledger(
            seen=self._used + bad + passed + self._changed,
            used=self._used,
            unreadable=dict(sorted(self._unreadable.items())),
            skipped=dict(sorted(self._skipped.items())),
            changed=self._changed,
        )
