"""0, 1, 2, 3, 4, 130 and 143 mean one thing each, and nothing but a failed gate returns 1."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from driftcli.cli import app
from driftcli.core.errors import ArtifactError, InternalError, NotAuditedError, UsageError

ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-m", "driftcli"]


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("warn", 0), ("drift", 1), ("inconclusive", 3)])
def test_a_check_returns_what_its_report_says(main, check, make_report, verdict, code):
    """The report's exit code is the process's; standard output holds the report."""
    check.result = make_report(verdict, code)
    ran = main("check", "ref", "x", "-f", "json")
    assert ran.code == code
    assert json.loads(ran.out)["exit_code"] == code


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("no such baseline", "use default"), 2),
        (InternalError("disk full", "free it"), 4),
        (ValueError("a bug"), 4),
        (MemoryError(), 4),
        (OSError(28, "No space left on device"), 4),
        (RecursionError("deep"), 4),
        (SystemExit(1), 4),
        (KeyboardInterrupt(), 130),
        (app.Terminated(), 143),
    ],
)
def test_a_failed_check_never_returns_1_and_prints_nothing(main, check, raised, code):
    """With 2 and 4 standard output is empty, and standard error says what and what to do."""
    check.result = raised
    ran = main("check", "ref", "x")
    assert (ran.code, ran.out) == (code, "")
    if not isinstance(raised, SystemExit):
        assert ran.err.startswith("error: ")
        assert "\nhint: " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "error", [NotAuditedError("no images", "add some"), ArtifactError("no artifact", "fit")]
)
def test_what_cannot_be_audited_is_3_and_still_a_result(main, check, error):
    """A pipeline that parses the JSON result finds one, with p_value null and the reason."""
    check.result = error
    ran = main("check", "ref", "x", "-f", "json")
    result = json.loads(ran.out)
    assert (ran.code, result["exit_code"], result["verdict"]) == (3, 3, "inconclusive")
    assert result["gate"]["p_value"] is None
    assert result["reasons"] == [error.what, error.hint]
    assert ran.err == f"error: {error.what}\nhint: {error.hint}\n"


def test_an_inconclusive_report_is_explained_on_standard_error_too(main, check, make_report):
    check.result = make_report("inconclusive", 3)
    assert main("check", "ref", "x").err == "error: too few images\nhint: add images\n"


@pytest.mark.parametrize(("code", "expected"), [(0, 0), (1, 0), (3, 3)])
def test_exit_zero_turns_only_1_into_0(main, check, make_report, code, expected):
    """The JSON says what the process returned; the verdict stays."""
    verdict = {0: "pass", 1: "drift", 3: "inconclusive"}[code]
    check.result = make_report(verdict, code)
    ran = main("check", "ref", "x", "--exit-zero", "-f", "json")
    result = json.loads(ran.out)
    assert (ran.code, result["exit_code"], result["verdict"]) == (expected, expected, verdict)


@pytest.mark.parametrize("raised", [UsageError("u", "h"), InternalError("i", "h"), ValueError("bug")])
def test_exit_zero_hides_no_failure(main, check, raised):
    check.result = raised
    assert main("check", "ref", "x", "--exit-zero").code in {2, 4}


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (["chek"], "No such command 'chek'.", "did you mean 'check'?"),
        (["check", "ref", "x", "--alhpa", "1"], "No such option: --alhpa", "did you mean --alpha?"),
        (["check"], "Missing argument 'ARTIFACT'.", "see `driftcli check --help`"),
        (["check", "ref", "x", "--alpha"], "requires an argument", "see `driftcli check --help`"),
        (["check", "ref", "x", "--color", "blue"], "is not one of 'auto'", "see `driftcli check --help`"),
        (["check", "ref", "x", "--fail-on", "drfit"], "--fail-on", "did you mean 'drift'?"),
        (["check", "ref", "x", "--alpha", "2"], "should be less than 0.5", ""),
        (["check", "ref", "x", "-f", "jsno"], "no format 'jsno'", "did you mean 'json'?"),
        (["check", "ref", "x", "-o", "json"], "a format without a path", "-o json=report.json"),
        (["check", "ref", "x", "-o", "json="], "not [FORMAT=]PATH", "-o json=result.json"),
        (["check", "ref", "x", "-o", "jsno=a.json"], "no format 'jsno'", "did you mean 'json'?"),
        (["check", "ref", "x", "-o", "report"], "has no suffix", "name it (FORMAT=report"),
        (
            ["check", "ref", "x", "-o", "report.docx"],
            "no format follows from '.docx'",
            "name it (FORMAT=report.docx",
        ),
        (
            ["check", "ref", "x", "-o", "report/"],
            "several formats can be a folder",
            "-o bundle=report/ or -o html=report/",
        ),
        (["check", "ref", "x", "-o", "pyproject.toml/a.json"], "pyproject.toml is no folder", "another path"),
        (["check", "ref", "x", "--max-loss-increase", "20"], "20 is a rise of 2,000%", "did you mean 20%?"),
        (["check", "ref", "x", "--set", "gate.max_loss_increase=5"], "is a rise of 500%", "did you mean 5%?"),
        (["check", "ref", "x", "--tolerance", "5"], "--tolerance", "did you mean 5%?"),
        (["check", "ref", "x", "-o", "json=."], "is a folder", "name a file"),
        (["check", "ref", "x", "-0"], "-0 without", "-0 -"),
        (["check", "ref", "-", "-"], "named twice", "once"),
        (["check", "ref", ""], "empty SOURCE", "variable"),
        (["check", "ref", "x", "-c", "no.yaml"], "no.yaml: No such file", "--config"),
    ],
)
def test_a_wrong_command_line_is_2_with_advice(main, check, argv, said, hint):
    """Nothing was audited, nothing printed to standard output."""
    ran = main(*argv)
    assert (ran.code, ran.out, check.calls) == (2, "", [])
    assert said in ran.err
    assert f"hint: {hint}" in ran.err or hint in ran.err.split("hint: ")[1]


def test_help_is_success_on_standard_output(main):
    """So is the bare command."""
    for argv in ([], ["--help"], ["-h"], ["check", "--help"]):
        ran = main(*argv)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("Usage: driftcli")


def test_the_traceback_is_for_those_who_ask_twice(main, check):
    check.result = ValueError("a bug")
    assert "Traceback" not in main("check", "ref", "x", "-v").err
    ran = main("check", "ref", "x", "-vv")
    assert "Traceback (most recent call last)" in ran.err
    assert ran.err.endswith("report the traceback\n")


def test_errors_are_json_lines_where_logs_are(main, check):
    check.result = UsageError("what", "do")
    event = json.loads(main("check", "ref", "x", "--log-format", "json").err)
    assert (event["level"], event["message"], event["hint"]) == ("error", "what", "do")
    assert json.loads(main("check", "ref", "x", "--log-format", "json", "--nope").err)["level"] == "error"


def test_names_cannot_write_to_the_terminal(main, check):
    """Escape sequences in a message arrive spelt out."""
    check.result = UsageError("bad \x1b[31mname\x07", "rename\r it")
    err = main("check", "ref", "x").err
    assert "\\x1b[31mname\\x07" in err
    assert "rename\\x0d it" in err


def _process(*argv: str, code: str = "", **more):
    command = [sys.executable, "-c", code, *argv] if code else [*MODULE, *argv]
    env = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTCLI_")}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, env={**env, **more}
    )


@pytest.mark.parametrize(
    ("argv", "code"),
    [([], 0), (["--help"], 0), (["--version"], 0), (["chek"], 2), (["check", "no-artifact"], 2)],
)
def test_the_process_returns_the_code(argv, code):
    ran = _process(*argv)
    assert ran.returncode == code, ran.stderr
    assert bool(ran.stdout) == (code == 0)


_STUBBED = """
import sys, time
from driftcli.audit import check, fit
from driftcli.core import registry
from driftcli.cli import app
{body}
app.main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_process_within_two_seconds(number, code):
    body = "fit.fit = lambda *a, **k: (print('ready', flush=True), time.sleep(30))"
    process = subprocess.Popen(
        [sys.executable, "-c", _STUBBED.format(body=body), "fit", "x", "-o", "y"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert time.monotonic() - began < 2
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_a_reader_that_left_changes_no_verdict(tmp_path):
    """`driftcli check … | true` returns the verdict's code, silently."""
    body = f"""
from dataclasses import replace
from pathlib import Path
from driftcli.core.errors import NotAuditedError
from driftcli.audit.inconclusive import inconclusive
from driftcli.config.settings import Settings
class Text:
    pictures = folder = False
    def render(self, report): return "x" * 200_000
others, loaded = registry.kinds, registry.load
registry.kinds = lambda room: ("text",) if room == "reports" else others(room)
registry.load = lambda room, kind: Text if room == "reports" else loaded(room, kind)
report = inconclusive(NotAuditedError("", ""), artifact=Path({str(tmp_path)!r}), sources=[], settings=Settings())
check.check = lambda *a, **k: replace(report, verdict="drift", exit_code=1)
"""
    code = _STUBBED.format(
        body=body.replace("class Text", "from dataclasses import dataclass\n@dataclass\nclass Text")
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "check", "a", "b"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == ""
    process.stderr.close()


def test_closed_streams_are_no_failure():
    """`>&-`, as some schedulers start their jobs."""
    ran = subprocess.run(f"{sys.executable} -m driftcli --help >&- 2>&-", shell=True, cwd=ROOT, check=False)  # noqa: S602
    assert ran.returncode == 0
    ran = subprocess.run(f"{sys.executable} -m driftcli nonsense >&- 2>&-", shell=True, cwd=ROOT, check=False)  # noqa: S602
    assert ran.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_4():
    body = "from types import SimpleNamespace\nfrom driftcli.cli import _summary\n_summary.fitted = lambda *a, **k: 'done'\nfit.fit = lambda *a, **k: SimpleNamespace(fitted_on=1)"
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", _STUBBED.format(body=body), "fit", "x", "-o", "y"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ran.returncode == 4
    assert "error: standard output is not writable" in ran.stderr


def test_standard_input_that_is_closed_is_3(world):
    """`-` reads the paths from it."""
    words = f"{sys.executable} -m driftcli check {world.ref} - --workers 1 <&-"
    ran = subprocess.run(words, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)  # noqa: S602
    assert ran.returncode == 3
    assert "error: standard input is closed" in ran.stderr
    assert "hint: pipe paths into it" in ran.stderr


@pytest.mark.usefixtures("check")
def test_more_workers_than_serve_are_not_started_and_that_is_said(main, monkeypatch):
    from driftcli.core import threads

    monkeypatch.setattr(threads, "most_workers", lambda: 5)
    ran = main("check", "ref", "x", "--workers", "256")
    assert (ran.code, "warning: --workers 256: 5 are started" in ran.err) == (0, True)
    assert "warning" not in main("check", "ref", "x", "--workers", "5").err


@pytest.mark.usefixtures("check")
def test_no_worker_is_started_for_an_artifact_that_is_not_there(main, monkeypatch, tmp_path):
    from driftcli.sources.decoding import process

    started = []
    monkeypatch.setattr(process, "_begun", lambda: started.append(1))
    monkeypatch.setattr(process, "_ended", lambda _: None)
    main("check", str(tmp_path), "x", "--workers", "9")
    assert started == []
    (tmp_path / "manifest.json").touch()
    main("check", str(tmp_path), "x", "--workers", "9")
    assert 0 < len(started) <= max(1, os.cpu_count() or 1)
