"""Alarms that outlive their baseline: evidence of two baselines is never added up, so a new one begins at 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


def standing(db: sqlite3.Connection, digest: str, series: str) -> list[tuple[str, str]]:
    """Digests and dates of the alarms of this series that were raised against baselines of before and not acknowledged.

    Of before: the last check against such a baseline was made before the first against this one. Baselines that are checked
    in turns (two cameras in one history without groups) do not succeed one another.
    """
    rows = db.execute(
        "SELECT s.baseline_digest, s.since FROM sequences s"
        " JOIN checks c ON c.baseline_digest = s.baseline_digest AND c.series = s.series"
        " WHERE s.alarm AND s.since IS NOT NULL AND s.series = ? AND s.baseline_digest != ?"
        " GROUP BY s.baseline_digest HAVING max(c.id) <"
        " (SELECT coalesce(min(id), 9223372036854775807) FROM checks WHERE baseline_digest = ? AND series = ?)"
        " ORDER BY max(c.id)",
        (series, digest, digest, series),
    )
    return [(before, since) for before, since in rows]
