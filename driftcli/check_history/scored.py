"""What people's labels say of past batches: the accuracy that `score` measured, kept beside the checks it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftcli.check_history import _content as content
from driftcli.check_history import _store as store
from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from driftcli.check_history.records import PastLabelled


@dataclass(frozen=True, slots=True)
class Batch:
    """Which check a day of a queue is: what identifies it, and what people call it."""

    batch_digest: str
    baseline_digest: str
    """Empty where the queue does not know it: then every check of these images is meant."""
    name: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done with the days of a queue, by name."""

    kept: tuple[str, ...]
    replaced: tuple[str, ...]
    """Those of `kept` that other labels had been kept for."""
    unknown: tuple[str, ...]
    """Of which the history holds no check."""


def require(path: Path, batches: Sequence[Batch]) -> None:
    """Verify, before labels are read, that the history holds a check of one of the batches at least.

    Makes and changes no file. Raises NotAuditedError (3) where there is no history, where the file is none or damaged, or where it holds
    no such check.
    """
    with store.reading(path) as db:
        if not any(_series(db, batch) for batch in batches):
            raise NotAuditedError(
                f"{safe_name(str(path))} holds no check of these images",
                "name the history that `driftcli check --history FILE` wrote when it made the queue's results",
            )


def remember(path: Path, measured: Sequence[tuple[Batch, PastLabelled]]) -> Kept:
    """Store the accuracy of each batch beside every check of it, in one transaction; what was kept, replaced, or not found.

    A batch has one accuracy for each baseline that it was checked against: scoring again replaces it. Raises as `require`,
    and InternalError (4) where the file cannot be written.
    """
    kept: list[str] = []
    replaced: list[str] = []
    unknown: list[str] = []
    with store.writing(path) as db:
        for batch, found in measured:
            baselines = _series(db, batch)
            again = [_keep(db, batch.batch_digest, baseline, found) for baseline in baselines]
            (kept if baselines else unknown).append(batch.name)
            if any(again):
                replaced.append(batch.name)
    return Kept(tuple(kept), tuple(replaced), tuple(unknown))


def _series(db: sqlite3.Connection, batch: Batch) -> list[str]:
    """Digests of the baselines that the batch was checked against."""
    rows = db.execute(
        "SELECT DISTINCT baseline_digest FROM checks WHERE batch_digest = ? AND batch_digest != '' AND baseline_digest != ''"
        " AND ? IN ('', baseline_digest) ORDER BY 1",
        (batch.batch_digest, batch.baseline_digest),
    )
    return [digest for (digest,) in rows]


def _keep(db: sqlite3.Connection, digest: str, baseline: str, found: PastLabelled) -> bool:
    """Whether it took the place of another one."""
    key = (digest, baseline)
    before = db.execute(
        "SELECT 1 FROM labelled WHERE batch_digest = ? AND baseline_digest = ?", key
    ).fetchone()
    accuracy = (found.accuracy.value, found.accuracy.low, found.accuracy.high)
    row = (*key, found.created, found.queue, found.images, found.labelled, found.labels, *accuracy)
    columns, marks = ", ".join(content.LABELLED), ", ".join("?" for _ in row)
    db.execute(f"INSERT OR REPLACE INTO labelled ({columns}) VALUES ({marks})", row)  # noqa: S608  # our own words
    return before is not None
