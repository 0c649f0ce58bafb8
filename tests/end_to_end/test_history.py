"""`check --history` and `history` as a user runs them, on images."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from driftcli.check_history import read
from tests.journey import pictures

SEQUENCE = ("--gate", "sequence", "--alpha", 0.05)


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """Two good days and five bright ones, 20 images each."""
    root = tmp_path_factory.mktemp("days")
    lights = [0, 0, 45, 45, 45, 45, 45]
    return [pictures(root / f"day {n}", 20, 100 + n, light=light) for n, light in enumerate(lights, 1)]


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "drift.db"


@pytest.mark.usefixtures("quick")
def test_a_week(world, days, database, check, drift):
    """The batch gate sees the third day; the sequence alarms by the seventh (110 good images for 20 of a day), latches, and is acknowledged."""
    kept = ("--history", database)
    codes = [check(world.ref, day, *kept).result["exit_code"] for day in days]
    assert codes == [0, 0, 1, 1, 1, 1, 1]
    first = check(world.ref, days[-1], *kept, *SEQUENCE).result
    assert (first["exit_code"], first["sequence"]["alarm"], first["sequence"]["checks"]) == (1, True, 7)
    assert first["sequence"]["e_value"] is None, "these images had moved it"
    good = check(world.ref, days[0], *kept, *SEQUENCE).result
    assert (good["verdict"], good["exit_code"]) == ("pass", 1)
    assert "not acknowledged" in good["reasons"][0]
    ended = drift("history", database, "--acknowledge", "--note", "new lamp", "-v")
    assert (ended.code, "acknowledged the alarm" in ended.err) == (0, True)
    after = check(world.ref, days[0], *kept, *SEQUENCE).result
    assert (after["exit_code"], after["sequence"]["value"]) == (0, 0.0)
    brightness = [
        next(s for s in c.statistics if s.name == "brightness").now.mean
        for c in read.read(database).checks[:6]
    ]
    assert max(brightness[:2]) < min(brightness[2:])


@pytest.mark.usefixtures("quick")
def test_what_is_refused(world, days, tmp_path, check, drift):
    """2 without a history; 3 with a baseline below 5 images for one of the batch, and remembered as such."""
    ran = drift("check", world.ref, days[0], "--gate", "sequence")
    assert (ran.code, ran.out) == (2, "")
    assert "--history FILE" in ran.err
    database = tmp_path / "drift.db"
    few = check(world.ref, world.fresh, *SEQUENCE, "--history", database).result
    assert (few["exit_code"], few["verdict"]) == (3, "inconclusive")
    assert "110 images" in few["reasons"][0]
    gone = check(world.ref, tmp_path / "nothing", "--history", database)
    assert gone.code == 3
    stored = read.read(database).checks
    assert [(one.verdict, one.exit_code) for one in stored] == [("inconclusive", 3)] * 2
    assert stored[0].value == 0


def test_a_history_that_cannot_be_used_is_found_before_anything_is_read(world, tmp_path, drift):
    other = tmp_path / "other.db"
    other.write_text("this is no database " * 50)
    ran = drift("check", world.ref, tmp_path / "not read", "--history", other)
    assert ran.code == 3
    assert "no history" in ran.err
    assert drift("check", world.ref, "x", "--history", tmp_path / "no" / "drift.db").code == 2


def filled(database: Path) -> Path:
    from driftcli.check_history import record
    from tests.check_history.test_history import report, settings

    for day in (1, 2, 3):
        record.record(report(f"d{day}", 0.3, created=f"2026-11-0{day}T06:00:00Z"), settings(database))
    return database


def test_the_history_command(tmp_path, drift):
    """Forms, files, selections, and what is wrong with them."""
    database, page = filled(tmp_path / "drift.db"), tmp_path / "page.html"
    ran = drift("history", database, "-o", f"html={page}", "--limit", 2)
    assert ran.code == 0
    assert "1 earlier ones not shown" in ran.out
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert len(json.loads(drift("history", database, "-f", "json").out)["checks"]) == 3
    assert len(drift("history", database, "-f", "csv").out.splitlines()) == 4
    assert drift("history", database, "-q").out.startswith("checks=3 last=pass p=0.3")
    assert drift("history", database, "--statistic", "sharpness").code == 0
    assert drift("history", database, "--statistic", "sharpnes").code == 2
    assert drift("history", database, "--group", "none").code == 2
    assert drift("history", database, "--note", "x").code == 2
    assert drift("history", database, "--since", "2027-01-01").code == 3
    assert drift("history", tmp_path / "none.db").code == 3
    assert drift("history", database, "-f", "html").code == 2
    warned = drift("history", database, "--acknowledge")
    assert (warned.code, "no alarm to acknowledge" in warned.err) == (0, True)


def test_history_and_inspect_never_load_torch(world, tmp_path):
    database = filled(tmp_path / "drift.db")
    code = "import sys\nfrom driftcli.cli import app\nassert app.run(sys.argv[1:]) == 0\nprint('torch' in sys.modules)"
    for argv in (("history", database), ("inspect", world.ref)):
        command = [sys.executable, "-c", code, *map(str, argv)]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
        )
        assert ran.stdout.splitlines()[-1] == "False"


def test_a_reader_in_a_folder_that_nobody_may_write_to(tmp_path, monkeypatch):
    """A backup on read-only media can be looked at."""
    import os

    database = filled(tmp_path / "drift.db")
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert len(read.read(database).checks) == 3


def test_a_check_that_fails_halfway_leaves_no_half_row(tmp_path, monkeypatch):
    """Row, evidence and sequence are one transaction."""
    from driftcli.check_history import record
    from tests.check_history.test_history import report, settings

    database = filled(tmp_path / "drift.db")
    insert = record._insert

    def broken(db, table, *rest, **more):
        if table == "sequences":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return insert(db, table, *rest, **more)

    monkeypatch.setattr(record, "_insert", broken)
    from driftcli.core.errors import InternalError

    with pytest.raises(InternalError, match="disk I/O"):
        record.record(report("d4", 0.001), settings(database))
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT count(*) FROM checks").fetchone() == (3,)
        assert db.execute("SELECT count(DISTINCT check_id) FROM statistics").fetchone() == (3,)
    assert read.read(database).chosen.counted == 3
