"""The history of checks: the only writer of `--history FILE`, and the state of the gate over many checks."""

from __future__ import annotations

import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftcli.check_history import _store as store
from driftcli.check_history import _succession as succession
from driftcli.check_history._days import day_of
from driftcli.core.errors import UsageError
from driftcli.core.findings import SequenceResult
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.stats import sequential

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from driftcli.check_history.records import Acknowledged, Measured
    from driftcli.config.settings import Settings
    from driftcli.core.findings import HarmResult
    from driftcli.core.report import Report

NOTE = 2_000
"""Characters of a note that are kept."""


def prepare(settings: Settings) -> None:
    """Make the history, or verify that it is whole and writable, before any image is read.

    Does nothing where the settings name no history. Raises UsageError (2) where its folder is missing or the date is
    none, NotAuditedError (3) for a file that is no history or damaged, InternalError (4) where it cannot be written.
    """
    date(settings)
    if settings.history.file is not None:
        with store.writing(Path(settings.history.file), look=True):
            pass


def date(settings: Settings) -> str | None:
    """When the images are from, in UTC; None where the settings do not say. Raises UsageError (2) as `day_of`."""
    given = settings.history.date
    if given is None:
        return None
    if settings.history.file is None:
        raise UsageError(
            f"--date {safe_name(given)} without a history",
            "name the file that remembers the day: --history FILE",
        )
    return day_of(given)


def record(report: Report, settings: Settings, measured: Sequence[Measured] = ()) -> Report:
    """Store a check and move its sequence, in one transaction; returns the report as the gate over all checks decides.

    A sequence is the test martingale M of `driftcli.stats.sequential`, kept for each baseline and group: a check
    whose p-value for this artifact alone is p multiplies M + 1/horizon by its e-value ½·p^(−1/2), whatever its gate. It
    does not count where these very images moved M before (the bet would be made twice on one draw) or the baseline
    has fewer than five images or groups for one of the batch (nothing can be said of this artifact alone). Only
    `--gate sequence` lets M decide. What an earlier driftcli counted, by the p-value itself, stays as it is.
    `measured`: columns of the batch beside the baseline's, for trends.

    Without `--history` the report comes back as it was. Raises as `prepare`.
    """
    if settings.history.file is None:
        return report
    with store.writing(Path(settings.history.file)) as db:
        return _recorded(db, report, settings, measured)


def acknowledge(path: Path, note: str, group: str | None = None) -> tuple[Acknowledged, ...]:
    """End all alarms, of one `group` ("": the checks without one) or of all: M starts again at 0; the alarms that ended.

    When, why (`note`, at most 2,000 characters) and at what M is kept. Raises NotAuditedError (3) where there is
    no history, else as `prepare`.
    """
    from driftcli.check_history.records import Acknowledged

    with store.reading(path):
        pass  # there must be one: acknowledging makes no file
    ended = []
    with store.writing(path) as db:
        last = db.execute("SELECT coalesce(max(id), 0) FROM checks").fetchone()[0]
        alarms = db.execute("SELECT baseline_digest, series, value FROM sequences WHERE alarm").fetchall()
        for digest, series, value in alarms:
            if group is not None and series != _text(group):
                continue
            acknowledged = Acknowledged(now_utc(), _text(note)[:NOTE], digest, series or None, value, last)
            ended.append(acknowledged)
            _insert(db, "acknowledged", {**_fields(acknowledged, "group"), "series": series})
            key = (digest, series)
            db.execute(
                "UPDATE sequences SET value = 0, checks = 0, alarm = 0, since = NULL "
                "WHERE baseline_digest = ? AND series = ?",
                key,
            )
    return tuple(ended)


def _recorded(
    db: sqlite3.Connection, report: Report, settings: Settings, measured: Sequence[Measured]
) -> Report:
    series, digest = _text(settings.history.group or ""), report.reference.digest
    state, since = _state(db, digest, series)
    before = db.execute(
        "SELECT count(p_value), count(e_value) FROM checks WHERE baseline_digest = ? AND series = ? AND batch_digest = ?",
        (digest, series, report.batch.digest),
    ).fetchone()
    e = None if before[1] else _worth(report)
    if e is not None:
        state = sequential.advanced(state, e, settings.gate.horizon)
    decides = settings.gate.mode == "sequence" and digest != "" and report.gate.p_value is not None
    if decides:
        state = sequential.judged(state, report.gate.alpha)
    if settings.gate.mode == "sequence" and digest:
        report = replace(report, sequence=_result(state, e, report, settings))
    if decides:
        report = _decided(report, state, settings, since)
        report = _with_earlier_alarms(db, report, series, settings)
    report = _in_its_place(db, report, series)
    raised = since or (report.created if state.alarm else None)
    row = _row(report, settings) | {
        "series": series, "duplicate": bool(before[0] and report.batch.digest), "e_value": e,
        "value": state.value if digest else None, "alarm": state.alarm,
    }  # fmt: skip
    check = _insert(db, "checks", row)
    _insert_evidence(db, check, report, measured)
    if report.harm is not None:
        _insert(db, "harm", {"check_id": check, **_harm(report.harm)})
    if digest:
        sequence_row = {
            "baseline_digest": digest,
            "series": series,
            "value": state.value,
            "checks": state.checks,
        }
        _insert(db, "sequences", {**sequence_row, "alarm": state.alarm, "since": raised}, "INSERT OR REPLACE")
    return report


def _in_its_place(db: sqlite3.Connection, report: Report, series: str) -> Report:
    """The report with a caution where its images are older than others of the series that were audited before."""
    day, digest = report.batch.date, report.reference.digest
    (last,) = db.execute(
        "SELECT max(coalesce(day, created)) FROM checks WHERE baseline_digest = ? AND series = ?",
        (digest, series),
    ).fetchone()
    if not day or not digest or last is None or day[:10] >= last[:10]:
        return report
    told = (
        f"these images of {day[:10]} are audited after those of {last[:10]}: the history shows them under their own "
        "date, but evidence counts checks in the order in which they are made, and this one as the newest"
    )
    return replace(report, cautions=(*report.cautions, told))


def _state(db: sqlite3.Connection, digest: str, series: str) -> tuple[sequential.State, str | None]:
    """Where the series stands (M = 0 for a new one), and when its alarm was raised; None without an alarm."""
    stored = db.execute(
        "SELECT value, checks, alarm, since FROM sequences WHERE baseline_digest = ? AND series = ?",
        (digest, series),
    ).fetchone()
    if stored is None:
        return sequential.State(), None
    return sequential.State(stored[0], stored[1], bool(stored[2])), stored[3]


def _worth(report: Report) -> float | None:
    """The check's e-value; None if it does not count.

    What stays within the tolerance counts as p = 1, that is e = ½: such a batch is evidence against drift.
    """
    gate = report.gate
    if gate.own_p_value is None or gate.permutations is None or not report.reference.digest:
        return None
    tolerated = gate.tolerance > 0 and (gate.effect_lower or 0.0) <= gate.tolerance
    if (days := gate.good_days) is not None:  # they decide, whatever the share
        tolerated = report.verdict == "warn" or (report.verdict == "pass" and not days.farther)
    return sequential.e_value(1.0 if tolerated else gate.own_p_value, gate.permutations)


def _result(state: sequential.State, e: float | None, report: Report, settings: Settings) -> SequenceResult:
    return SequenceResult(
        state.value,
        sequential.threshold(report.gate.alpha),
        state.alarm,
        state.checks,
        settings.gate.horizon,
        e,
        settings.history.group,
    )


def _decided(report: Report, state: sequential.State, settings: Settings, since: str | None) -> Report:
    """The exit code of the gate over many checks, and why; the verdict on this batch stays."""
    rules = any(rule.failed for rule in report.rules)
    fails = state.alarm and settings.gate.fail_on != "none"
    place = safe_name(str(settings.history.file))
    evidence = sequential.reason(state, report.gate.alpha, since, place)
    reasons = report.reasons
    if state.alarm:
        reasons = (evidence, *reasons)
    elif report.verdict != "pass":
        reasons = (*reasons, evidence)
    return replace(report, exit_code=int(fails or rules), reasons=reasons)


def _with_earlier_alarms(db: sqlite3.Connection, report: Report, series: str, settings: Settings) -> Report:
    """The report with a reason for each alarm that a change of the baseline would otherwise end without a word."""
    (first,) = db.execute(
        "SELECT min(created) FROM checks WHERE baseline_digest = ? AND series = ?",
        (report.reference.digest, series),
    ).fetchone()
    began, place = first or report.created, safe_name(str(settings.history.file))
    told = tuple(
        f"the alarm of {since} was raised against the baseline of before ({before[:12]}) and is not acknowledged; with the new "
        f"baseline the evidence began again at 0 on {began[:10]}, and this check does not fail for that alarm: look into it, then "
        f"driftcli history {place} --acknowledge"
        for before, since in succession.standing(db, report.reference.digest, series)
    )
    return replace(report, reasons=(*report.reasons, *told))


# ---------------------------------------------------------------- rows


def _row(report: Report, settings: Settings) -> dict[str, Any]:
    gate, reference, batch = report.gate, report.reference, report.batch
    return {
        "created": report.created,
        "source": json.dumps(batch.source),
        "artifact": _text(reference.artifact),
        "baseline": _text(reference.baseline),
        "baseline_digest": reference.digest,
        "baseline_images": reference.images,
        "batch_digest": batch.digest,
        "images": batch.images,
        "verdict": report.verdict,
        "exit_code": report.exit_code,
        "gate": settings.gate.mode,
        "p_value": gate.p_value,
        "alpha": gate.alpha,
        "permutations": gate.permutations,
        "tolerance": gate.tolerance,
        "effect": gate.effect,
        "effect_lower": gate.effect_lower,
        "effect_family": gate.effect_family,
        "reasons": json.dumps(report.reasons),
        "tool": str(report.tool.get("version", "")),
        "horizon": settings.gate.horizon,
        "day": batch.date,
        "report": None if report.link is None else _text(report.link),
    }


def _insert_evidence(
    db: sqlite3.Connection, check: int, report: Report, measured: Sequence[Measured]
) -> None:
    remaining = {(column.family, column.name): column for column in measured}
    for family in report.families:
        _insert(db, "families", {"check_id": check, **_fields(family, "statistics")})
        for statistic in family.statistics:
            named = {"check_id": check, "family": family.name, **_fields(statistic, "display_effect")}
            _insert(db, "statistics", named | _summaries(remaining.pop((family.name, statistic.name), None)))
    for column in remaining.values():  # constant today, so not tested; measured all the same
        named = {"check_id": check, "family": column.family, "name": column.name}
        _insert(db, "statistics", named | _summaries(column))


def _harm(found: HarmResult) -> dict[str, Any]:
    """The row without its check."""
    estimates = {"accuracy": found.accuracy, "accuracy_of_these": found.accuracy_of_these}
    row = {
        "verdict": found.verdict,
        "class_mix": found.class_mix,
        "tolerance": found.tolerance,
        "images": found.images,
        "baseline_accuracy": found.baseline_accuracy,
        "baseline_images": found.baseline_images,
        "p_value": found.p_value,
        "alpha": found.alpha,
        "alarm": found.alarm,
        "is_foreign": found.foreign,
    }
    for name, estimate in estimates.items():
        if estimate is not None:
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


def _summaries(measured: Measured | None) -> dict[str, Any]:
    if measured is None:
        return {"unit": ""}
    values = (*astuple(measured.batch), *astuple(measured.baseline))
    return {"unit": measured.unit, **dict(zip(store.SUMMARIES, values, strict=True))}


def _fields(value: Any, *left_out: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__ if name not in left_out}


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any], verb: str = "INSERT") -> int:
    """Names come from this file, values are bound."""
    columns: Iterable[str] = row
    marks = ", ".join("?" for _ in row)
    sql = f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({marks})"
    return db.execute(sql, tuple(row.values())).lastrowid or 0


def _text(name: str) -> str:
    """UTF-8 that SQLite can hold: lone surrogates spelt out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
