"""From a call's keywords to what the audit takes: settings, and which of them the caller gave."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from driftcli.api.keywords import Run, Sources
from driftcli.config import resolve
from driftcli.config.call import Call
from driftcli.core.progress import SILENT


def resolved(options: Run, own: Collection[str] = ()) -> Call:
    """The call's settings; `own`: keywords that are no settings. Raises UsageError. Reads no environment."""
    config = options.get("config")
    named = {key: value for key, value in options.items() if key not in {"config", "progress", *own}}
    found = resolve.resolve(None if config is None else Path(config), options=named)
    return Call(found.settings, resolve.given(found), options.get("progress", SILENT))


def names(source: Sources) -> list[str]:
    """One source or several as a list of texts."""
    listed = [source] if isinstance(source, str | os.PathLike) else source
    return [os.fspath(name) for name in listed]


def texts(value: str | Sequence[str]) -> Sequence[str]:
    """One text or several as several."""
    return [value] if isinstance(value, str) else value
