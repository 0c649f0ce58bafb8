"""`driftcli refresh`: a reviewed batch of good images becomes part of a baseline."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli import _order, _summary, session
from driftcli.cli import options as o
from driftcli.cli._signature import command
from driftcli.cli.baseline import DropSeen
from driftcli.cli.groups import Cache, Classifier, Common, Engine, Entries, Region, Ties, Weights, group

EXAMPLES = """\
Examples:
  driftcli refresh ref/ images/monday                       # looked at, and good: now part of the baseline
  driftcli refresh ref/ images/monday -o ref-2/             # the same into a new artifact; ref/ stays as it is
  driftcli refresh ref/ images/new-lamp --accept-drift      # looked at: this is how good images look now
"""

Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="NEW_ARTIFACT",
        help="New folder for the artifact with the refreshed baseline; without it the artifact itself is changed.",
        rich_help_panel=c.OUTPUT,
        show_default=False,
    ),
]
AcceptDrift = Annotated[
    bool,
    typer.Option(
        "--accept-drift",
        help="Add images that the baseline calls drift, or cannot judge, because somebody looked at them: it is remembered.",
    ),
]


@group
class Judging:
    """How the batch is judged before it becomes part of the baseline: as `check` does."""

    alpha: o.Alpha = None
    tolerance: o.Tolerance = None
    min_images: o.MinImages = None
    max_unreadable: o.MaxUnreadable = None
    dependence: o.Dependence = None
    ignore_composition: o.IgnoreComposition = False


@group
class Refresh:
    """What `driftcli refresh` is asked for."""

    artifact: o.Artifact
    source: o.Sources
    expect_sha256: o.ExpectSha256 = None
    baseline: o.Baseline = None
    output: Output = None
    accept_drift: AcceptDrift = False
    drop_seen: DropSeen = False
    judging: Judging
    detectable: o.Detectable = None
    ties: Ties
    classifier: Classifier
    entries: Entries
    region: Region
    null: c.Null = False
    cache: Cache
    weights: Weights
    engine: Engine
    common: Common


@command(Refresh)
def refresh(asked: Refresh, run: session.Session) -> int:
    """Make a reviewed batch of good images part of a baseline.

    The batch is judged first, and the verdict stays in the artifact; images that are there already are left out.
    """
    _order.require_artifact_first("refresh", asked.artifact, asked.source)
    began = time.monotonic()
    from driftcli.audit import refresh as audit

    refreshed = audit.refresh(
        Path(asked.artifact),
        session.sources(asked.source, null=asked.null),
        replace(run.call(), loading=time.monotonic() - began, expect_sha256=asked.expect_sha256),
        baseline=asked.baseline,
        output=None if asked.output is None else Path(asked.output),
        drop_seen=asked.drop_seen,
        accept_drift=asked.accept_drift,
    )
    run.terminal.close()
    run.terminal.ending.images = refreshed.added
    run.terminal.ending.sentence = _summary.refreshed(refreshed, brief=True).strip()
    run.terminal.put(_summary.refreshed(refreshed, brief=run.terminal.quiet))
    run.terminal.shares(refreshed.stages)
    return 0
