"""`driftcli demo`: the whole story on sample images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftcli.cli import options as o
from driftcli.cli import session

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
        help="Where images and results go (default: demo-run).",
        show_default=False,
    ),
]


def demo(
    context: typer.Context,
    output: Folder = "demo-run",
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

    Fit, calibrate, and check a week of images in the course of which a camera goes soft.
    """
    run = session.begin(context, locals())
    from driftcli import demo as story

    Path(output).mkdir(parents=True, exist_ok=True)
    code: int = story.run(
        Path(output), seed=run.settings.seed, out=lambda text: run.terminal.put(f"{text}\n")
    )
    return code
