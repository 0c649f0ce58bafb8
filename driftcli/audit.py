"""fit(), baseline(), check(): the story on one page, usable from Python without the command line."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.progress import SILENT, Progress
from driftcli.records import Calibrated, Fitted, Report

if TYPE_CHECKING:
    from driftcli.settings import Settings


def fit(sources: Sequence[str], output: Path, settings: Settings, *, force: bool = False, progress: Progress = SILENT) -> Fitted:
    """Learn the reference from F, keep back C, calibrate on it as baseline `holdout`."""
    raise NotImplementedError


def baseline(artifact: Path, sources: Sequence[str], settings: Settings, *, name: str = "default", drop_seen: bool = False,
             given: Collection[str] = (), progress: Progress = SILENT) -> Calibrated:
    """Calibrate on good images that are not in F. `given`: dotted keys that the user set explicitly."""
    raise NotImplementedError


def check(artifact: Path, sources: Sequence[str], settings: Settings, *, baseline: str | None = None,
          given: Collection[str] = (), progress: Progress = SILENT) -> Report:
    """Audit one batch. Raises DriftcliError only for usage (2) and internal (4) failures and a missing
    or broken artifact (3); every other "not audited" is a Report with verdict `inconclusive`."""
    raise NotImplementedError
