"""`driftcli baseline`: calibrate on good images that were not learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftcli.cli import _summary, session
from driftcli.cli import options as o

EXAMPLES = """\
Examples:
  driftcli baseline ref/ images/val
  driftcli baseline ref/ good/mon good/tue good/wed good/thu good/fri   # groups: enables --tolerance auto
  driftcli baseline ref/ images/night --name night                      # then: check ... --baseline night
"""

Name = Annotated[
    str,
    typer.Option(
        "--name", metavar="NAME", help="Name of the baseline (default: default).", show_default=False
    ),
]
DropSeen = Annotated[
    bool, typer.Option("--drop-seen", help="Leave out images that the reference was fitted on, however many.")
]


def baseline(
    context: typer.Context,
    artifact: o.Artifact,
    source: o.Sources,
    name: Name = "default",
    drop_seen: DropSeen = False,
    detectable: o.Detectable = None,
    group_by: o.GroupBy = None,
    stratify_by: o.StratifyBy = None,
    exclude: o.Exclude = None,
    since: o.Since = None,
    limit: o.Limit = None,
    follow: o.Follow = False,
    crop: o.Crop = None,
    mask: o.Mask = None,
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
    """Calibrate on good images that were not learnt from.

    Several SOURCEs (good days, cameras) are pooled and remembered as groups.
    """
    run = session.begin(context, locals())
    from driftcli.audit import baseline as audit

    calibrated = audit.baseline(
        Path(artifact),
        session.sources(source, null=null),
        run.settings,
        name=name,
        drop_seen=drop_seen,
        given=run.given,
        progress=run.terminal.progress(),
    )
    run.terminal.close()
    run.terminal.put(_summary.calibrated(calibrated, brief=quiet))
    return 0
