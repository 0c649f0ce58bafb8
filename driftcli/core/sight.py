"""What a gate is known to do: how often it fires on good data, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """How often this gate fires on good data: promised, measured on halves of C, and its range."""

    nominal: float
    estimate: float | None
    low: float | None
    high: float | None
    batch_size: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest change of one kind found with power 0.8 at this batch size."""

    corruption: str
    severity: float | None
    share: float
    power: float
    statistic: str | None = None
    shift_sd: float | None = None
    shift: float | None = None
    unit: str | None = None
    short_unit: str | None = None
    """The unit without what it is counted at: `px` of `px at short side 224 (standard deviation)`; null where it is short."""
