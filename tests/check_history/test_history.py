"""Every check is remembered once and for all, by many jobs at once, and its sequence moves exactly once."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftcli.check_history import read as retrospect
from driftcli.check_history import record
from driftcli.check_history._days import day_of
from driftcli.check_history.records import Measured, Summary
from driftcli.config.settings import Settings
from driftcli.core.errors import InternalError, NotAuditedError, UsageError
from driftcli.stats import sequential
from tests.reports import samples

ROOT = Path(__file__).parents[2]
H = 365


def settings(file, group=None, **gate):
    return Settings.model_validate(
        {"history": {"file": str(file), "group": group}, "gate": {"mode": "sequence", "alpha": 0.05, **gate}}
    )


def report(batch, p=0.5, baseline="b" * 64, own=None, **more):
    """A check of 127 images against 2,560 with this p-value; `own`: for this artifact alone, the same unless it is given."""
    base = samples.passing() if p is None or p > 0.05 else samples.drifted()
    code = 3 if p is None else 0
    gate = replace(base.gate, p_value=p, alpha=0.05, permutations=None if p is None else 999)
    gate = replace(gate, own_p_value=own or p)
    verdict = "inconclusive" if p is None else base.verdict
    more = {"families": (), **more} if p is None else more
    changes = {"gate": gate, "verdict": verdict, "exit_code": code, **more}
    changes |= {"batch": replace(base.batch, digest=batch)}
    return replace(base, **changes, reference=replace(base.reference, digest=baseline))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "drift.db"


def test_a_check_is_stored_whole(file):
    """Verdict, figures, families, statistics, summaries, reasons; names with surrogates survive."""
    spread = Summary(0.5, 0.49, 0.1, 0.3, 0.4, 0.6, 0.7)
    measured = [
        Measured("properties", "sharpness", "px", spread, replace(spread, mean=0.6)),
        Measured("properties", "constant", "", spread, spread),
    ]
    given = report("d1", 0.001)
    given = replace(given, batch=replace(given.batch, source=("caf\udce9 \x1b[2J",)))
    record.record(given, settings(file), measured)
    (check,) = retrospect.read(file).checks
    assert (check.source, check.images, check.batch_digest) == (("caf\udce9 \x1b[2J",), 127, "d1")
    assert (check.verdict, check.p_value, check.permutations, check.gate) == ("drift", 0.001, 999, "sequence")
    assert [f.name for f in check.families] == [f.name for f in given.families]
    by_name = {s.name: s for s in check.statistics}
    assert by_name["sharpness"].now == spread
    assert by_name["sharpness"].good.mean == 0.6
    assert by_name["sharpness"].p_value == given.families[3].statistics[0].p_value
    assert by_name["constant"].now == spread
    assert by_name["contrast"].now is None
    assert check.reasons[: len(given.reasons)] == given.reasons


def test_without_a_history_nothing_happens(tmp_path):
    given = report("d1")
    assert record.record(given, Settings()) is given
    assert list(tmp_path.iterdir()) == []


def test_the_sequence_is_the_fold_over_distinct_batches(file):
    """A batch checked again is stored again, marked, and counts once."""
    p = [0.5, 0.02, 0.5, 0.9, 0.3]
    reports = [
        record.record(report(f"d{k}", value), settings(file))
        for k, value in zip((1, 2, 2, 3, 1), p, strict=True)
    ]
    path = sequential.path([0.5, 0.02, 0.9], 999, H)
    assert [outcome.sequence.value for outcome in reports] == pytest.approx(
        [path[0], path[1], path[1], path[2], path[2]]
    )
    assert [outcome.sequence.checks for outcome in reports] == [1, 2, 2, 3, 3]
    assert [outcome.sequence.e_value is None for outcome in reports] == [False, False, True, False, True]
    assert [check.duplicate for check in retrospect.read(file).checks] == [False, False, True, False, True]


def test_the_sequence_decides_and_the_alarm_latches_until_acknowledged(file):
    """A batch that differs alone passes; together they alarm; a good day after them still fails."""
    codes, verdicts = [], []
    for day, p in enumerate([0.4, 0.001, 0.001, 0.001, 0.6], 1):
        last = record.record(report(f"d{day}", p), settings(file))
        codes.append(last.exit_code)
        verdicts.append(last.verdict)
    assert verdicts == ["pass", "drift", "drift", "drift", "pass"]
    assert codes == [0, 0, 0, 1, 1]
    assert "not acknowledged" in last.reasons[0]
    assert last.sequence.alarm
    (ended,) = record.acknowledge(file, "lens cleaned")
    assert (ended.note, ended.after) == ("lens cleaned", 5)
    after = record.record(report("d6", 0.5), settings(file))
    assert (after.exit_code, after.sequence.alarm, after.sequence.checks) == (0, False, 1)
    assert after.sequence.value == pytest.approx(sequential.path([0.5], 999, H)[0])
    assert record.acknowledge(file, "again") == ()
    assert [entry.note for entry in retrospect.read(file).acknowledged] == ["lens cleaned"]


def test_reasons_say_which_gate_spoke(file):
    alone = record.record(report("d1", 0.001), settings(file))
    assert "this batch alone does not fail the gate" in alone.reasons[-1]
    for day in (2, 3, 4):
        last = record.record(report(f"d{day}", 0.001), settings(file))
    assert last.reasons[0].startswith("the evidence of 4 checks together has reached")


def test_the_report_says_why_the_sequence_passes_or_fails(file):
    """Not "told not to fail": all checks together decide, whatever this batch looks like."""
    from driftcli.reports.text import Text

    pages = [
        " ".join(Text().render(record.record(report(f"d{day}", p), settings(file))).split())
        for day, p in enumerate((0.001, 0.001, 0.001, 0.001, 0.6))
    ]
    assert pages[0].startswith("DIFFERS ")
    assert "No alarm yet: the evidence of all checks together is 0.0433, alarm at 20. Exit 0." in pages[0]
    for page in pages[3:]:
        assert page.startswith("ALARM All checks together have found a change")
        assert "Exit 1." in page
    assert "DRIFT" not in " ".join(pages)


def test_baselines_and_groups_have_sequences_of_their_own(file):
    """Another baseline is another question; another camera too."""
    for baseline, group in (("a" * 64, None), ("c" * 64, None), ("a" * 64, "cam 1"), ("a" * 64, "cam 2")):
        recorded = record.record(report("d1", 0.01, baseline), settings(file, group))
        assert (recorded.sequence.checks, recorded.sequence.group) == (1, group)
    assert len(retrospect.read(file).series) == 4
    assert retrospect.read(file, group="cam 1").chosen.group == "cam 1"
    assert retrospect.read(file).chosen.group == "cam 2", "checked last"
    unnamed = retrospect.read(file, group="")
    assert (unnamed.chosen.group, unnamed.chosen.baseline_digest) == (None, "c" * 64)
    assert [check.group for check in unnamed.checks] == [None]
    assert retrospect.read(file, baseline="ccc").chosen.baseline_digest == "c" * 64
    with pytest.raises(UsageError, match="cam 3"):
        retrospect.read(file, group="cam 3")


def test_the_batch_gate_moves_the_sequence_and_is_not_decided_by_it(file):
    """`--history` alone keeps M, so that `--gate sequence` may be asked for any day; it never raises the alarm."""
    for day in (1, 2, 3, 4):
        given = report(f"d{day}", 0.001, exit_code=1)
        assert record.record(given, settings(file, mode="batch")) == given
    assert not retrospect.read(file).chosen.alarm
    again = record.record(report("d4", 0.001), settings(file))
    assert (again.exit_code, again.sequence.alarm, again.sequence.checks) == (1, True, 4)


def test_what_does_not_count(file):
    """Not audited; nothing can be said of this artifact alone; what stays within the tolerance counts as p = 1."""
    record.record(report("d1", None), settings(file))
    small = report("d2", 0.001)
    record.record(replace(small, gate=replace(small.gate, own_p_value=None)), settings(file, mode="batch"))
    read = retrospect.read(file)
    assert [check.e_value for check in read.checks] == [None, None]
    assert [check.verdict for check in read.checks] == ["inconclusive", "drift"]
    assert read.chosen.value == 0
    near = report("d3", 0.001)
    near = replace(near, gate=replace(near.gate, tolerance=0.5, effect_lower=0.48))
    assert record.record(near, settings(file)).sequence.e_value == 0.5


def test_evidence_counts_p_for_this_artifact_alone(file):
    """Not the gate's p, which is exact only on average over held-out sets; the history keeps that one, and what it was worth."""
    recorded = record.record(report("d1", 0.01, own=0.0176), settings(file))
    assert recorded.sequence.e_value == sequential.e_value(0.0176, 999) < sequential.e_value(0.01, 999)
    (check,) = retrospect.read(file).checks
    assert (check.p_value, check.e_value) == (0.01, sequential.e_value(0.0176, 999))


def test_a_batch_that_was_not_audited_counts_when_it_is(file):
    record.record(report("d1", None), settings(file))
    recorded = record.record(report("d1", 0.5), settings(file))
    assert recorded.sequence.checks == 1
    assert not retrospect.read(file).checks[1].duplicate


def test_not_audited_stays_3_in_an_alarm(file):
    """3 goes before 1; the state is told."""
    for day in (1, 2, 3, 4):
        record.record(report(f"d{day}", 0.001), settings(file))
    recorded = record.record(report("d5", None), settings(file))
    assert (recorded.exit_code, recorded.sequence.alarm, recorded.sequence.e_value) == (3, True, None)


def test_rules_and_fail_on_keep_their_meaning(file):
    """A failed rule fails whatever the sequence says; --fail-on none never fails by the sequence."""
    from driftcli.core.report import RuleResult

    broken = report("d1", 0.5, rules=(RuleResult("max_loss_increase", 0.4, 0.2, True),))
    assert record.record(broken, settings(file)).exit_code == 1
    for day in (2, 3, 4, 5):
        recorded = record.record(report(f"d{day}", 0.001), settings(file, fail_on="none"))
    assert (recorded.exit_code, recorded.sequence.alarm) == (0, True)


def test_the_horizon_is_the_stake_of_a_day(file):
    recorded = record.record(report("d1", 0.04), settings(file, horizon=10))
    assert recorded.sequence.horizon == 10
    assert recorded.sequence.value == pytest.approx(0.1 * 0.5 * 0.04**-0.5)


WRITER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
sys.path.insert(0, {root!r})
from driftcli.check_history import record
from driftcli.check_history._days import day_of
from tests.check_history.test_history import report, settings
who, rows, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
for k in range(rows):
    record.prepare(settings(file))
    record.record(report(f"{{who}}-{{k}}", (1 + (who * rows + k) % 997) / 1000), settings(file))
"""


def jobs(file, processes, rows):
    """So many checks at the same time, each a process that opens a file that is not there yet."""
    code = WRITER.format(root=str(ROOT))
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(who), str(rows), str(file)], env=environ, stderr=subprocess.PIPE
        )
        for who in range(processes)
    ]
    return [(job.communicate()[1].decode(), job.returncode) for job in running]


def test_eight_jobs_at_once_lose_nothing(file):
    """8 × 25 rows: all there, no lock error, and M is the fold in the order of the rows."""
    assert jobs(file, 8, 25) == [("", 0)] * 8
    checks = retrospect.read(file).checks
    assert len({check.batch_digest for check in checks}) == len(checks) == 200
    path = sequential.path([check.p_value for check in checks], 999, H)
    assert [check.value for check in checks] == pytest.approx(path, rel=1e-9)
    assert retrospect.read(file).chosen.counted == 200


# ---------------------------------------------------------------- files that are not as they should be


def test_a_newer_schema_is_refused_with_both_versions(file):
    record.prepare(settings(file))
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version=7")
    for attempt in (lambda: record.prepare(settings(file)), lambda: retrospect.read(file)):
        with pytest.raises(NotAuditedError, match=r"version 7.*up to 3") as caught:
            attempt()
        assert "newer" in caught.value.hint


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"\x00" * 5000])
def test_what_is_no_database_is_3(file, content):
    file.write_bytes(content)
    with pytest.raises(NotAuditedError):
        record.prepare(settings(file))
    assert file.read_bytes() == content


def test_a_database_of_another_program_is_left_alone(file):
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE precious (x)")
    for attempt in (lambda: record.prepare(settings(file)), lambda: retrospect.read(file)):
        with pytest.raises(NotAuditedError, match="another program"):
            attempt()
    assert sqlite3.connect(file).execute("SELECT name FROM sqlite_schema").fetchall() == [("precious",)]


def test_a_damaged_file_is_found_before_the_audit(file):
    for k in range(40):
        record.record(report(f"d{k}"), settings(file))
    raw = bytearray(file.read_bytes())
    raw[8192 : len(raw) - 4096] = b"\xa5" * (len(raw) - 4096 - 8192)
    file.write_bytes(raw)
    with pytest.raises(NotAuditedError):
        record.prepare(settings(file))


def test_a_missing_folder_is_2_and_a_folder_is_4(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        record.prepare(settings(tmp_path / "none" / "drift.db"))
    with pytest.raises(InternalError):
        record.prepare(settings(tmp_path))


def test_where_nobody_may_write_is_4(file):
    """Also for a user whom permissions do not stop."""
    record.prepare(settings(file))
    with pytest.MonkeyPatch.context() as patch:
        connect = sqlite3.connect
        patch.setattr(
            sqlite3, "connect", lambda path, *a, **k: connect(f"{Path(path).as_uri()}?mode=ro", *a, uri=True, **k)
        )  # fmt: skip
        with pytest.raises(InternalError, match=r"readonly|read-only"):
            record.record(report("d1"), settings(file))


def test_a_missing_history_is_3_and_none_is_made(file):
    for attempt in (lambda: retrospect.read(file), lambda: record.acknowledge(file, "")):
        with pytest.raises(NotAuditedError, match="no history"):
            attempt()
    assert not file.exists()


def test_limit_and_since_cut_what_is_shown_not_what_is_known(file):
    for day in range(1, 6):
        created = f"2026-11-0{day}T06:00:00Z"
        record.record(report(f"d{day}", 0.5, created=created), settings(file))
    whole = retrospect.read(file)
    last = retrospect.read(file, limit=2)
    assert [check.id for check in last.checks] == [4, 5]
    assert (last.earlier, last.checks[-1].value) == (3, whole.checks[-1].value)
    assert last.charts[1].values == whole.charts[1].values[-2:]
    assert len(retrospect.read(file, since="2026-11-03").checks) == 3
    assert retrospect.read(file, since="1m").checks == ()
    with pytest.raises(UsageError, match="neither a date nor an age"):
        retrospect.read(file, since="yesterday")


def test_rows_hold_json_that_others_can_read(file):
    """The database is an interface too: plain columns, lists as JSON."""
    record.record(report("d1", 0.001), settings(file))
    row = sqlite3.connect(file).execute("SELECT source, reasons, exit_code FROM checks").fetchone()
    assert isinstance(json.loads(row[0]), list)
    assert all(isinstance(reason, str) for reason in json.loads(row[1]))


# ---------------------------------------------------------------- days, and where reports are


OLD = Path(__file__).parents[1] / "fixtures" / "0.1.0" / "history.db"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def dated(batch, day, p=0.5, **more):
    """A check of images from `day`, its report beside it."""
    base = report(batch, p, created=f"2026-11-20T00:00:0{batch[1:]}Z")
    return replace(base, batch=replace(base.batch, date=day), **more)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2026-11-03", "2026-11-03T00:00:00Z"),
        ("2026-11-03T06:30", "2026-11-03T06:30:00Z"),
        ("2026-11-03T06:30+09:00", "2026-11-02T21:30:00Z"),
        ("2026-11-29", "2026-11-29T00:00:00Z"),  # it has begun on Kiribati
        ("2026-W45-2", "2026-11-03T00:00:00Z"),
    ],
)
def test_a_day_is_an_iso_date(text, stored):
    assert day_of(text, NOW) == stored


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", "no ISO date"),
        ("30d", "no ISO date"),
        ("03.11.2026", "no ISO date"),
        ("2026-02-30", "no ISO date"),
        ("2026-11-30", "in the future"),
        ("2026-11-28T12:00:01Z", "in the future"),
    ],
)
def test_what_is_no_day_is_refused(text, why):
    with pytest.raises(UsageError, match=why) as caught:
        day_of(text, NOW)
    assert caught.value.hint


def test_a_day_without_a_history_is_refused():
    wanted = Settings.model_validate({"history": {"date": "2026-11-03"}})
    with pytest.raises(UsageError, match="without a history"):
        record.prepare(wanted)


def test_days_are_shown_in_their_order_and_counted_in_that_of_the_checks(file):
    """A day that arrives late has its place among the dates; the sequence took it when it came, and says so."""
    given = [("d1", "2026-11-01"), ("d2", "2026-11-05"), ("d3", "2026-11-03"), ("d4", "2026-11-06")]
    told = [
        record.record(dated(batch, f"{day}T00:00:00Z", p), settings(file))
        for (batch, day), p in zip(given, (0.5, 0.01, 0.3, 0.9), strict=True)
    ]
    late = ["audited after those of 2026-11-05" in " ".join(one.cautions) for one in told]
    assert late == [False, False, True, False]
    assert [one.sequence.value for one in told] == pytest.approx(
        sequential.path([0.5, 0.01, 0.3, 0.9], 999, H)
    )
    past = retrospect.read(file)
    assert [check.batch_digest for check in past.checks] == ["d1", "d3", "d2", "d4"]
    assert (past.chosen.first[:10], past.chosen.last[:10]) == ("2026-11-01", "2026-11-06")
    assert [check.batch_digest for check in retrospect.read(file, since="2026-11-04").checks] == ["d2", "d4"]
    assert [check.batch_digest for check in retrospect.read(file, limit=1).checks] == ["d4"]


def test_two_checks_of_one_day_are_not_late(file):
    record.record(report("d1", created="2026-11-03T06:00:00Z"), settings(file))
    again = record.record(dated("d2", "2026-11-03T00:00:00Z"), settings(file))
    assert not any("audited after" in caution for caution in again.cautions)


def test_where_the_report_is_comes_back(file):
    record.record(dated("d1", None, link="out/caf\udce9.html"), settings(file))
    record.record(dated("d2", None), settings(file))
    assert [check.report for check in retrospect.read(file).checks] == ["out/caf\\udce9.html", None]


def test_a_history_of_0_1_0_is_read_as_it_is_and_migrated_by_a_writer(tmp_path):
    """Reading changes no byte of it; the first check that is added brings it up to date, and nothing is lost."""
    file = Path(shutil.copy(OLD, tmp_path / "old.db"))
    before = file.read_bytes()
    old = retrospect.read(file)
    assert old.checks
    assert all(check.day is None and check.report is None for check in old.checks)
    assert file.read_bytes() == before
    record.record(dated("d1", "2026-11-03T00:00:00Z", link="r.html"), settings(file))
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (3,)
        assert db.execute("SELECT count(*) FROM checks").fetchone()[0] == 1 + sum(
            s.checks for s in old.series
        )
    same = retrospect.read(file, baseline=old.chosen.baseline_digest)
    assert same.checks == old.checks


def test_a_sequence_of_0_1_0_goes_on_where_it_stands(tmp_path):
    """Its evidence, counted by p itself, is kept; what is added counts p for this artifact alone."""
    file = Path(shutil.copy(OLD, tmp_path / "old.db"))
    old = retrospect.read(file).chosen
    given = report("new", 0.04, own=0.06, baseline=old.baseline_digest)
    now = record.record(given, settings(file, group=old.group)).sequence
    before = sequential.State(old.value, old.counted, old.alarm)
    assert now.value == pytest.approx(sequential.advanced(before, sequential.e_value(0.06, 999), H).value)
    assert now.checks == old.counted + 1


def test_jobs_that_migrate_at_once_migrate_once(tmp_path):
    """Four processes find the same old file: each adds its check, and the columns are added by one of them."""
    file = Path(shutil.copy(OLD, tmp_path / "old.db"))
    code = (
        "import sys; from tests.check_history.test_history import report, settings, record\n"
        "record.record(report('d' + sys.argv[2]), settings(sys.argv[1]))"
    )
    jobs = [subprocess.Popen([sys.executable, "-c", code, file, str(k)], cwd=ROOT) for k in range(4)]
    assert [job.wait(60) for job in jobs] == [0, 0, 0, 0]
    assert len(retrospect.read(file, baseline="b" * 64).checks) == 4
    with sqlite3.connect(file) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(checks)")]
    assert names.count("day") == names.count("report") == 1
