"""Where every entry went, counted while it happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from driftcli.core.images import Decoded, Ledger, Skipped
from driftcli.reading import holdings

_LISTED = 10_000
_WEIGHT = {"unreadable": 1, "changed": 1, "skipped": 2}


def listed(files: Sequence[Skipped]) -> list[Skipped]:
    """At most 10,000 of the files, by name: folders that nobody could list, then what failed, then what was passed over.

    Whatever the order or the shards in which they were met, the same ones are listed.
    """

    def weight(file: Skipped) -> tuple[int, str, str]:
        return (0 if holdings.is_unlisted(file) else _WEIGHT[file.state], file.name, file.reason)

    chosen = sorted(files, key=weight)[:_LISTED]
    return sorted(chosen, key=lambda file: (file.name, file.state, file.reason))


class Tally:
    """Counts entries by what became of them, while they pass.

    Counts are exact; of the entries that were not used 10,000 are listed (`files`).
    """

    def __init__(self) -> None:
        self._files: list[Skipped] = []
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
        self._files.append(item)
        if len(self._files) > 2 * _LISTED:
            self._files = listed(self._files)
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
    def files(self) -> list[Skipped]:
        """Entries that were not used, by name: those that weigh most, where there are more than 10,000."""
        return listed(self._files)

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
