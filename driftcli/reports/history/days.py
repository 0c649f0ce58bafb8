"""Batches with what is known of the classifier on each: as estimated then, and as labelled since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.reports.history import trends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.check_history.records import Past, PastCheck, PastHarm, PastLabelled
    from driftcli.core.findings import AccuracyEstimate


@dataclass(frozen=True)
class Day:
    """One batch."""

    check: PastCheck
    harm: PastHarm | None
    """Of the newest check of these images that asked the classifier."""
    labelled: PastLabelled | None

    @property
    def estimated(self) -> AccuracyEstimate | None:
        """Of these very images."""
        return None if self.harm is None else self.harm.accuracy_of_these


def days(past: Past) -> tuple[Day, ...]:
    """One for each batch that is shown, in their order; none where nothing is known of a classifier."""
    by_age = sorted(past.checks, key=lambda check: check.id)
    asked = {check.batch_digest: check.harm for check in by_age if check.harm is not None}
    found = tuple(
        Day(check, asked.get(check.batch_digest), check.labelled) for check in trends.once(past).checks
    )
    return found if any(day.harm or day.labelled for day in found) else ()


def baseline(days: Sequence[Day]) -> PastHarm | None:
    """What the newest estimate is compared with."""
    return next((day.harm for day in reversed(days) if day.harm is not None), None)
