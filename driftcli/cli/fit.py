"""`driftcli fit`: learn what good images look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftcli.cli import _summary, session
from driftcli.cli import options as o

EXAMPLES = """\
Examples:
  driftcli fit images/train -o ref/
  driftcli fit images/train -o ref/ --method properties,embedding --device cuda
  driftcli fit cam1/ cam2/ -o ref/ --holdout 0        # then: driftcli baseline ref/ GOOD_IMAGES
"""

Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="ARTIFACT",
        help="Folder to write.",
        rich_help_panel=o.LEARN,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an artifact.", rich_help_panel=o.LEARN)]


def fit(
    context: typer.Context,
    source: o.Sources,
    output: Output,
    method: o.Method = None,
    holdout: o.Holdout = None,
    force: Force = False,
    no_thumbnails: o.NoThumbnails = False,
    crop: o.Crop = None,
    mask: o.Mask = None,
    detectable: o.Detectable = None,
    group_by: o.GroupBy = None,
    stratify_by: o.StratifyBy = None,
    exclude: o.Exclude = None,
    since: o.Since = None,
    limit: o.Limit = None,
    follow: o.Follow = False,
    max_unreadable: o.MaxUnreadable = None,
    null: o.Null = False,
    weights: o.Weights = None,
    trust_weights: o.TrustWeights = False,
    allow_download: o.AllowDownload = False,
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
    """Learn what good images look like.

    Writes the reference as an artifact. A part of the images is kept back and calibrated on, so that
    `check` works at once.
    """
    run = session.begin(context, locals())
    from driftcli.audit import fit as audit

    fitted = audit.fit(
        session.sources(source, null=null),
        Path(output),
        run.settings,
        force=force,
        progress=run.terminal.progress(),
    )
    run.terminal.close()
    run.terminal.put(_summary.fitted(fitted, brief=quiet))
    return 0
