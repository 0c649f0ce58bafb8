"""How every command begins: how the terminal speaks, which settings hold, what `--show-config` prints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from driftcli.cli.console import Terminal
from driftcli.config import resolve
from driftcli.core.errors import DriftcliError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftcli.config.settings import Settings


@dataclass(frozen=True)
class Session:
    """One run of one command."""

    terminal: Terminal
    resolved: resolve.Resolved

    @property
    def settings(self) -> Settings:
        """All settings, resolved."""
        return self.resolved.settings

    @property
    def given(self) -> frozenset[str]:
        """Dotted keys that the user set."""
        return resolve.given(self.resolved)


def begin(context: typer.Context, arguments: Mapping[str, Any]) -> Session:
    """Settings from a command's arguments (`locals()`); prints them and stops for `--show-config`.

    Raises UsageError for anything wrong in options, environment or file.
    """
    terminal = speak(context, arguments)
    options = {
        name: arguments[name.replace("-", "_")]
        for name in resolve.OPTIONS
        if arguments.get(name.replace("-", "_")) not in (None, False, [])
    }
    resolved = resolve.resolve(arguments["config"], arguments["sets"] or (), options, os.environ)
    for warning in resolved.warnings:
        terminal.warn(warning)
    if arguments["show_config"]:
        terminal.put(resolve.show_config(_with_artifact(resolved, arguments)))
        raise typer.Exit
    return Session(terminal, resolved)


def speak(context: typer.Context, arguments: Mapping[str, Any]) -> Terminal:
    """The run's terminal, set as the parsed options say."""
    terminal = context.obj if isinstance(context.obj, Terminal) else Terminal()
    terminal.color = arguments["color"]
    terminal.log_format = arguments["log_format"]
    terminal.quiet = arguments["quiet"]
    terminal.verbose = arguments["verbose"]
    terminal.show_progress = not arguments["no_progress"]
    terminal.hush()
    return terminal


def sources(named: list[str], *, null: bool) -> list[str]:
    """The sources as `audit` takes them: standard input is `-`, or `-0` when its paths end in NUL."""
    if named.count("-") > 1:
        raise UsageError("standard input is named twice", "give `-` once")
    if null and "-" not in named:
        raise UsageError("-0 without `-`", "name standard input as the SOURCE: driftcli check ARTIFACT -0 -")
    if any(not name for name in named):
        raise UsageError("an empty SOURCE", "a variable in the command line is probably not set")
    return ["-0" if null and name == "-" else name for name in named]


def _with_artifact(resolved: resolve.Resolved, arguments: Mapping[str, Any]) -> resolve.Resolved:
    """What the artifact would decide, where one is named and can be read."""
    name = arguments.get("artifact")
    if not name or not (Path(name) / "manifest.json").is_file():
        return resolved
    from driftcli.artifact import store

    try:
        stored = store.read(Path(name)).manifest.get("settings", {})
    except DriftcliError:
        return resolved
    return resolve.with_stored(resolved, stored)
