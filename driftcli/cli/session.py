"""How every command begins: how the terminal speaks, which settings hold, what `--show-config` prints."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from driftcli.cli import _native
from driftcli.cli.console import Terminal
from driftcli.config import resolve
from driftcli.config.call import Call
from driftcli.core import threads
from driftcli.core.errors import DriftcliError, UsageError
from driftcli.core.platform import require_posix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftcli.cli.groups import Common
    from driftcli.config.settings import Settings


@dataclass(frozen=True)
class Session:
    """One run of one command."""

    context: typer.Context
    terminal: Terminal
    _resolved: resolve.Resolved | None = None
    """None: nobody set anything."""

    @cached_property
    def resolved(self) -> resolve.Resolved:
        """All settings with their origins. Defaults are made when a command asks for them: that takes as long as some commands."""
        return self._resolved or resolve.resolve()

    @property
    def settings(self) -> Settings:
        """All settings, resolved."""
        return self.resolved.settings

    @property
    def given(self) -> frozenset[str]:
        """Dotted keys that the user set."""
        return resolve.given(self.resolved)

    def call(self) -> Call:
        """What the verbs of `audit` take; from here on progress is shown."""
        return Call(self.settings, self.given, self.terminal.progress())


def begin(context: typer.Context, common: Common, arguments: Mapping[str, Any]) -> Session:
    """The run of one command: settings from its arguments (by parameter); `--show-config` prints them and stops.

    Raises UsageError for anything wrong in options, environment or file.
    """
    _native.arm()
    terminal = speak(context, common)
    terminal.ending.began(context.info_name, arguments)
    options = {
        name: value
        for name in resolve.OPTIONS
        if (value := arguments.get(name.replace("-", "_"))) not in (None, False, [])
    }
    sets = common.sets or ()
    set_by_environment = any(name.startswith(resolve.PREFIX) for name in os.environ)
    if not (common.config or sets or options or set_by_environment or common.show_config):
        require_posix()
        return Session(context, terminal)
    resolved = resolve.resolve(common.config, sets, options, os.environ)
    for warning in resolved.warnings:
        terminal.warn(warning)
    asked = resolved.settings.workers
    if asked != "auto" and resolved.settings.engine == "local" and threads.workers(asked) < asked:
        terminal.warn(
            f"--workers {asked}: {threads.workers(asked)} are started, for which this machine has cores and memory"
        )
    if common.show_config:
        terminal.put(resolve.show_config(_with_artifact(resolved, arguments.get("artifact"))))
        raise typer.Exit
    return Session(context, terminal, resolved)


def speak(context: typer.Context, common: Common) -> Terminal:
    """The run's terminal, set as the parsed options say."""
    terminal = context.obj if isinstance(context.obj, Terminal) else Terminal()
    terminal.color = common.color
    terminal.log_format = common.log_format
    terminal.quiet = common.quiet
    terminal.verbose = common.verbose
    terminal.show_progress = not common.no_progress
    terminal.hush()
    return terminal


def named_files(run: Session, common: Common) -> list[str | None]:
    """The files that options and settings name for reading: no report may take their place."""
    chosen = run.settings
    return [
        common.config,
        os.environ.get("DRIFTCLI_CONFIG"),
        chosen.decode.mask,
        chosen.weights.file,
        chosen.model.file,
        chosen.history.file,
        *chosen.predictions.files,
    ]


def sources(named: list[str], *, null: bool) -> list[str]:
    """The sources as `audit` takes them: standard input is `-`, or `-0` when its paths end in NUL."""
    if named.count("-") > 1:
        raise UsageError("standard input is named twice", "give `-` once")
    if null and "-" not in named:
        raise UsageError("-0 without `-`", "name standard input as the SOURCE: driftcli check ARTIFACT -0 -")
    if any(not name for name in named):
        raise UsageError("an empty SOURCE", "a variable in the command line is probably not set")
    return ["-0" if null and name == "-" else name for name in named]


def _with_artifact(resolved: resolve.Resolved, artifact: str | None) -> resolve.Resolved:
    """What the artifact would decide, where one is named and can be read."""
    if not artifact or not (Path(artifact) / "manifest.json").is_file():
        return resolved
    from driftcli.artifact import store

    try:
        stored = store.read(Path(artifact)).manifest.get("settings", {})
    except DriftcliError:
        return resolved
    return resolve.with_stored(resolved, stored)
