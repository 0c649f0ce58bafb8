"""Formats on the command line: what is shown, what is written where, what GitHub Actions is given."""

from __future__ import annotations

import os
import stat

import pytest

from driftcli.cli._forms import SHOWN
from driftcli.core import registry
from tests.reports import samples
from tests.reports.test_github import annotations, parsed

FILES = ("csv", "github", "json", "junit", "markdown", "metrics", "openmetrics", "prometheus", "text")


@pytest.fixture(autouse=True)
def _nobody_collects(monkeypatch):
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def drifted(check):
    check.result = samples.rich()
    return check


@pytest.mark.usefixtures("drifted")
def test_every_format_is_written_in_one_run(main, tmp_path):
    """Each file is what the format renders; the exit code is the gate's."""
    assert set(FILES) <= set(registry.kinds("reports"))
    outputs = [word for kind in FILES for word in ("-o", f"{kind}={tmp_path / kind}")]
    ran = main("check", "ref", "x", *outputs)
    assert ran.code == 1
    for kind in FILES:
        written = (tmp_path / kind).read_bytes().decode()
        if kind not in ("text", "junit"):
            assert written == registry.load("reports", kind)().render(samples.rich())
        assert written


@pytest.mark.usefixtures("drifted")
@pytest.mark.parametrize("kind", SHOWN)
def test_formats_of_standard_output(main, kind):
    ran = main("check", "ref", "x", "-f", kind)
    assert ran.code == 1
    assert ran.out
    if kind != "text":
        assert ran.out.replace("\r\n", "\n") == registry.load("reports", kind)().render(samples.rich()).replace("\r\n", "\n")  # fmt: skip


def test_what_only_a_machine_reads_goes_to_a_file(main, check):
    ran = main("check", "ref", "x", "-f", "junit")
    assert (ran.code, ran.out, check.calls) == (2, "", [])
    assert "one of text, json, markdown, github, csv" in ran.err


@pytest.mark.usefixtures("drifted")
def test_only_paths_that_are_files_are_attached(main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = samples.rich().images[0].path
    (tmp_path / first).parent.mkdir(parents=True)
    (tmp_path / first).write_bytes(b"")
    main("check", "ref", "x", "-o", "junit=junit.xml")
    text = (tmp_path / "junit.xml").read_text()
    assert f"[[ATTACHMENT|{first}]]" in text
    assert text.count("[[ATTACHMENT|") == 2, "the gate and the family that found it"


@pytest.mark.usefixtures("drifted")
@pytest.mark.parametrize("how", ["shown", "written"])
def test_actions_gets_a_summary_and_outputs(main, tmp_path, monkeypatch, how):
    """Appended to what is there, whether the format is shown or written; standard output holds the annotations."""
    summary, output = tmp_path / "summary", tmp_path / "output"
    summary.write_text("before\n")
    output.write_text("a=b\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    file = tmp_path / "annotations"
    ran = main("check", "ref", "x", *(["-f", "github"] if how == "shown" else ["-o", f"github={file}"]))
    assert ran.code == 1
    assert "GitHub" not in ran.err
    assert len(annotations(ran.out if how == "shown" else file.read_text())) == 7
    assert summary.read_text().startswith("before\n## ✗ ALARM\n")
    assert parsed(output.read_text().removeprefix("a=b\n"))["verdict"] == "drift"


@pytest.mark.usefixtures("drifted")
def test_a_full_summary_is_left_as_it_is(main, tmp_path, monkeypatch):
    """Over one MiB GitHub drops all of it: what does not fit is not appended."""
    summary = tmp_path / "summary"
    summary.write_bytes(b"x" * (1024 * 1024 - 10))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main("check", "ref", "x", "-f", "github").code == 1
    assert summary.stat().st_size == 1024 * 1024 - 10


@pytest.mark.usefixtures("drifted")
def test_outside_of_actions_it_says_so(main):
    ran = main("check", "ref", "x", "-f", "github")
    assert annotations(ran.out)
    assert "not in GitHub Actions" in ran.err


@pytest.mark.usefixtures("drifted")
def test_a_summary_that_cannot_be_written_is_4_and_shows_nothing(main, tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "no" / "folder"))
    ran = main("check", "ref", "x", "-f", "github")
    assert (ran.code, ran.out) == (4, "")
    assert "cannot write" in ran.err


@pytest.mark.usefixtures("drifted")
def test_the_collector_of_prometheus_never_reads_half_a_file(main, tmp_path, monkeypatch):
    """It reads `*.prom`: what is being written has another name until it is whole."""
    seen = []
    sync = os.fsync

    def watched(number: int) -> None:
        if stat.S_ISREG(os.fstat(number).st_mode):  # the folder is synced when all is done
            seen.extend(path.name for path in tmp_path.iterdir())
        sync(number)

    monkeypatch.setattr(os, "fsync", watched)
    assert main("check", "ref", "x", "-o", f"prometheus={tmp_path / 'driftcli.prom'}").code == 1
    assert seen
    assert not [name for name in seen if name.endswith(".prom")]
    assert [path.name for path in tmp_path.iterdir()] == ["driftcli.prom"]
