"""The day of a check: when its images are from, where that is not the day on which they are audited."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name
from driftcli.core.times import utc_text

AHEAD = timedelta(hours=14)
"""So far ahead of UTC the earliest clocks are: a date without a time is in the future only beyond them."""


def day_of(text: str, now: datetime | None = None) -> str:
    """The time in UTC, as checks are stored, of an ISO date (2026-11-03, from midnight UTC on) or a time.

    A time without a zone is UTC. Raises UsageError (2) for anything else, and for what lies in the future.
    """
    now = now or datetime.now(UTC)
    option, given = f"--date {safe_name(text)}", text.strip()
    try:
        then = datetime.fromisoformat(given)
    except ValueError as error:
        raise UsageError(f"{option}: no ISO date", "for example --date 2026-11-03") from error
    then = then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    plain = re.fullmatch(r"[0-9W-]+", given) is not None
    if then > now + (AHEAD if plain else timedelta(0)):
        raise UsageError(
            f"{option}: in the future", f"the day the images are from, {now:%Y-%m-%d} at the latest"
        )
    return utc_text(then)
