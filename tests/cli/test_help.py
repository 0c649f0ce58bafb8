"""Help is quick, complete and true: its defaults are the settings', its commands the contract's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from driftcli.cli.app import app
from driftcli.config.resolve import OPTIONS, resolve
from driftcli.config.settings import Settings

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(app).commands
COMMON = {
    "config",
    "sets",
    "show_config",
    "seed",
    "device",
    "workers",
    "quiet",
    "verbose",
    "no_progress",
    "color",
    "log_format",
}
LIGHT = ("torch", "torchvision", "scipy", "sklearn", "matplotlib", "numpy", "pydantic", "PIL", "yaml", "rich")


@pytest.mark.parametrize(
    "argv",
    [[], ["--help"], ["-h"], ["--version"], ["check", "--help"], ["chek"], ["help"], ["help", "limits"]],
)
def test_help_imports_nothing_heavy(argv):
    """Nor does a page of the manual, or a wrong command line; Typer loads pydantic as soon as there is a command."""
    light = [name for name in LIGHT if name != "pydantic" or not argv or argv[0].startswith("-")]
    code = (
        "import sys\nfrom driftcli.cli import app\napp.run(sys.argv[1:])\n"
        f"print([name for name in {light!r} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stderr.splitlines()[-1] == "[]"


def test_importing_the_package_imports_nothing_heavy():
    code = f"import driftcli, sys; print([name for name in {(*LIGHT, 'typer')!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "help"])
def test_every_command_takes_the_common_options(name):
    """Contract: commands. `help` reads no settings, so that it helps where they are wrong."""
    assert {param.name for param in COMMANDS[name].params} >= COMMON


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_every_command_has_examples(name):
    command = COMMANDS[name]
    assert all(param.help for param in command.params)
    assert f"driftcli {name}" in command.epilog


def _documented():
    for name, command in COMMANDS.items():
        for param in command.params:
            found = re.search(r"\(default: ([^)]*)\)", param.help or "")
            if found and param.name.replace("_", "-") in OPTIONS:
                yield pytest.param(param.name, found[1], id=f"{name}-{param.name}")


@pytest.mark.parametrize(("option", "documented"), list(_documented()))
def test_the_defaults_in_help_are_the_settings(option, documented):
    """Resolved as if somebody had typed what the help says."""
    value = [documented] if option == "method" else documented
    assert resolve(options={option: value}).settings == Settings()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_other_defaults_in_help_are_the_parameters(name):
    for param in COMMANDS[name].params:
        found = re.search(r"\(default: ([^)]*)\)", param.help or "")
        if found and param.name.replace("_", "-") not in OPTIONS and not found[1].startswith("`"):
            assert str(param.default) == found[1]


def test_every_setting_with_an_option_can_be_given_somewhere():
    """OPTIONS has no entry that no command takes."""
    taken = {param.name.replace("_", "-") for command in COMMANDS.values() for param in command.params}
    assert set(OPTIONS) <= taken


def test_the_main_help(main):
    """The verbs in the order of use, and every exit code."""
    out = main("--help").out
    verbs = [
        "fit",
        "baseline",
        "check",
        "refresh",
        "profile",
        "report",
        "history",
        "inspect",
        "simulate",
        "queue",
        "score",
        "power",
        "doctor",
        "demo",
        "help",
    ]
    assert re.findall(r"^  ([a-z]+)  ", out.split("Commands:")[1].split("Options:")[0], re.MULTILINE) == verbs
    assert "..." not in out.split("Commands:")[1].split("Options:")[0]
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "130 "):
        assert f"\n  {code}" in out


def test_usage_lines_are_as_the_contract_writes_them(main):
    assert main("check", "--help").out.startswith("Usage: driftcli check [OPTIONS] ARTIFACT SOURCE...\n")
    assert main("fit", "--help").out.startswith("Usage: driftcli fit [OPTIONS] SOURCE...\n")
    assert main("simulate", "--help").out.startswith("Usage: driftcli simulate [OPTIONS] SOURCE...\n")
