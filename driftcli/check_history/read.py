"""Looking back: what a history holds, one series of checks at a time, with control charts."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.check_history import _content as content
from driftcli.check_history import _store as store
from driftcli.check_history import _succession as succession
from driftcli.check_history import charts
from driftcli.check_history.records import (
    Acknowledged,
    Past,
    PastCheck,
    PastFamily,
    PastHarm,
    PastLabelled,
    PastStatistic,
    Series,
    Summary,
)
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.findings import AccuracyEstimate
from driftcli.core.strict_json import Limits, NotStrictError, parse
from driftcli.core.text import safe_name
from driftcli.core.times import utc_text
from driftcli.core.typed_json import Malformed, build
from driftcli.core.version import version

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

_PLAIN = tuple(field.name for field in fields(PastStatistic) if field.name not in {"now", "good"})
"""In the order of the table's columns."""
UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LATER = {"day", "report"}
"""Columns that databases lack which no driftcli since 0.1.0 has written to: reading does not bring them up to date."""
_FAMILY, _STATISTIC = (", ".join(columns) for columns in (content.FAMILIES, content.STATISTICS))
"""Columns, in the order in which `PastFamily` and `PastStatistic` have them."""
_HARM, _LABELLED = (", ".join(columns) for columns in (content.HARM, content.LABELLED))
ASKED_FOR = {"families", "statistics", "harm", "labelled"}
"""What of a check lies in tables of its own."""
LIMITS = Limits(levels=2, digits=20)
"""Of the JSON in a cell."""
MOST = 500
"""Rows asked for at once: SQLite bounds the number of values in a question."""


def read(
    path: Path,
    *,
    group: str | None = None,
    baseline: str | None = None,
    since: str | None = None,
    limit: int = 0,
) -> Past:
    """What the database holds: all series, and the checks and charts of the chosen one.

    Chosen is the series of `group` and `baseline` (name, or the start of its digest) that was checked last; the
    group "" is that of the checks without one.

    `since`: a date (2026-11-01) or an age (30d); `limit`: the newest so many checks, 0: all. M and the charts
    rest on all checks of the series, whatever is shown. Raises NotAuditedError (3) for a file that is missing,
    no history, damaged or empty, UsageError (2) for a series that is not there.
    """
    start = None if since is None else moment(since)
    with store.reading(path) as db:
        dated = store.has(db, "day")
        series = tuple(_series(db, dated))
        chosen = _chosen(series, group, baseline, path)
        everything = list(_checks(db, path, chosen, group, dated=dated))
        selected = [check for check in everything if start is None or check.when >= start]
        selected = selected[-limit:] if limit else selected
        shown = tuple(_with_accuracy(db, tuple(_with_evidence(db, selected))))
        acknowledged = tuple(_acknowledged(db, chosen))
        standing = _standing(db, series, chosen)
    ids = {check.id for check in shown}
    drawn = [_cut(chart, ids) for chart in charts.of(everything)]
    tool = {"name": "driftcli", "version": version()}
    return Past(
        str(path),
        series,
        chosen,
        shown,
        acknowledged,
        tuple(drawn),
        len(everything) - len(shown),
        tool,
        standing=standing,
    )


def moment(text: str) -> str:
    """The time in UTC, written like those that are stored, of a date (2026-11-01) or an age (30d). Raises UsageError."""
    age = re.fullmatch(r"(\d{1,6})\s*([mhdw])", text.strip())
    if age:
        then = datetime.fromtimestamp(time.time() - int(age[1]) * UNITS[age[2]], UTC)
    else:
        try:
            then = datetime.fromisoformat(text.strip())
        except ValueError as error:
            raise UsageError(
                f"--since {safe_name(text)}: neither a date nor an age", "for example 2026-11-01 or 30d"
            ) from error
        then = then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    return utc_text(then)


def _series(db: sqlite3.Connection, dated: bool) -> Iterator[Series]:
    when = "coalesce(c.day, c.created)" if dated else "c.created"
    rows = db.execute(
        f"SELECT c.baseline, c.baseline_digest, c.series, count(*), min({when}), max({when}),"  # noqa: S608  # our own words
        " s.value, s.checks, s.alarm, s.since FROM checks c"
        " JOIN sequences s ON s.baseline_digest = c.baseline_digest AND s.series = c.series"
        " GROUP BY c.baseline_digest, c.series ORDER BY max(c.id) DESC"
    )
    for name, digest, group, stored, first, last, value, counted, alarm, since in rows:
        yield Series(name, digest, group or None, stored, first, last, value, counted, bool(alarm), since)


def _chosen(series: Sequence[Series], group: str | None, baseline: str | None, path: Path) -> Series | None:
    """The newest that fits; None where every check failed before it knew its baseline."""
    for candidate in series:
        named = (
            baseline is None
            or candidate.baseline == baseline
            or candidate.baseline_digest.startswith(baseline)
        )
        if named and (group is None or candidate.group == (group or None)):
            return candidate
    if group is None and baseline is None:
        return None
    asked = [] if group is None else [f"group {safe_name(group)!r}" if group else "series without a group"]
    asked += [f"baseline {safe_name(baseline)!r}"] if baseline else []
    known = sorted({f"{safe_name(one.baseline)} ({_option(one)})" for one in series})
    raise UsageError(
        f"{safe_name(str(path))} has no {' and '.join(asked)}", f"it has: {', '.join(known) or 'none'}"
    )


def _option(series: Series) -> str:
    """What shows it: `--group line-2`."""
    return f"--group {shlex.quote(safe_name(series.group or ''))}"


def _checks(
    db: sqlite3.Connection, path: Path, chosen: Series | None, group: str | None, *, dated: bool
) -> Iterator[PastCheck]:
    """Those of the series, and those of its group that failed before they knew their baseline, the oldest first."""
    digest, of_group = (chosen.baseline_digest, chosen.group) if chosen else ("", group)
    names = [field.name for field in fields(PastCheck) if field.name not in ASKED_FOR]
    names = [name for name in names if dated or name not in LATER]
    columns = ", ".join("series" if name == "group" else name for name in names)
    order = "coalesce(day, created), id" if dated else "created, id"
    rows = db.execute(
        f"SELECT {columns} FROM checks WHERE baseline_digest IN (?, '') AND series = ? ORDER BY {order}",  # noqa: S608  # names of fields
        (digest, of_group or ""),
    )
    for row in rows:
        values: dict[str, Any] = dict(zip(names, row, strict=True))
        values["source"], values["reasons"] = (_texts(values[key], path) for key in ("source", "reasons"))
        values["group"] = values["group"] or None
        values["duplicate"], values["alarm"] = bool(values["duplicate"]), bool(values["alarm"])
        yield PastCheck(**values)


def _texts(listed: str, path: Path) -> tuple[str, ...]:
    """The texts of a JSON list."""
    try:
        found: tuple[str, ...] = build(tuple[str, ...], parse(listed, LIMITS))
    except (NotStrictError, Malformed) as error:
        raise NotAuditedError(
            f"{safe_name(str(path))} is damaged: a list of texts is none", "restore it from a copy"
        ) from error
    return found


def _with_evidence(db: sqlite3.Connection, checks: Sequence[PastCheck]) -> Iterator[PastCheck]:
    """The checks with their families and statistics, in their order."""
    for start in range(0, len(checks), MOST):
        some = checks[start : start + MOST]
        families: dict[int, list[PastFamily]] = {check.id: [] for check in some}
        statistics: dict[int, list[PastStatistic]] = {check.id: [] for check in some}
        marks, ids = ", ".join("?" for _ in some), [check.id for check in some]
        for check, name, gate, p, adjusted, significant, effect, lower in db.execute(
            f"SELECT {_FAMILY} FROM families WHERE check_id IN ({marks}) ORDER BY rowid",  # noqa: S608  # question marks
            ids,
        ):
            families[check].append(PastFamily(name, gate, p, adjusted, bool(significant), effect, lower))
        for check, *values in db.execute(
            f"SELECT {_STATISTIC} FROM statistics WHERE check_id IN ({marks}) ORDER BY rowid",  # noqa: S608  # question marks
            ids,
        ):
            statistics[check].append(_statistic(values))
        for check in some:
            yield replace(check, families=tuple(families[check.id]), statistics=tuple(statistics[check.id]))


def _with_accuracy(db: sqlite3.Connection, checks: Sequence[PastCheck]) -> Iterator[PastCheck]:
    """The checks with what was estimated of the classifier's accuracy, and what labels say of it."""
    harm, labelled = {}, {}
    if store.has_table(db, "harm"):
        harm = {row[0]: _harm(row[1:]) for row in db.execute(f"SELECT {_HARM} FROM harm")}  # noqa: S608  # our own words
    if store.has_table(db, "labelled"):
        labelled = {row[:2]: _labelled(row[2:]) for row in db.execute(f"SELECT {_LABELLED} FROM labelled")}  # noqa: S608
    for check in checks:
        at = (check.batch_digest, check.baseline_digest)
        yield replace(check, harm=harm.get(check.id), labelled=labelled.get(at))


def _harm(row: Sequence[Any]) -> PastHarm:
    """A row of `harm` without its check."""
    cells: dict[str, Any] = dict(zip(list(content.HARM)[1:], row, strict=True))
    stream, these = (_estimate(cells, name) for name in ("accuracy", "accuracy_of_these"))
    alarm, foreign = bool(cells.pop("alarm")), bool(cells.pop("is_foreign"))
    return PastHarm(**cells, accuracy=stream, accuracy_of_these=these, alarm=alarm, foreign=foreign)


def _labelled(row: Sequence[Any]) -> PastLabelled:
    """A row of `labelled` without its key."""
    cells: dict[str, Any] = dict(zip(list(content.LABELLED)[2:], row, strict=True))
    found = _estimate(cells, "accuracy")
    if found is None:  # no cell of this table is empty
        raise AssertionError
    return PastLabelled(**cells, accuracy=found)


def _estimate(cells: dict[str, Any], name: str) -> AccuracyEstimate | None:
    """What three cells hold, taken out of them."""
    value, low, high = (cells.pop(f"{name}{end}") for end in ("", "_low", "_high"))
    return None if value is None else AccuracyEstimate(value, low, high)


def _statistic(values: Sequence[Any]) -> PastStatistic:
    """A row of `statistics` without its check: ten plain values, then both summaries."""
    now, good = (None if side[0] is None else Summary(*side) for side in (values[10:17], values[17:24]))
    plain: dict[str, Any] = dict(zip(_PLAIN, values[:10], strict=True))
    return PastStatistic(**plain, now=now, good=good)


def _acknowledged(db: sqlite3.Connection, chosen: Series | None) -> Iterator[Acknowledged]:
    if chosen is None:
        return
    rows = db.execute(
        "SELECT created, note, baseline_digest, series, value, after FROM acknowledged"
        " WHERE baseline_digest = ? AND series = ? ORDER BY id",
        (chosen.baseline_digest, chosen.group or ""),
    )
    for created, note, digest, group, value, after in rows:
        yield Acknowledged(created, note, digest, group or None, value, after)


def _standing(db: sqlite3.Connection, series: Sequence[Series], chosen: Series | None) -> tuple[Series, ...]:
    if chosen is None:
        return ()
    before = [digest for digest, _ in succession.standing(db, chosen.baseline_digest, chosen.group or "")]
    return tuple(one for one in series if one.group == chosen.group and one.baseline_digest in before)


def _cut(chart: Any, ids: set[int]) -> Any:
    """The part of a chart that belongs to the checks that are shown."""
    at = [k for k, check in enumerate(chart.checks) if check in ids]
    return replace(
        chart, checks=tuple(chart.checks[k] for k in at), values=tuple(chart.values[k] for k in at)
    )


def require_some(past: Past) -> Past:
    """The same value, if it holds checks. Raises NotAuditedError (3) where nothing is left to show."""
    if not past.checks:
        what = "no checks in this period" if past.earlier else "no checks"
        raise NotAuditedError(
            f"{safe_name(past.database)} holds {what}", "driftcli check --history FILE adds them"
        )
    return past
