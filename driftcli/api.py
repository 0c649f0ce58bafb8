"""fit, baseline, check and power for Python callers: the options of the command line as keyword arguments.

`check(..., max_unreadable="5%")` is `driftcli check --max-unreadable 5%`; see `driftcli.config.resolve.OPTIONS`.
The environment is not read: what a call does is in the call (and in the file that `config` names).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.config import resolve as _config
from driftcli.core.progress import SILENT, Progress

if TYPE_CHECKING:
    from driftcli.core.outcomes import Calibrated, Fitted
    from driftcli.core.power_report import PowerReport
    from driftcli.core.report import Report

Name = str | os.PathLike[str]
Sources = Name | Sequence[Name]


def fit(
    source: Sources,
    output: Name,
    *,
    config: Name | None = None,
    force: bool = False,
    progress: Progress = SILENT,
    **options: Any,
) -> Fitted:
    """Learn a reference from good images and write it as the artifact `output`. Raises DriftcliError."""
    from driftcli.audit import fit as audit

    settings = _resolve(config, options).settings
    return audit.fit(_names(source), Path(output), settings, force=force, progress=progress)


def baseline(
    artifact: Name,
    source: Sources,
    *,
    name: str = "default",
    drop_seen: bool = False,
    config: Name | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> Calibrated:
    """Calibrate the artifact on good images it was not fitted on. Raises DriftcliError."""
    from driftcli.audit import baseline as audit

    resolved = _resolve(config, options)
    return audit.baseline(
        Path(artifact),
        _names(source),
        resolved.settings,
        name=name,
        drop_seen=drop_seen,
        given=_config.given(resolved),
        progress=progress,
    )


def check(
    artifact: Name,
    source: Sources,
    *,
    baseline: str | None = None,
    config: Name | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> Report:
    """Audit one batch; the report's `exit_code` is what the command line would return.

    Raises DriftcliError where there is nothing to report: usage, internal failure, no usable artifact.
    """
    from driftcli.audit import check as audit

    resolved = _resolve(config, options)
    return audit.check(
        Path(artifact),
        _names(source),
        resolved.settings,
        baseline=baseline,
        given=_config.given(resolved),
        progress=progress,
    )


def power(
    artifact: Name,
    source: Sources,
    *,
    baseline: str | None = None,
    corruption: Sequence[str] | None = None,
    severity: Sequence[float] | None = None,
    share: Sequence[float] | None = None,
    batch: Sequence[int] | None = None,
    trials: int | None = None,
    images: int | None = None,
    foreign: Sources = (),
    config: Name | None = None,
    progress: Progress = SILENT,
    **options: Any,
) -> PowerReport:
    """How often the gate and its families find each corruption, on these images. Raises DriftcliError.

    What is None is as on the command line.
    """
    from driftcli.power_study import plan, study

    asked = {"corruption": corruption, "severity": severity, "share": share, "batch": batch, "trials": trials}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    resolved = _resolve(config, options)
    return study.power(
        Path(artifact),
        _names(source),
        resolved.settings,
        plan.make(**given, images=images, foreign=_names(foreign)),
        baseline=baseline,
        given=_config.given(resolved),
        progress=progress,
    )


def _resolve(config: Name | None, options: dict[str, Any]) -> _config.Resolved:
    return _config.resolve(None if config is None else Path(config), options=options)


def _names(source: Sources) -> list[str]:
    several = [source] if isinstance(source, str | os.PathLike) else source
    return [os.fspath(name) for name in several]
