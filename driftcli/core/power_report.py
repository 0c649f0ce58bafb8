"""The result of one `power`, field for field the published JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of batches that fired, and its 95 % interval (Wilson 1927)."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PowerCell:
    """How often batches of one size with one change in a share of their images were found."""

    corruption: str
    """A kind of the room `corruptions`, or `foreign`: images of another source took places."""
    severity: float | None
    amount: float | None
    unit: str | None
    share: float
    batch: int
    changed: int
    """Images of the batch that were changed: the share of it, rounded, and at least one."""
    trials: int
    inferred: bool
    """Not tried: every trial of a milder cell gave the smallest p there is; these are that cell's rates."""
    rates: Mapping[str, Rate]
    """Of `gate`, then of every family, those without a say in it too."""
    short_unit: str | None = None
    """The unit without what it is counted at: `px` of `px at short side 224 (standard deviation)`; null where it is short."""


@dataclass(frozen=True, slots=True)
class NullRow:
    """How often unchanged batches of one size fired: the false-alarm rate as found here."""

    batch: int
    trials: int
    rates: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class PowerReport:
    """The result of `driftcli.power`, field for field the published JSON (schema_version 1).

    Rates are shares of the trials, 0 to 1. `cells` holds one for every change, share and batch size, `null` one for
    unchanged batches of every size; `created` is a time in UTC, `timing` in seconds.
    """

    tool: Mapping[str, str]
    created: str
    artifact: str
    digest: str
    baseline: str
    source: tuple[str, ...]
    foreign: tuple[str, ...]
    alpha: float
    trials: int
    images: int
    """Images that batches were drawn from."""
    baseline_images: int
    """Images of C that they were compared with: none of them is among the former."""
    left_out: int
    """Images of C that were left out of it because batches were drawn from them."""
    cautions: tuple[str, ...]
    families: Mapping[str, Literal["on", "advisory", "off"]]
    """`on` has a say in the gate."""
    cells: tuple[PowerCell, ...]
    null: tuple[NullRow, ...]
    timing: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = 1
    kind: Literal["power"] = "power"
