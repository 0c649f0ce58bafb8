"""What ties images together: groups, strata and slices, read off names, manifests and capture times."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches

from driftcli.core.addresses import folder_of
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.images import Decoded
from driftcli.core.text import safe_name

KeyFunction = Callable[[Decoded], str]


def key_function(setting: str | None) -> KeyFunction | None:
    """The function that a `--group-by`, `--stratify-by` or `--slice-by` value stands for: image -> key; None for None.

    `folder`: its folder · `hour`: hour of capture · `column:NAME`: a manifest column · anything
    else: a regular expression on the path, its first group. Raises UsageError for a regular expression that is
    none, or has no group. The function for `hour` raises NotAuditedError for an image whose time is none.
    """
    if setting is None:
        return None
    if setting == "folder":
        return lambda item: folder_of(item.name)
    if setting == "hour":
        return _hour
    if setting.startswith("column:"):
        column = setting.removeprefix("column:")
        return lambda item: item.columns.get(column, "")
    try:
        pattern = re.compile(setting)
    except re.error as error:
        raise UsageError(f"{setting!r} is no regular expression: {error}", _meant(setting)) from error
    if not pattern.groups:
        raise UsageError(f"{setting!r} is no key: as a regular expression it has no group", _meant(setting))
    return lambda item: match.group(1) or "" if (match := pattern.search(item.name)) else ""


_WORD = re.compile(r"[\w.-]+")
_FOLDERS = frozenset({"folders", "dir", "directory", "dirname", "parent", "path", "subfolder"})
_HOURS = frozenset({"hours", "time", "date", "day", "timestamp", "datetime"})
_COLUMNS = frozenset({"col", "columns", "label", "field", "manifest", "csv"})
"""Words that stand for a key before a colon or alone, and what people mean by them."""


def _meant(setting: str) -> str:
    """The hint for a key that is none: what was probably meant, else all that there is."""
    first, colon, rest = setting.partition(":")
    word = first.strip().lower()
    if colon and (rest.lower() in {"hour", "time", "datetime", "date"} or word == "exif"):
        return "the hour of capture (EXIF, or the manifest's `time`) is the key: hour"
    if colon and rest and (word in _COLUMNS or get_close_matches(word, ["column"], 1)):
        return f"did you mean column:{rest}?"
    if word in _FOLDERS or get_close_matches(word, ["folder"], 1):
        return "did you mean folder?"
    if not colon and (word in _HOURS or get_close_matches(word, ["hour"], 1)):
        return f"did you mean hour (of capture)? A manifest's column is column:{setting}"
    if _WORD.fullmatch(setting):
        return f"did you mean column:{setting}, a column of the manifest? A part of the path is written ({setting})"
    return (
        "use folder, hour, column:NAME, or a regular expression whose first group (in parentheses) is the key"
    )


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


def _hour(item: Decoded) -> str:
    """The hour of capture; empty for an image without a time. Raises NotAuditedError for a time that is none.

    Without that all images with such times would be one group, whatever their days.
    """
    seconds, text = capture_time(item), item.columns.get("time", "")
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H}"
    except (ValueError, OverflowError, OSError) as error:  # NaN, and moments outside of the calendar
        if not text and math.isnan(seconds):
            return ""
        raise NotAuditedError(
            f"{safe_name(item.name)}: its time {safe_name(text or str(seconds))} is not one whose hour can be told",
            "write times as 2026-11-28T14:05:00, of the years 1 to 9999 in UTC; leave out those that nobody knows",
        ) from error
