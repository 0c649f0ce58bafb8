"""What a history's reports have in common: series of one statistic, and which checks are beyond its limits."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from driftcli.core import registry
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.check_history.records import Past, PastCheck, PastStatistic

SIGMAS = 3.0
"""Limits of a mean: so many standard errors from the baseline's."""
MARKS = {"pass": "✓ pass", "warn": "! warn", "drift": "✗ DRIFT", "inconclusive": "? not audited"}


@dataclass(frozen=True)
class Trend:
    """One statistic over the checks that are shown."""

    family: str
    name: str
    unit: str
    statistics: tuple[PastStatistic | None, ...]
    """One a check."""
    beyond: tuple[bool, ...]
    """Its mean lies outside the limits: one look a day and statistic, not corrected for looking often."""

    @property
    def means(self) -> tuple[float | None, ...]:
        """The batches' means; the statistic's own value where it is no linear column."""
        return tuple(None if s is None else (s.now.mean if s.now else s.batch) for s in self.statistics)

    @property
    def last(self) -> PastStatistic | None:
        """The newest that is there, rather one with a baseline's summary."""
        there = [s for s in self.statistics if s is not None]
        return next((s for s in reversed(there) if s.good is not None), there[-1] if there else None)


def once(past: Past) -> Past:
    """The same without repetitions: what trends and charts show."""
    return replace(past, checks=tuple(check for check in past.checks if not check.duplicate))


def trends(past: Past, names: tuple[str, ...] = ()) -> tuple[Trend, ...]:
    """Those named, or all linear ones of the properties. Raises UsageError (2) for a name that no check knows."""
    known: dict[tuple[str, str], None] = {}
    for check in past.checks:
        known |= {(s.family, s.name): None for s in check.statistics}
    for name in names:
        if not any(name == statistic for _, statistic in known):
            have = sorted({statistic for _, statistic in known})
            raise UsageError(
                f"--statistic {safe_name(name)}: not in these checks",
                f"one of {', '.join(map(safe_name, have)) or 'none: no check was audited'}",
            )
    shown = _named_measurements()
    wanted = [
        key for key in known if (key[1] in names if names else key[0] in shown and _linear(past.checks, key))
    ]
    return tuple(_trend(past.checks, key) for key in wanted)


@cache
def _named_measurements() -> frozenset[str]:
    """Families of pixels whose columns people know by name: shown without being asked for."""
    kinds: list[Any] = [registry.load("extractors", kind) for kind in registry.kinds("extractors")]
    return frozenset(v.family for kind in kinds for v in kind.views if v.named and not v.of_file)


def limits(statistic: PastStatistic, check: PastCheck) -> tuple[float, float] | None:
    """Where the mean of so many good images lies but for 0.3 % of the time."""
    good = statistic.good
    if good is None or not good.sd or not check.images or not check.baseline_images:
        return None
    width = SIGMAS * good.sd * math.sqrt(1 / check.images + 1 / check.baseline_images)
    return good.mean - width, good.mean + width


def _linear(checks: tuple[PastCheck, ...], key: tuple[str, str]) -> bool:
    return any(
        s.now is not None and s.now.q05 < s.now.q95
        for check in checks
        for s in check.statistics
        if (s.family, s.name) == key
    )


def _trend(checks: tuple[PastCheck, ...], key: tuple[str, str]) -> Trend:
    found = [next((s for s in c.statistics if (s.family, s.name) == key), None) for c in checks]
    last = next((s for s in reversed(found) if s is not None and s.unit), None)
    beyond = [s is not None and _outside(s, check) for s, check in zip(found, checks, strict=True)]
    return Trend(*key, last.unit if last else "", tuple(found), tuple(beyond))


def _outside(statistic: PastStatistic, check: PastCheck) -> bool:
    bounds = limits(statistic, check)
    return (
        bounds is not None and statistic.now is not None and not bounds[0] <= statistic.now.mean <= bounds[1]
    )


def threshold(past: Past) -> float:
    """Where the sequence's alarm is: by the newest check that asked for it, else by the newest."""
    asked = [check for check in past.checks if check.gate == "sequence"]
    return 1 / (asked or past.checks)[-1].alpha


def events(past: Past) -> list[tuple[str, str]]:
    """What happened first: (what, when), in words."""
    found = []
    first = next((c for c in past.checks if c.verdict == "drift"), None)
    if first is not None:
        found.append(("first batch that differs by itself", first.when))
    together = next((c for c in past.checks if c.alarm), None)
    if together is not None:
        found.append(("alarm of all checks together", together.when))
    by_id = {check.id: check.when for check in past.checks}
    for chart in past.charts:
        when = by_id.get(chart.first) if chart.first is not None else None
        if when is not None:
            found.append(
                (
                    f"{chart.name.upper() if chart.name != 'shewhart' else 'Shewhart'} chart above its limit",
                    when,
                )
            )
    return found
