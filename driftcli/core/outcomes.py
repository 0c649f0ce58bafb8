"""What `fit` and `baseline` did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftcli.core.images import Ledger


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `fit` did."""

    artifact: str
    digest: str
    fitted_on: int
    held_out: int
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """By extractor: what was learnt (architecture, epochs, losses), for people to read."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What `baseline` did."""

    artifact: str
    digest: str
    baseline: str
    images: int
    dropped_seen: int
    groups: Mapping[str, int]
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    seconds: float = 0.0
