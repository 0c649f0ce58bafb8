"""The SQLite file below `history.py`: its schema, and transactions that many jobs at once may ask for."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from driftcli.check_history import _content as content
from driftcli.core.errors import DriftcliError, InternalError, NotAuditedError, UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Result = TypeVar("Result")

APPLICATION = 0x64726674
"""SQLite's application_id of a history: the letters drft."""
PATIENCE = 60.0
"""Seconds that a writer waits for others. Each holds the lock for milliseconds."""
PAUSE = 0.02
_SUMMARY = ("mean", "median", "sd", "q05", "q25", "q75", "q95")
SUMMARIES = tuple(f"{side}_{name}" for side in ("batch", "baseline") for name in _SUMMARY)
MIGRATIONS = (
    (
        """CREATE TABLE checks (
            id INTEGER PRIMARY KEY, created TEXT NOT NULL, source TEXT NOT NULL, artifact TEXT NOT NULL,
            baseline TEXT NOT NULL, baseline_digest TEXT NOT NULL, baseline_images INTEGER NOT NULL,
            series TEXT NOT NULL, batch_digest TEXT NOT NULL, images INTEGER NOT NULL, verdict TEXT NOT NULL,
            exit_code INTEGER NOT NULL, gate TEXT NOT NULL, p_value REAL, alpha REAL NOT NULL,
            permutations INTEGER, tolerance REAL NOT NULL, effect REAL, effect_lower REAL, effect_family TEXT,
            reasons TEXT NOT NULL, tool TEXT NOT NULL, horizon INTEGER NOT NULL, duplicate INTEGER NOT NULL,
            e_value REAL, value REAL, alarm INTEGER NOT NULL)""",
        "CREATE INDEX batches ON checks (baseline_digest, series, batch_digest)",
        """CREATE TABLE families (
            check_id INTEGER NOT NULL REFERENCES checks (id), name TEXT NOT NULL, gate TEXT NOT NULL,
            p_value REAL, p_adjusted REAL, significant INTEGER NOT NULL, effect REAL, effect_lower REAL)""",
        "CREATE INDEX families_of ON families (check_id)",
        f"""CREATE TABLE statistics (
            check_id INTEGER NOT NULL REFERENCES checks (id), family TEXT NOT NULL, name TEXT NOT NULL,
            batch REAL, baseline REAL, change REAL, p_value REAL, p_raw REAL, effect REAL, effect_lower REAL,
            unit TEXT NOT NULL, {", ".join(f"{name} REAL" for name in SUMMARIES)})""",
        "CREATE INDEX statistics_of ON statistics (check_id)",
        """CREATE TABLE sequences (
            baseline_digest TEXT NOT NULL, series TEXT NOT NULL, value REAL NOT NULL, checks INTEGER NOT NULL,
            alarm INTEGER NOT NULL, since TEXT, PRIMARY KEY (baseline_digest, series))""",
        """CREATE TABLE acknowledged (
            id INTEGER PRIMARY KEY, created TEXT NOT NULL, note TEXT NOT NULL, baseline_digest TEXT NOT NULL,
            series TEXT NOT NULL, value REAL NOT NULL, after INTEGER NOT NULL)""",
    ),
    (
        "ALTER TABLE checks ADD COLUMN day TEXT",
        "ALTER TABLE checks ADD COLUMN report TEXT",
    ),
    (
        """CREATE TABLE harm (
            check_id INTEGER PRIMARY KEY REFERENCES checks (id), verdict TEXT NOT NULL, class_mix TEXT NOT NULL,
            tolerance REAL NOT NULL, images INTEGER NOT NULL, baseline_accuracy REAL NOT NULL,
            baseline_images INTEGER NOT NULL, accuracy REAL, accuracy_low REAL, accuracy_high REAL,
            accuracy_of_these REAL, accuracy_of_these_low REAL, accuracy_of_these_high REAL, p_value REAL NOT NULL,
            alpha REAL NOT NULL, alarm INTEGER NOT NULL, is_foreign INTEGER NOT NULL)""",
        """CREATE TABLE labelled (
            batch_digest TEXT NOT NULL, baseline_digest TEXT NOT NULL, created TEXT NOT NULL, queue TEXT NOT NULL,
            images INTEGER NOT NULL, labelled INTEGER NOT NULL, labels REAL NOT NULL, accuracy REAL NOT NULL,
            accuracy_low REAL NOT NULL, accuracy_high REAL NOT NULL, PRIMARY KEY (batch_digest, baseline_digest))""",
    ),
)
"""What turns each version of the schema into the next; `user_version` counts how many have been done."""
_DAMAGED = {
    *(sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT),
    *(sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_FORMAT),
}
"""What SQLite says of a file in which tables, columns or cells are not what we made. (ERROR: there is no such column.)"""
_HINT = "name another file, or restore this one from a copy"


@contextlib.contextmanager
def writing(path: Path, *, look: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection inside one transaction that holds the write lock from its start, committed when the block ends well.

    The file and its tables are made if need be. `look`: check the whole file first. Raises UsageError (2) where the folder is missing, NotAuditedError (3)
    for a file that is no history, or a newer one, or damaged, InternalError (4) where it cannot be written.
    """
    if not path.parent.is_dir():
        raise UsageError(
            f"--history {safe_name(str(path))}: there is no folder {safe_name(str(path.parent))}",
            "create it first",
        )
    with _own_errors(path), contextlib.closing(_opened(str(path))) as db:
        _patiently(lambda: _prepare(db, path, look=look))
        _patiently(lambda: db.execute("BEGIN IMMEDIATE"))
        try:
            yield db
        except BaseException:
            db.rollback()
            raise
        _patiently(db.commit)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection inside one transaction, so that all it reads is of one moment.

    Raises as `writing`, and NotAuditedError (3) where there is no file.
    """
    if not path.is_file():
        raise NotAuditedError(
            f"there is no history {safe_name(str(path))}", "driftcli check --history FILE writes one"
        )
    with _own_errors(path), contextlib.closing(_read_only(path)) as db:
        db.execute("BEGIN")
        if _version(db, path) == 0:
            raise NotAuditedError(
                f"{safe_name(str(path))} holds no checks", "driftcli check --history FILE adds them"
            )
        content.require(db, safe_name(str(path)), content.SHOWN)
        yield db


def has(db: sqlite3.Connection, column: str) -> bool:
    """Whether `checks` has the column: a file that is only read keeps the schema it was written with."""
    return any(row[1] == column for row in db.execute("PRAGMA table_info(checks)"))


def has_table(db: sqlite3.Connection, table: str) -> bool:
    """Whether the table is there: as `has`."""
    return (
        db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).fetchone()
        is not None
    )


def _read_only(path: Path) -> sqlite3.Connection:
    """In a folder where nobody may write, SQLite reads a quiet file only if told that it stays quiet."""
    quiet = not os.access(path.parent, os.W_OK) and not Path(f"{path}-wal").exists()
    mode = "mode=ro&immutable=1" if quiet else "mode=ro"
    return _opened(f"{path.resolve().as_uri()}?{mode}", uri=True)


def _opened(address: str, **how: bool) -> sqlite3.Connection:
    """Nothing in the file is trusted: neither its schema to call functions, nor its texts to be UTF-8."""
    db = sqlite3.connect(address, PATIENCE, isolation_level=None, **how)
    db.execute("PRAGMA trusted_schema=OFF")
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db


def _prepare(db: sqlite3.Connection, path: Path, *, look: bool) -> None:
    db.execute("PRAGMA synchronous=FULL")
    version = _version(db, path)
    if look and db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise NotAuditedError(f"{safe_name(str(path))} is damaged", _HINT)
    if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        db.execute(
            "PRAGMA journal_mode=WAL"
        )  # where the file system cannot, SQLite keeps its rollback journal
    if version:
        content.require(db, safe_name(str(path)), content.DECIDING)
    if version == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[_version(db, path) :]:  # again: another job may have been faster
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id={APPLICATION}")
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _version(db: sqlite3.Connection, path: Path) -> int:
    """How many migrations the file has seen; refuses what is not ours, or is of a later driftcli."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    application = int(db.execute("PRAGMA application_id").fetchone()[0])
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    name = safe_name(str(path))
    if application != APPLICATION and not (empty and version == 0):
        raise NotAuditedError(f"{name} is a database of another program", "name another file with --history")
    if not 0 <= version <= len(MIGRATIONS):
        raise NotAuditedError(
            f"{name} has schema version {version}, and this driftcli knows up to {len(MIGRATIONS)}",
            "use the driftcli that wrote it, or a newer one",
        )
    return version


def _patiently(act: Callable[[], Result]) -> Result:
    """Again while other jobs hold the file: SQLite's own timeout does not cover the change to WAL."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if _code(error) not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} or time.monotonic() > end:
                raise
        time.sleep(PAUSE)


@contextlib.contextmanager
def _own_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors inside the block into driftcli's, with a hint."""
    try:
        yield
    except sqlite3.Error as error:
        raise _explained(error, safe_name(str(path))) from error
    except UnicodeDecodeError as error:  # the name of a column
        raise NotAuditedError(f"{safe_name(str(path))} is no history, or damaged", _HINT) from error


def _explained(error: sqlite3.Error, name: str) -> DriftcliError:
    code = _code(error)
    if code in _DAMAGED or not code:  # without one: what Python itself makes of a cell
        return NotAuditedError(f"{name} is no history, or damaged: {error}", _HINT)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return InternalError(
            f"{name} is held by another program for more than {PATIENCE:.0f} s", "run the command again"
        )
    return InternalError(f"{name}: {error}", "check permissions and free space; the file needs a local disk")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
