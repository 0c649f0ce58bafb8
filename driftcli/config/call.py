"""What every verb is given besides its data: settings, which of them were set, and who is told how it goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.core.progress import SILENT, Progress

if TYPE_CHECKING:
    from driftcli.config.settings import Settings


@dataclass(frozen=True)
class Call:
    """One call of a verb, its settings resolved."""

    settings: Settings
    given: Collection[str] = frozenset()
    """Dotted keys that the caller set; those must not contradict the artifact, the others give way to it."""
    progress: Progress = SILENT
    expect_sha256: str | None = None
    """The digest that the artifact must have; None: any."""
    link: str | None = None
    """Of `check`: where people will find its report, an address or a path."""
    loading: float | None = None
    """Seconds that went before the call, where somebody counted them: loading libraries."""
