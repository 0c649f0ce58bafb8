"""What the cells of a history must be: types, ranges and times, column by column, looked at by SQLite itself.

SQLite keeps any value in any column; and a file may hold views and triggers, which run when a table is read or written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftcli.core.errors import NotAuditedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

LONGEST = 1_000_000
"""Characters of a text."""
FINITE = 1.7e308


def _number(least: float, most: float, kinds: str = "'real', 'integer'") -> str:
    return f"(typeof({{0}}) IN ({kinds}) AND {{0}} BETWEEN {least!r} AND {most!r})"


_TEXT = f"(typeof({{0}}) = 'text' AND length({{0}}) <= {LONGEST})"
_TIME = "(typeof({0}) = 'text' AND length({0}) <= 40 AND substr({0}, 1, 10) = strftime('%Y-%m-%d', {0}))"
_COUNT = _number(0, 2**53, "'integer'")
_FLAG = "({0} IS 0 OR {0} IS 1)"
_SHARE, _ANY, _EVIDENCE = _number(0, 1), _number(-FINITE, FINITE), _number(0, FINITE)


def _maybe(kind: str) -> str:
    return f"({{0}} IS NULL OR {kind})"


CHECKS: Mapping[str, str] = {
    "id": _COUNT, "created": _TIME, "source": _TEXT, "artifact": _TEXT, "baseline": _TEXT, "baseline_digest": _TEXT,
    "baseline_images": _COUNT, "series": _TEXT, "batch_digest": _TEXT, "images": _COUNT, "verdict": _TEXT,
    "exit_code": _COUNT, "gate": "({0} IN ('batch', 'sequence'))", "p_value": _maybe(_SHARE),
    "alpha": _number(1e-12, 1), "permutations": _maybe(_COUNT), "tolerance": _SHARE, "effect": _maybe(_SHARE),
    "effect_lower": _maybe(_SHARE), "effect_family": _maybe(_TEXT), "reasons": _TEXT, "tool": _TEXT,
    "horizon": _number(1, 10**9, "'integer'"), "duplicate": _FLAG, "e_value": _maybe(_EVIDENCE),
    "value": _maybe(_EVIDENCE), "alarm": _FLAG, "day": _maybe(_TIME), "report": _maybe(_TEXT),
}  # fmt: skip
SEQUENCES: Mapping[str, str] = {
    "baseline_digest": _TEXT, "series": _TEXT, "value": _EVIDENCE, "checks": _COUNT, "alarm": _FLAG,
    "since": _maybe(_TIME),
}  # fmt: skip
ACKNOWLEDGED: Mapping[str, str] = {
    "id": _COUNT, "created": _TIME, "note": _TEXT, "baseline_digest": _TEXT, "series": _TEXT, "value": _EVIDENCE,
    "after": _COUNT,
}  # fmt: skip
FAMILIES: Mapping[str, str] = {
    "check_id": _COUNT, "name": _TEXT, "gate": "({0} IN ('on', 'advisory', 'off'))", "p_value": _maybe(_SHARE),
    "p_adjusted": _maybe(_SHARE), "significant": _FLAG, "effect": _maybe(_SHARE), "effect_lower": _maybe(_SHARE),
}  # fmt: skip
_SUMMARY = ("mean", "median", "sd", "q05", "q25", "q75", "q95")
STATISTICS: Mapping[str, str] = {
    "check_id": _COUNT, "family": _TEXT, "name": _TEXT, "batch": _maybe(_ANY), "baseline": _maybe(_ANY),
    "change": _maybe(_ANY), "p_value": _maybe(_SHARE), "p_raw": _maybe(_SHARE), "effect": _maybe(_SHARE),
    "effect_lower": _maybe(_SHARE), "unit": _TEXT,
    **{
        f"{side}_{name}": f"(({{0}} IS NULL) = ({side}_mean IS NULL) AND {_maybe(_ANY)})"  # all of a summary, or none
        for side in ("batch", "baseline")
        for name in _SUMMARY
    },
}  # fmt: skip
HARM: Mapping[str, str] = {
    "check_id": _COUNT, "verdict": "({0} IN ('probably hurts', 'probably harmless', 'cannot say'))",
    "class_mix": "({0} IN ('free', 'fixed'))", "tolerance": _SHARE, "images": _COUNT, "baseline_accuracy": _SHARE,
    "baseline_images": _COUNT, "p_value": _SHARE, "alpha": _number(1e-12, 1), "alarm": _FLAG, "is_foreign": _FLAG,
    **{
        f"{of}{end}": f"(({{0}} IS NULL) = (accuracy IS NULL) AND {_maybe(_SHARE)})"  # all six, or none
        for of in ("accuracy", "accuracy_of_these") for end in ("", "_low", "_high")
    },
}  # fmt: skip
LABELLED: Mapping[str, str] = {
    "batch_digest": _TEXT, "baseline_digest": _TEXT, "created": _TIME, "queue": _TEXT, "images": _COUNT, "labelled": _COUNT,
    "labels": _EVIDENCE, "accuracy": _SHARE, "accuracy_low": _SHARE, "accuracy_high": _SHARE,
}  # fmt: skip
DECIDING = {"checks": CHECKS, "sequences": SEQUENCES, "acknowledged": ACKNOWLEDGED}
"""What a new check builds on: a row each."""
SHOWN = {**DECIDING, "families": FAMILIES, "statistics": STATISTICS, "harm": HARM, "labelled": LABELLED}
"""And what looking back shows."""
_LATER = {"day", "report"}
"""Columns that the first version had not."""
_LATER_TABLES = {"harm", "labelled"}
"""Tables that the first two versions had not."""


def require(db: sqlite3.Connection, name: str, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Raise NotAuditedError for a file that holds anything but tables, or a cell that no check has written.

    `name`: the file's, as it may be shown. Cells of columns that are not listed here are nobody's business yet.
    """
    for kind, table in db.execute(
        "SELECT type, name FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
    ):
        raise _wrong(name, f"a {kind} {table!a}")
    for table, columns in tables.items():
        there = {row[1]: row[6] for row in db.execute(f"PRAGMA table_xinfo({table})")}
        if table in _LATER_TABLES and not there:
            continue
        missing = sorted(columns.keys() - there.keys() - _LATER)
        if missing or any(there.values()):  # a hidden column is computed
            raise _wrong(
                name, f"a table {table} with other columns ({', '.join(missing) or 'computed ones'})"
            )
        for column in columns.keys() & there.keys():
            fits = columns[column].format(column)
            found = db.execute(f"SELECT rowid FROM {table} WHERE NOT ifnull({fits}, 0) LIMIT 1").fetchone()  # noqa: S608 - our own words
            if found is not None:
                raise _wrong(name, f"in {table} a {column} that is none (row {found[0]})")


def _wrong(name: str, what: str) -> NotAuditedError:
    return NotAuditedError(
        f"{name} is damaged, or no history: it holds {what}",
        "name another file, or restore this one from a copy",
    )
