"""With `--log-format json` every run ends in one event with the same fields, and -v says how long its stages took."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from driftcli.cli import app
from driftcli.cli._ending import Ending
from driftcli.cli.console import Terminal
from driftcli.core.errors import InternalError, NotAuditedError, UsageError
from tests.reports import samples

ROOT = Path(__file__).parents[2]
KEYS = [
    "time", "level", "event", "command", "message", "source", "verdict", "exit_code", "p", "images", "sentence",
    "error", "hint",
]  # fmt: skip
JSON = ("--log-format", "json", "-q")


def event(text: str) -> dict:
    """The one event on standard error."""
    (line,) = text.splitlines()
    found = json.loads(line)
    assert list(found) == KEYS
    assert found["event"] == "result"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    return found


@pytest.mark.parametrize("name", samples.ALL)
def test_a_check_ends_in_one_event_with_the_reports_own_sentence(main, check, name):
    """Level error where the exit code is not 0, warning where it is and there is something to look at."""
    from driftcli.reports.content import verdict

    check.result = report = samples.ALL[name]()
    found = event(main("check", "ref", "x", *JSON).err)
    assert (found["command"], found["verdict"], found["exit_code"]) == (
        "check",
        report.outcome,
        report.exit_code,
    )
    assert (found["p"], found["images"]) == (report.gate.p_value, report.batch.images)
    assert found["sentence"] == verdict.told(report)
    looks = {"pass": "info", "warn": "warning", "differs": "warning", "exit_zero": "warning"}
    assert found["level"] == looks.get(name, "error")
    assert (found["error"] is None) == (report.verdict != "inconclusive")


@pytest.mark.parametrize(
    ("raised", "code", "error", "hint"),
    [
        (UsageError("no such baseline", "use default"), 2, "no such baseline", "use default"),
        (NotAuditedError("no images", "add some"), 3, "no images", "add some"),
        (InternalError("disk full", "free it"), 4, "disk full", "free it"),
        (ValueError("a bug"), 4, "ValueError: a bug", "this is a bug in driftcli"),
        (SystemExit(1), 4, "ended from within", None),
        (KeyboardInterrupt(), 130, "interrupted", "run again"),
        (app.Terminated(), 143, "terminated", "run again"),
    ],
)
def test_a_failure_is_the_same_event(main, check, raised, code, error, hint):
    """What and what to do are fields of it, not a second line."""
    check.result = raised
    ran = main("check", "ref", "x", *JSON)
    found = event(ran.err)
    assert (ran.code, found["exit_code"], found["level"], found["command"]) == (code, code, "error", "check")
    assert error in found["error"]
    assert (found["hint"] is None) == (hint is None)
    assert hint is None or hint in found["hint"]
    assert found["source"] == ["x"]


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["check", "ref", "x", "--alpa", "3"], "check"),
        (["chekc"], None),
        (["check"], "check"),
        (["fit", "x"], "fit"),
    ],
)
def test_a_wrong_command_line_is_one_too(main, argv, command):
    ran = main(*argv, *JSON)
    found = event(ran.err)
    assert (ran.code, ran.out, found["exit_code"], found["command"]) == (2, "", 2, command)
    assert found["error"]
    assert found["hint"]


@pytest.mark.usefixtures("fit", "baseline")
def test_fit_and_baseline_end_in_one(main):
    for argv, images in ((["fit", "x", "-o", "ref"], 100), (["baseline", "ref", "x"], 60)):
        found = event(main(*argv, *JSON).err)
        assert (found["command"], found["source"], found["images"]) == (argv[0], ["x"], images)
        assert (found["exit_code"], found["level"]) == (0, "info")
        assert f"{images} images" in found["sentence"]


def test_a_report_that_cannot_be_written_keeps_the_verdict(main, check, tmp_path, monkeypatch):
    """The audit was made: 4 says that nobody has its report."""

    def full(*_):
        raise OSError(28, "No space left on device")

    check.result = samples.drifted()
    monkeypatch.setattr(os, "fsync", full)
    found = event(main("check", "ref", "x", "-o", f"json={tmp_path / 'a.json'}", *JSON).err)
    assert (found["exit_code"], found["verdict"]) == (4, "drift")
    assert "No space left" in found["error"]


def test_an_interrupted_process_ends_in_one(tmp_path):
    """A real one, by a real signal."""
    code = (
        "import sys, time\nfrom driftcli.cli import app\nfrom driftcli.audit import check\n"
        "def slow(*_, **__):\n    open(sys.argv[1], 'w').close()\n    time.sleep(60)\n"
        "check.check = slow\nsys.exit(app.run(['check', 'ref', 'x', '--log-format', 'json', '-q']))"
    )
    ready = tmp_path / "ready"
    ran = subprocess.Popen([sys.executable, "-c", code, ready], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while not ready.exists() and ran.poll() is None:
        time.sleep(0.05)
    ran.send_signal(signal.SIGINT)
    found = event(ran.communicate(timeout=60)[1])
    assert (ran.returncode, found["exit_code"], found["error"]) == (130, 130, "interrupted")


def test_warnings_and_stages_are_events_of_their_own(capsys):
    """Told apart by `event`; stages only with -v."""
    terminal = Terminal(environ={}, log_format="json", verbose=1, ending=Ending("check"))
    terminal.warn("careful")
    terminal.took("reading images", 2.0, 60)
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["event"], first["message"]) == ("warning", "warning", "careful")
    assert (second["event"], second["message"]) == ("stage", "reading images")
    assert (second["seconds"], second["steps"], second["per_second"]) == (2.0, 60, 30.0)
    assert first["command"] == second["command"] == "check"


def test_v_says_how_long_each_stage_took_and_how_fast_it_was(capsys):
    clock = iter([0.0, 0.0, 10.0, 20.0])
    terminal = Terminal(environ={"CI": "1"}, verbose=1)
    progress = terminal.progress()
    progress.clock = lambda: next(clock, 20.0)
    progress.start("reading images")
    progress.advance(60)
    progress.took("networks and measuring", 5.0, 60)
    progress.finish()
    said = capsys.readouterr().err
    assert re.search(r"^reading images: 60 files in \d+ s \([\d.]+ files/s\)$", said, re.MULTILINE)
    assert "  of that networks and measuring: 60 images in 5 s (12 images/s)\n" in said
    quiet = Terminal(environ={}, verbose=0)
    quiet.took("reading images", 1.0, 3)
    assert capsys.readouterr().err == ""
