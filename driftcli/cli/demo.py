"""`driftcli demo`: the whole story on sample images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from driftcli.cli import options as o
from driftcli.cli import session
from driftcli.cli.console import Terminal, invoke

EXAMPLES = """\
Examples:
  driftcli demo
  driftcli demo --output /tmp/demo --seed 1
"""

Folder = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FOLDER",
        help="Where images and results go (default: driftcli-demo).",
        show_default=False,
    ),
]


@dataclass
class _Kept(Terminal):
    """Keeps a command's standard output, so that the story shows it in its place."""

    kept: list[str] = field(default_factory=list)

    def put(self, text: str, *, utf8: bool = False) -> None:  # noqa: ARG002
        self.kept.append(text)


def demo(
    context: typer.Context,
    output: Folder = "driftcli-demo",
    config: o.Config = None,
    sets: o.Sets = None,
    show_config: o.ShowConfig = False,
    seed: o.Seed = None,
    device: o.Device = None,
    workers: o.Workers = None,
    quiet: o.Quiet = False,
    verbose: o.Verbose = 0,
    no_progress: o.NoProgress = False,
    color: o.Color = "auto",
    log_format: o.LogFormat = "text",
) -> int:
    """The whole story on sample images.

    Fit, calibrate, and check a week of images in the course of which a camera goes soft. Makes the images
    (10 MB) if they are absent; in driftcli's own checkout they go to sample_data/images. Returns 0 when the
    story came out as told. Options are passed on to each command.
    """
    given = locals()
    run = session.begin(context, given)
    from driftcli.cli import demo_story as story

    folder = story.place(Path(output))
    folder.mkdir(parents=True, exist_ok=True)
    unseen = _unseen(given)

    def command(argv: list[str]) -> tuple[int, str]:
        return _command(context.find_root().command, [*argv, *unseen])

    def say(text: str) -> None:
        if not quiet:
            run.terminal.put(f"{text}\n")

    code: int = story.run(
        folder,
        runner=command,
        out=say,
        seed=run.settings.seed,
        extra=_passed_on(given),
        color=run.terminal.colour(),
    )
    if quiet:
        run.terminal.put(f"demo: the story came out as told, in {story.home(folder)}\n")
    return code


def _command(program: Any, argv: Sequence[str]) -> tuple[int, str]:
    """One command line in this process, so that torch is loaded once: its exit code and standard output."""
    terminal = _Kept()
    try:
        code = invoke(program, argv, terminal)
    finally:
        terminal.close()
    return code, "".join(terminal.kept)


def _passed_on(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The options that decide a number: every line of the story shows them."""
    words = [
        word
        for name in ("seed", "device", "workers", "config")
        if given[name] is not None
        for word in (f"--{name}", str(given[name]))
    ]
    return (*words, *(word for pair in given["sets"] or () for word in ("--set", pair)))


def _unseen(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The options that decide how a command speaks."""
    flags = ["-v"] * given["verbose"] + ["--no-progress"] * (given["no_progress"] or given["quiet"])
    return (*flags, "--color", given["color"], "--log-format", given["log_format"])
