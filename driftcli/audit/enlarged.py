"""What more images have done for a baseline: false alarms and sight for batches of one size, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from driftcli.calibration import detectability, false_alarms
from driftcli.core.sight import Detectable, FalseAlarmRate
from driftcli.reference.figures import SIZES
from driftcli.reference.reference import Baseline


@dataclass(frozen=True)
class Compared:
    """Figures of two baselines for batches of one size; none where there is no size that both were measured at."""

    batch: int | None = None
    false_alarms_before: FalseAlarmRate | None = None
    false_alarms: FalseAlarmRate | None = None
    gained: tuple[Detectable, ...] = ()
    lost: tuple[Detectable, ...] = ()


def compared(before: Baseline, after: Baseline, alpha: float, batch: int) -> Compared:
    """At the largest measured size that is not above `batch`, else the smallest one."""
    sizes = [m for m in SIZES if all(f"p_{m}" in one.measured for one in (before, after))]
    if not sizes:
        return Compared()
    m = max((size for size in sizes if size <= batch), default=sizes[0])
    ours, theirs = _seen(before, alpha, m), _seen(after, alpha, m)
    return Compared(
        m,
        _false_alarms(before, alpha, m),
        _false_alarms(after, alpha, m),
        tuple(change for name, change in theirs.items() if _milder(change, ours.get(name))),
        tuple(change for name, change in ours.items() if _milder(change, theirs.get(name))),
    )


def _false_alarms(baseline: Baseline, alpha: float, m: int) -> FalseAlarmRate:
    blocked = "groups are the unit of the test" if baseline.facts.get("group_by") else None
    return false_alarms.false_alarm_rate(baseline.measured, alpha, m, len(baseline.features), blocked)


def _seen(baseline: Baseline, alpha: float, m: int) -> Mapping[str, Detectable]:
    """By name, the smallest corruption and shift of each kind that such batches show."""
    seen, _ = detectability.detectable(baseline.measured, baseline.facts.get("detectable", ()), alpha, m)
    shifts = false_alarms.detectable_in(baseline, alpha, m)
    return {change.corruption: change for change in (*seen, *shifts)}


def _milder(change: Detectable, other: Detectable | None) -> bool:
    """Whether it is seen where the other is not: at a lower severity, in fewer images, or at all."""
    if other is None:
        return True
    if change.shift_sd is not None or other.shift_sd is not None:
        return False  # every shift that is seen shrinks a little with every image
    return (change.severity or 0.0, change.share) < (other.severity or 0.0, other.share)
