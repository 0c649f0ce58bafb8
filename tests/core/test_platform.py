"""Windows is refused in one sentence before anything is read; help and version still answer."""

from __future__ import annotations

import sys

import pytest

import driftcli
from driftcli.cli import app
from driftcli.core.errors import UsageError


@pytest.fixture(autouse=True)
def _windows(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")


@pytest.mark.parametrize(
    "argv",
    [
        ["fit", "images", "-o", "ref"],
        ["baseline", "ref", "images"],
        ["check", "ref", "images"],
        ["report", "result.json"],
        ["history", "drift.db"],
        ["inspect", "ref"],
        ["simulate", "images", "-o", "out"],
        ["power", "ref", "images"],
        ["doctor"],
        ["demo"],
    ],
    ids=lambda argv: argv[0],
)
def test_every_command_says_so(capfd, tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    assert app.run(argv) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: driftcli does not run on Windows")
    assert len(err.splitlines()) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["check", "--help"], ["help", "install"]])
def test_help_does_not(capfd, argv):
    assert app.run(argv) == 0
    assert capfd.readouterr().err == ""


def test_python_callers_are_told_too():
    for call in (driftcli.check, driftcli.fit):
        with pytest.raises(UsageError, match="does not run on Windows"):
            call("a", "b")
