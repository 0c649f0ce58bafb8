"""Beside the drift, a history keeps what was estimated of the classifier's accuracy, and what labels say of it since."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from driftcli.check_history import _store, read, record, scored
from driftcli.check_history.records import PastLabelled
from driftcli.check_history.scored import Batch
from driftcli.core.errors import NotAuditedError
from driftcli.core.findings import AccuracyEstimate, HarmResult
from tests.check_history.test_history import report, settings


def harmed(value=0.7, *, known=True):
    """An estimate of this accuracy; `known`: the classifier was run on corrupted good images."""
    stream, these = (
        AccuracyEstimate(value, value - 0.1, value + 0.1),
        AccuracyEstimate(value, value - 0.2, 1.0),
    )
    return HarmResult(
        verdict="probably hurts" if known else "cannot say", tolerance=0.05, class_mix="free", images=120,
        baseline_accuracy=0.93, baseline_images=250, accuracy=stream if known else None,
        accuracy_of_these=these if known else None, drop=0.93 - value if known else None, p_value=0.004, alpha=0.05,
        alarm=True, foreign=False, published={}, classes=(), reasons=(), cautions=(),
    )  # fmt: skip


def labelled(value=0.72, **more):
    facts = {"created": "2026-11-28T09:00:00Z", "queue": "q1", "images": 127, "labelled": 20, "labels": 17.5}
    return PastLabelled(**facts | more, accuracy=AccuracyEstimate(value, value - 0.1, value + 0.1))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "drift.db"


def kept(file, **more):
    return {check.batch_digest: check for check in read.read(file, **more).checks}


def test_what_was_estimated_comes_back_field_for_field(file):
    record.record(report("d1", harm=harmed()), settings(file))
    record.record(report("d2", harm=harmed(known=False)), settings(file))
    record.record(report("d3"), settings(file))
    found = kept(file)
    for batch, given in (("d1", harmed()), ("d2", harmed(known=False))):
        names = list(found[batch].harm.__slots__)
        assert [getattr(found[batch].harm, name) for name in names] == [
            getattr(given, name) for name in names
        ]
    assert found["d3"].harm is None
    assert {check.labelled for check in found.values()} == {None}


def test_a_check_that_failed_has_no_accuracy(file):
    record.record(report("d1", None), settings(file))
    assert kept(file)["d1"].harm is None


def test_what_labels_say_lies_beside_the_check_and_scoring_again_replaces_it(file):
    for day in ("d1", "d2"):
        record.record(report(day, harm=harmed()), settings(file))
    ours = [
        (Batch("d1", "b" * 64, "2026-11-01"), labelled()),
        (Batch("gone", "b" * 64, "2026-11-09"), labelled()),
    ]
    assert scored.remember(file, ours) == scored.Kept(("2026-11-01",), (), ("2026-11-09",))
    assert kept(file)["d1"].labelled == labelled()
    assert kept(file)["d2"].labelled is None
    again = scored.remember(file, [(ours[0][0], labelled(0.8, queue="q2", labelled=60))])
    assert (again.kept, again.replaced) == (("2026-11-01",), ("2026-11-01",))
    assert kept(file)["d1"].labelled == labelled(0.8, queue="q2", labelled=60)
    assert sqlite3.connect(file).execute("SELECT count(*) FROM labelled").fetchone() == (1,)


def test_one_batch_against_two_baselines_has_an_accuracy_for_each(file):
    """Two models may have looked at the same images. A queue of before, which knows no baseline, means all of them."""
    for baseline in ("a" * 64, "b" * 64):
        record.record(report("d1", baseline=baseline), settings(file))
    scored.remember(file, [(Batch("d1", "a" * 64, "day"), labelled(0.5))])
    assert kept(file, baseline="aaa")["d1"].labelled.accuracy.value == 0.5
    assert kept(file, baseline="bbb")["d1"].labelled is None
    scored.remember(file, [(Batch("d1", "", "day"), labelled(0.6))])
    assert [kept(file, baseline=name)["d1"].labelled.accuracy.value for name in ("aaa", "bbb")] == [0.6, 0.6]


def test_labels_stay_with_a_batch_that_is_checked_again(file):
    record.record(report("d1"), settings(file))
    scored.remember(file, [(Batch("d1", "b" * 64, "day"), labelled())])
    record.record(report("d1", harm=harmed()), settings(file))
    assert [check.labelled for check in read.read(file).checks] == [labelled()] * 2


def test_a_history_without_these_images_is_refused_and_left_as_it_is(file):
    record.record(report("d1"), settings(file))
    record.record(report("", None, baseline=""), settings(file))
    before = file.read_bytes()
    for unknown in (Batch("d2", "b" * 64, "day"), Batch("d1", "c" * 64, "day"), Batch("", "", "day")):
        with pytest.raises(NotAuditedError, match="no check of these images"):
            scored.require(file, [unknown])
    scored.require(file, [Batch("d2", "b" * 64, "day"), Batch("d1", "b" * 64, "day")])
    assert file.read_bytes() == before
    with pytest.raises(NotAuditedError, match="there is no history"):
        scored.require(file.with_name("none.db"), [Batch("d1", "b" * 64, "day")])
    assert not file.with_name("none.db").exists()


@pytest.fixture
def older(file, monkeypatch):
    """A history as the version before wrote it: two checks, no table for accuracies."""
    monkeypatch.setattr(_store, "MIGRATIONS", _store.MIGRATIONS[:2])
    for day in ("d1", "d2"):
        record.record(report(day, 0.02), settings(file))
    monkeypatch.undo()
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def test_a_history_of_the_version_before_is_read_as_it_is(older):
    before = older.read_bytes()
    found = kept(older)
    assert [(check.harm, check.labelled) for check in found.values()] == [(None, None)] * 2
    assert older.read_bytes() == before


@pytest.mark.parametrize("writer", ["check", "score"])
def test_a_history_of_the_version_before_is_brought_up_to_date_by_whoever_writes(older, writer):
    then = read.read(older)
    if writer == "check":
        record.record(report("d3", harm=harmed()), settings(older))
    else:
        scored.remember(older, [(Batch("d2", "b" * 64, "day"), labelled())])
    now = read.read(older)
    assert now.checks[0] == then.checks[0]
    assert [replace(check, labelled=None) for check in now.checks[:2]] == list(then.checks)
    assert now.checks[-1].harm == kept(older)[now.checks[-1].batch_digest].harm
    assert (now.checks[-1].harm is not None, now.checks[1].labelled is not None) == (
        writer == "check",
        writer == "score",
    )


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("harm", "accuracy = 1.5"),
        ("harm", "accuracy = NULL"),
        ("harm", "accuracy_of_these_low = NULL"),
        ("harm", "verdict = 'hurts'"),
        ("harm", "p_value = 'x'"),
        ("labelled", "accuracy_low = -0.1"),
        ("labelled", "labels = 9e999"),
        ("labelled", "created = 'yesterday'"),
    ],
)
def test_a_cell_that_nobody_writes_is_refused(file, table, change):
    record.record(report("d1", harm=harmed()), settings(file))
    scored.remember(file, [(Batch("d1", "b" * 64, "day"), labelled())])
    read.read(file)
    with sqlite3.connect(file) as db:
        db.execute(f"UPDATE {table} SET {change}")  # noqa: S608
    with pytest.raises(NotAuditedError, match=f"damaged.*in {table} a "):
        read.read(file)


@pytest.mark.parametrize("table", ["harm", "labelled"])
def test_a_table_of_another_shape_is_refused(file, table):
    record.record(report("d1", harm=harmed()), settings(file))
    with sqlite3.connect(file) as db:
        db.execute(f"DROP TABLE {table}")
        db.execute(f"CREATE TABLE {table} (verdict TEXT)")
    with pytest.raises(NotAuditedError, match=f"table {table} with other columns"):
        read.read(file)
    write = {
        "harm": lambda: record.record(report("d2", harm=harmed()), settings(file)),
        "labelled": lambda: scored.remember(file, [(Batch("d1", "b" * 64, "day"), labelled())]),
    }
    with pytest.raises(NotAuditedError):
        write[table]()
