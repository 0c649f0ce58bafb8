"""A new baseline begins at 0 and does not end the alarm of the one before it without a word."""

from __future__ import annotations

import pytest

from driftcli.check_history import read, record
from driftcli.reports.history import html as _html
from driftcli.reports.history import text as _text
from tests.check_history.test_history import report, settings

OLD, NEW = "a" * 64, "c" * 64
TOLD = "was raised against the baseline of before (aaaaaaaaaaaa) and is not acknowledged"


@pytest.fixture
def file(tmp_path):
    """Four days of drift against the old baseline: an alarm."""
    file = tmp_path / "drift.db"
    for day in range(1, 5):
        last = record.record(
            report(f"d{day}", 0.001, OLD, created=f"2026-11-0{day}T06:00:00Z"), settings(file)
        )
    assert last.sequence.alarm
    return file


def again(file, day, baseline=NEW, p=0.5, **more):
    created = f"2026-11-{day:02}T06:00:00Z"
    return record.record(report(f"d{day}", p, baseline, created=created), settings(file, **more))


def told(found):
    return [reason for reason in found.reasons if TOLD in reason]


def test_every_check_against_the_new_baseline_tells_of_the_alarm_until_it_is_acknowledged(file):
    """It neither fails for it nor takes its evidence over."""
    for day in (5, 6):
        found = again(file, day)
        assert (found.exit_code, found.sequence.alarm, found.sequence.checks) == (0, False, day - 4)
        (reason,) = told(found)
        assert reason.startswith("the alarm of 2026-11-04T06:00:00Z")
        assert "began again at 0 on 2026-11-05" in reason
        assert f"driftcli history {file} --acknowledge" in reason
    (ended,) = record.acknowledge(file, "new camera")
    assert ended.baseline_digest == OLD
    assert not told(again(file, 7))
    assert read.read(file).standing == ()


def test_an_alarm_of_the_new_baseline_comes_first(file):
    for day in (5, 6, 7, 8):
        found = again(file, day, p=0.001)
    assert (found.exit_code, found.sequence.alarm) == (1, True)
    assert "evidence of 4 checks together" in found.reasons[0]
    assert len(told(found)) == 1


def test_baselines_that_are_checked_in_turns_do_not_succeed_one_another(file):
    """Two cameras share a history without groups: the alarm of one is none of the other's."""
    again(file, 5)
    again(file, 6, OLD)
    assert not told(again(file, 7))
    assert read.read(file).standing == ()


def test_another_group_and_the_batch_gate_are_not_told(file):
    assert not told(again(file, 5, group="line 2"))
    assert not told(again(file, 6, mode="batch"))


def test_without_an_alarm_there_is_nothing_to_tell(tmp_path):
    file = tmp_path / "drift.db"
    again(file, 1, OLD)
    assert not told(again(file, 2))


def test_the_history_says_it_first(file):
    again(file, 5)
    past = read.read(file)
    assert [series.baseline_digest for series in past.standing] == [OLD]
    page = " ".join(_text.to_text(past).split())
    assert (
        "ALARM since 2026-11-04 06:00 against the baseline of before (aaaaaaaaaaaa), not acknowledged."
        in page
    )
    assert "began again at 0 with the check of 2026-11-05 06:00" in page
    html = _html.to_html(past)
    assert html.index("against the baseline of before, is not acknowledged") < html.index("Checks")
    assert read.read(file, baseline="aaa").standing == ()
