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


MOST_TOLERATED = 0.5
"""The largest tolerance that good groups can give: a larger one would let a batch through of which half is something else."""


@dataclass(frozen=True, slots=True)
class GoodDays:
    """Where a batch lies among the good groups (days) of its baseline: what `--tolerance auto` decides by."""

    days: int
    """Good groups."""
    images: int
    """Of each, and of the batch, that were compared."""
    differ: float
    """Share of images in which the most unusual good group surely differs from the others."""
    distance: float
    """Of the batch from the nearest good group, in standard deviations of such distances; 0 is their mean."""
    farthest: float
    """The largest such distance of a good group, the batch among the others."""
    farthest_day: str
    p_value: float
    """Share of groups, the batch included, that lie at least as far: 1 / (days + 1) at least."""
    farther: bool
    """The batch lies farther than all of them."""
    share_decides: bool
    """Whether the share of images that differ has a say, too: not where good groups differ in most of theirs, nor where they
    are smaller than the batch, of which more can be proved then."""


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
