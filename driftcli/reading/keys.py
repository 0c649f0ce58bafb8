"""What ties images together: groups, strata and slices, read off names, manifests and capture times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import PurePath

from driftcli.core.errors import UsageError
from driftcli.core.images import Decoded

KeyFunction = Callable[[Decoded], str]


def key_function(setting: str | None) -> KeyFunction | None:
    """The function that a `--group-by`, `--stratify-by` or `--slice-by` value stands for: image -> key; None for None.

    `folder`: its folder · `hour`: hour of capture · `column:NAME`: a manifest column · anything
    else: a regular expression on the path, its first group. Raises UsageError for a regular expression that is
    none, or has no group.
    """
    if setting is None:
        return None
    if setting == "folder":
        return lambda item: str(PurePath(item.name).parent)
    if setting == "hour":
        return lambda item: _hour(capture_time(item))
    if setting.startswith("column:"):
        column = setting.removeprefix("column:")
        return lambda item: item.columns.get(column, "")
    try:
        pattern = re.compile(setting)
    except re.error as error:
        raise UsageError(
            f"{setting!r} is no regular expression: {error}",
            "use folder, hour, column:NAME, or a regular expression with one group",
        ) from error
    if not pattern.groups:
        raise UsageError(
            f"the regular expression {setting!r} has no group",
            "put the part that names the group in parentheses, or use folder, hour or column:NAME",
        )
    return lambda item: match.group(1) or "" if (match := pattern.search(item.name)) else ""


def capture_time(item: Decoded) -> float:
    """Seconds since the epoch from the manifest's `time` column, else EXIF, else NaN."""
    text = item.columns.get("time", "")
    if text:
        try:
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except ValueError:
            return float("nan")
    return float("nan") if item.facts.time is None else item.facts.time


def _hour(seconds: float) -> str:
    return "" if seconds != seconds else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H}"  # noqa: PLR0124 - NaN
