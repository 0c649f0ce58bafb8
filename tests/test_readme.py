"""README says what the code does: its commands are CI's, its tables are the code's, its names exist."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import typer

from driftcli.cli.app import app
from driftcli.config.resolve import resolve
from tests.readme_blocks import BLOCKS, ROOT, updated

README = ROOT / "README.md"
LATER = ("profile", "queue", "score")
"""Commands that do not exist yet."""


@pytest.fixture(scope="module")
def text():
    return README.read_text(encoding="utf-8")


def test_the_generated_blocks_are_the_codes(text):
    """If this fails, run `DRIFTCLI_UPDATE_README=1 pytest tests/test_readme.py` and read the difference."""
    if os.environ.get("DRIFTCLI_UPDATE_README") == "1":
        README.write_text(updated(text), encoding="utf-8")
        text = README.read_text(encoding="utf-8")
    assert updated(text) == text
    assert len(BLOCKS) == 7


def _commands(text):
    """Lines of shell blocks."""
    return [
        line.strip()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]


def test_ci_runs_readmes_test_command_and_nothing_else_decides(text):
    """`.ci/run` is README's line between a `cd` and the end."""
    lines = [
        line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert lines[:2] == ["set -euo pipefail", 'cd "$(dirname "$0")/.."']
    assert lines[2:] == ["python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest"]
    assert lines[2] in _commands(text)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    steps = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "- run: .ci/run\n" in steps


def test_the_main_command_is_there(text):
    demo = "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/driftcli demo"
    assert demo in _commands(text)


def test_every_command_line_names_a_command_and_options_that_exist(text):
    """In shell blocks and in running text."""
    commands = typer.main.get_command(app).commands
    lines = [line for line in _commands(text) if line.startswith("driftcli ")]
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    lines += re.findall(r"`(driftcli [^`\n]+)`", prose)
    assert len(lines) > 15
    for line in lines:
        verb, *words = line.split("#")[0].split("|")[0].split()[1:]
        if verb.startswith("-"):
            continue
        assert verb in commands, line
        known = {name for param in commands[verb].params for name in (*param.opts, *param.secondary_opts)}
        for word in words:
            if word.startswith("-") and word != "-":
                assert word.partition("=")[0] in known | {"--help"}, line


def test_nothing_is_promised_that_does_not_exist(text):
    for verb in LATER:
        assert f"driftcli {verb}" not in text


def test_linked_files_exist_and_yaml_examples_resolve(text, tmp_path):
    """Relative links, named configs and scripts; YAML that is said to be a configuration."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / target).exists(), target
    for target in re.findall(r"`((?:configs|tests/benchmarks|sample_data)/[\w./-]+)`", text):
        assert (ROOT / target).exists() or target.startswith("sample_data/images"), target
    for number, block in enumerate(re.findall(r"```yaml\n(# driftcli.*?)```", text, re.DOTALL)):
        path = Path(tmp_path / f"{number}.yaml")
        path.write_text(block)
        assert resolve(path).settings


def test_no_machine_or_place_of_ours_is_in_it(text):
    """Paths of whoever wrote it, and hosts other than public ones."""
    for shown in (text, (ROOT / "CHANGELOG.md").read_text()):
        assert not re.search(r"/(root|home|tmp/docs|work)/", shown)
