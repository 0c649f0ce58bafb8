"""`driftcli demo`: the whole story on sample images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from driftcli.cli import session
from driftcli.cli._signature import command
from driftcli.cli.console import Terminal, invoke
from driftcli.cli.groups import Common, group

EXAMPLES = """\
Examples:
  driftcli demo
  driftcli demo --output /tmp/demo --seed 1
  driftcli demo --draw characters -o digits-and-letters
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


Draw = Annotated[
    Literal["parts", "characters"] | None,
    typer.Option(
        "--draw",
        help="Only draw images, and stop: machined parts before a camera that stays well, or digits and letters.",
        show_default=False,
    ),
]


@dataclass
class _Kept(Terminal):
    """Keeps a command's standard output, so that the story shows it in its place."""

    kept: list[str] = field(default_factory=list)

    def put(self, text: str, *, utf8: bool = False) -> None:  # noqa: ARG002
        self.kept.append(text)


@group
class Demo:
    """What `driftcli demo` is asked for."""

    output: Folder = "driftcli-demo"
    draw: Draw = None
    common: Common


@command(Demo)
def demo(asked: Demo, run: session.Session) -> int:
    """The whole story on sample images.

    Fit, calibrate, and check a week of images in the course of which a camera goes soft. Makes the images
    (10 MB) if they are absent; in driftcli's own checkout they go to sample_data/images. Returns 0 when the
    story came out as told. Options are passed on to each command.
    """
    if asked.draw is not None:
        return _drawn(asked.draw, Path(asked.output), run)
    common = asked.common
    from driftcli.cli import demo_story as story

    folder = story.place(Path(asked.output))
    folder.mkdir(parents=True, exist_ok=True)
    unseen = _unseen(common)

    def command(argv: list[str]) -> tuple[int, str]:
        return _command(run.context.find_root().command, [*argv, *unseen])

    def say(text: str) -> None:
        if not common.quiet:
            run.terminal.put(f"{text}\n")

    teller = story.Teller(
        story.home(folder), command, say, extra=_passed_on(common), color=run.terminal.colour()
    )
    code = story.run(teller, run.settings.seed)
    if common.quiet:
        run.terminal.put(f"demo: the story came out as told, in {story.home(folder)}\n")
    return code


def _drawn(what: Literal["parts", "characters"], folder: Path, run: session.Session) -> int:
    """Draws a sample as far as it is absent, and says which folders it has."""
    from driftcli.simulation.sample.days import generate
    from driftcli.simulation.sample.samples import SAMPLES

    sample = SAMPLES[what]
    made = generate(folder, run.settings.seed, sample=sample)
    total = sum(part.images for part in sample.folders)
    when = "drawn" if made else "there already"
    held = ", ".join(f"{part.name} ({part.images})" for part in sample.folders)
    run.terminal.put(f"{total:,} images in {folder}, {when}: {held}\n")
    return 0


def _command(program: Any, argv: Sequence[str]) -> tuple[int, str]:
    """One command line in this process, so that torch is loaded once: its exit code and standard output."""
    terminal = _Kept()
    try:
        code = invoke(program, argv, terminal)
    finally:
        terminal.close()
    return code, "".join(terminal.kept)


def _passed_on(common: Common) -> tuple[str, ...]:
    """The options that decide a number: every line of the story shows them."""
    words = [
        word
        for name, value in (
            ("seed", common.seed),
            ("device", common.device),
            ("workers", common.workers),
            ("config", common.config),
        )
        if value is not None
        for word in (f"--{name}", value)
    ]
    return (*words, *(word for pair in common.sets or () for word in ("--set", pair)))


def _unseen(common: Common) -> tuple[str, ...]:
    """The options that decide how a command speaks."""
    flags = ["-v"] * common.verbose + ["--no-progress"] * (common.no_progress or common.quiet)
    return (*flags, "--color", common.color, "--log-format", common.log_format)
