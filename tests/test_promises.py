"""What users read promises nothing that does not exist: no command, no option, no future."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from driftcli.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    {ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "driftcli" / "docs").rglob("*.md")}
)
COMMANDS = typer.main.get_command(app).commands
OPTIONS = {
    name
    for command in (typer.main.get_command(app), *COMMANDS.values())
    for parameter in command.params
    for name in (*parameter.opts, *parameter.secondary_opts)
} | {"--help"}
OTHERS = {"--find-links", "--design", "--cli"}
"""Options of pip and of the programs in tests/benchmarks."""
FUTURE = re.compile(
    r"\b(planned|roadmap|coming soon|upcoming|not yet|for now|will (?:soon|later)"
    r"|in (?:a|the) (?:later|future|coming|next) (?:version|release)|(?:later|future|next) (?:versions?|releases?))\b",
    re.IGNORECASE,
)


def _code(text: str) -> list[str]:
    """Fenced blocks and code spans."""
    blocks = re.findall(r"```.*?\n(.*?)```", text, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return blocks + spans


def broken(text: str) -> list[str]:
    """Commands and options of ours that are named in code and do not exist, and words about the future."""
    commands = [
        verb for code in _code(text) for verb in re.findall(r"(?<![\w./-])driftcli ([a-z][\w-]*)", code)
    ]
    spans = re.findall(r"`(--[a-z][a-z0-9-]*)[^`\n]*`", text)
    return [
        *(f"driftcli {verb}" for verb in commands if verb not in COMMANDS),
        *(option for option in spans if option not in OPTIONS | OTHERS),
        *(match[0] for match in FUTURE.finditer(text)),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_nothing_is_promised_that_does_not_exist(page):
    assert broken(page.read_text(encoding="utf-8")) == []


def test_what_a_command_says_of_itself_promises_nothing_either():
    assert len(COMMANDS) > 5
    for command in COMMANDS.values():
        said = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
        assert broken("\n".join(said)) == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("run `driftcli train FOLDER`", ["driftcli train"]),
        ("```sh\ncd photos\ndriftcli rate ref photos | less\n```", ["driftcli rate"]),
        ("with `--use-the-force` or `--alpha 0.05`", ["--use-the-force"]),
        ("Profiles are planned.", ["planned"]),
        ("In a later version it sees sound.", ["In a later version"]),
        ("Windows: not yet.", ["not yet"]),
        ("`driftcli check ref photos --alpha 0.05`, and `pip --no-deps`", []),
    ],
)
def test_a_promise_is_noticed(text, names):
    assert broken(text) == names
