"""What goes where: results to standard output and files, the rest to standard error, colour to terminals only."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from driftcli.audit import check as audit
from driftcli.cli._progress import Bars, Lines, TerminalProgress
from driftcli.cli.console import Terminal, wants_colour
from driftcli.core.findings import ImageResult

ROOT = Path(__file__).parents[2]
ANSI = re.compile(r"\x1b\[")


class Tty(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "choice", "environ", "expected"),
    [
        (Tty(), "auto", {}, True),
        (Tty(), "auto", {"NO_COLOR": "1"}, False),
        (Tty(), "auto", {"TERM": "dumb"}, False),
        (Tty(), "never", {}, False),
        (io.StringIO(), "auto", {"GITHUB_ACTIONS": "true"}, False),
        (io.StringIO(), "auto", {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), "auto", {"FORCE_COLOR": ""}, False),
        (Tty(), "auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (Tty(), "never", {"FORCE_COLOR": "1"}, False),
        (io.StringIO(), "always", {"NO_COLOR": "1"}, True),
        (None, "auto", {}, False),
    ],
)
def test_colour_is_for_terminals_unless_asked_for(stream, choice, environ, expected):
    assert wants_colour(stream, choice, environ) is expected


@pytest.mark.parametrize("argv", [["--help"], ["check", "--help"], ["nonsense"]])
def test_no_escape_codes_in_a_ci_log(argv):
    """Whatever service runs it."""
    ran = subprocess.run(
        [sys.executable, "-m", "driftcli", *argv], cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "GITHUB_ACTIONS": "true", "CI": "true", "PY_COLORS": "1"},
    )  # fmt: skip
    assert not ANSI.search(ran.stdout + ran.stderr)


@pytest.mark.parametrize(
    ("more", "coloured"), [((), True), (("--color", "never"), False)], ids=["alone", "--color wins"]
)
def test_force_color_colours_a_pipe(more, coloured):
    ran = subprocess.run(
        [sys.executable, "-m", "driftcli", "check", "--no-such-option", *more], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, "FORCE_COLOR": "1"},
    )  # fmt: skip
    assert ran.returncode == 2
    assert bool(ANSI.search(ran.stderr)) is coloured


def test_a_terminal_gets_colour_and_no_color_takes_it_away():
    assert ANSI.search(_on_terminal({}))
    assert not ANSI.search(_on_terminal({"NO_COLOR": "1"}))


def _on_terminal(more: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    env = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "CI"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "driftcli", "--help"],
        cwd=ROOT,
        stdout=theirs,
        env={**env, "TERM": "xterm", **more},
    )
    os.close(theirs)
    text = b""
    while select.select([ours], [], [], 20)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    process.wait(timeout=20)
    os.close(ours)
    return text.decode()


def test_reports_are_written_beside_what_is_shown(main, check, make_report, tmp_path):
    """Atomically, and before the exit code is given."""
    check.result = make_report("drift", 1)
    target, other = tmp_path / "a.json", tmp_path / "b.txt"
    target.write_text("old")
    ran = main("check", "ref", "x", "-o", f"json={target}", "-o", f"text={other}")
    assert ran.code == 1
    assert json.loads(target.read_text())["verdict"] == "drift"
    assert "drift" in other.read_text().lower()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.txt"]


@pytest.mark.usefixtures("check")
def test_a_link_is_written_through_and_a_device_is_left_a_device(main, tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    assert main("check", "ref", "x", "-o", f"json={link}", "-o", "text=/dev/null").code == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())
    assert not Path("/dev/null").is_file()


@pytest.mark.usefixtures("check")
def test_a_report_that_cannot_be_written_is_4_and_shows_nothing(main, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = main("check", "ref", "x", "-o", f"json={tmp_path / 'a.json'}")
    assert (ran.code, ran.out) == (4, "")
    assert "No space left" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_one_path_is_one_report(main, check, tmp_path):
    ran = main("check", "ref", "x", "-o", f"json={tmp_path}/a", "-o", f"text={tmp_path}/./a")
    assert (ran.code, check.calls) == (2, [])


@pytest.mark.usefixtures("check", "fit", "baseline")
def test_quiet_is_one_line(main):
    for argv in (
        ["check", "ref", "x", "-q"],
        ["fit", "x", "-o", "ref", "-q"],
        ["baseline", "ref", "x", "-q"],
    ):
        ran = main(*argv)
        assert (ran.code, ran.out.count("\n"), ran.err) == (0, 1, "")


@pytest.mark.usefixtures("fit", "baseline")
def test_fit_and_baseline_say_what_they_did_and_what_is_next(main):
    out = main("fit", "x", "-o", "ref").out
    assert "learnt from 100 images, held out 50" in out
    assert "1 unreadable (truncated)" in out
    assert "caution: careful" in out
    assert (
        "baseline holdout: adequate for batches of up to 2 images; for 20 give 400 (driftcli baseline ref"
        in out
    )
    assert "next: driftcli check ref" in out
    out = main("baseline", "ref", "x").out
    assert "2 groups: mon 30, tue 30" in out
    assert "\n  adequate for batches of up to 3 images; for 20 give 400\n" in out
    assert "left out 1 that the reference was fitted on" in out


def test_standard_input_is_passed_on(main, check):
    main("check", "ref", "-")
    assert check.calls[-1][0][1] == ["-"]
    main("check", "ref", "-0", "-")
    assert check.calls[-1][0][1] == ["-0"]


def test_a_log_gets_a_line_every_ten_seconds(capsys):
    """With what is done, of how much, and how long it will take."""
    clock = iter([0.0, 0.0, 0.0, 1.0, 10.5, 11.0, 12.0, 12.0])
    lines = Lines.__new__(Lines)
    lines.clock = lambda: next(clock)
    lines.__init__(Terminal(environ={}))
    lines.start("decoding", 400)
    lines.advance(10)
    lines.advance(90)
    lines.advance(1)
    lines.finish()
    assert capsys.readouterr().err.splitlines() == [
        "decoding: 100 of 400 (25%), about 32 s left",
        "decoding: 101 of 400 (25%), about 36 s left, done",
    ]


def test_who_draws(monkeypatch):
    """Bars on a terminal; lines in CI, with JSON logs, on a dumb terminal; nothing with -q."""
    monkeypatch.setattr(sys, "stderr", Tty())
    kinds = [
        (Terminal(environ={}), Bars),
        (Terminal(environ={"CI": "1"}), Lines),
        (Terminal(environ={"TERM": "dumb"}), Lines),
        (Terminal(environ={}, log_format="json"), Lines),
        (Terminal(environ={}, quiet=True), TerminalProgress),
        (Terminal(environ={}, show_progress=False), TerminalProgress),
    ]
    for terminal, kind in kinds:
        assert type(terminal.progress()) is kind
        terminal.close()


def test_bars_are_drawn_and_taken_away(monkeypatch):
    stream = Tty()
    monkeypatch.setattr(sys, "stderr", stream)
    terminal = Terminal(environ={})
    bars = terminal.progress()
    bars.start("decoding", 10)
    bars.advance(5, "half\x1b[2J")
    bars.start("inner")
    bars.finish()
    terminal.close()
    assert "decoding" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h")


def test_demo_runs_real_command_lines(main, check, fit, baseline, make_report, monkeypatch, tmp_path):
    """Options reach every command; what the commands print is in the story; -q is one line."""
    from driftcli.cli import demo_story
    from driftcli.simulation.sample import days

    few = tuple(days.Folder(f.name, 1, f.first_day, f.mix, f.fault) for f in days.FOLDERS)
    monkeypatch.setattr(days, "FOLDERS", few)
    monkeypatch.setattr(
        demo_story, "WEEK", tuple(day for day in demo_story.WEEK if day.name in {"day-02", "day-06"})
    )
    reports = {"day-02": make_report(), "day-06": make_report("drift", 1)}
    monkeypatch.setattr(audit, "check", lambda _ref, named, *a, **k: check(_ref, named, *a, **k) and reports[Path(named[0]).name])  # fmt: skip
    ran = main("demo", "-o", str(tmp_path), "--seed", "3", "--workers", "1", "--set", "gate.alpha=0.02")
    assert (ran.code, ran.err) == (0, "")
    assert {audited.settings.seed for audited in (fit, baseline, check)} == {3}
    assert {audited.settings.workers for audited in (fit, baseline, check)} == {1}
    assert check.settings.gate.alpha == 0.02
    assert (
        f"check {tmp_path}/ref {tmp_path}/day-06 -o json={tmp_path}/results/day-06.json --seed 3" in ran.out
    )
    assert "DRIFT" in ran.out
    assert " verdict=pass " in ran.out
    reports["day-06"] = make_report()
    ran = main("demo", "-o", str(tmp_path), "-q", "--seed", "3")
    assert (ran.code, ran.out) == (4, "")
    assert "day-06 returned 0, not 1" in ran.err


def test_the_report_is_as_long_and_as_plain_as_asked_for(main, check, make_report, monkeypatch):
    """--top-k bounds the images shown; a stream that cannot show blocks gets ASCII."""
    images = tuple(ImageResult(f"{n}.jpg", n, 1.0, "style", ()) for n in range(1, 30))
    check.result = make_report("drift", 1, images=images)
    assert main("check", "ref", "x").out.count(".jpg") == 5
    assert main("check", "ref", "x", "-v").out.count(".jpg") == 10
    assert main("check", "ref", "x", "--top-k", "12").out.count(".jpg") == 12
    assert main("check", "ref", "x", "--top-k", "3").out.count(".jpg") == 3
    monkeypatch.setattr(Terminal, "unicode", lambda _self: False)
    assert main("check", "ref", "x").out.isascii()


def test_unicode_is_what_the_stream_can_show(monkeypatch):
    for encoding, able in (("utf-8", True), ("ascii", False), ("latin-1", False), ("nonsense", False)):
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(encoding=encoding))
        assert Terminal().unicode() is able
