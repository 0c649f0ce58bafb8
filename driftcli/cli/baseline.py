"""`driftcli baseline`: calibrate on good images that were not learnt from."""

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
from driftcli.cli.groups import Cache, Classifier, Common, Engine, Entries, Region, Ties, Weights, group

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
ExportCorrupted = Annotated[
    str | None,
    typer.Option(
        "--export-corrupted",
        metavar="DIR",
        help="Also write 100 of the images as they are and under every simulated corruption, with a manifest: for your "
        "classifier to answer, and --predictions to read back.",
        show_default=False,
    ),
]


@group
class Baseline:
    """What `driftcli baseline` is asked for."""

    artifact: o.Artifact
    source: o.Sources
    expect_sha256: o.ExpectSha256 = None
    name: Name = "default"
    drop_seen: DropSeen = False
    export_corrupted: ExportCorrupted = None
    detectable: o.Detectable = None
    ties: Ties
    classifier: Classifier
    entries: Entries
    region: Region
    max_unreadable: o.MaxUnreadable = None
    null: c.Null = False
    cache: Cache
    weights: Weights
    engine: Engine
    common: Common


@command(Baseline)
def baseline(asked: Baseline, run: session.Session) -> int:
    """Calibrate on good images that were not learnt from.

    Several SOURCEs (good days, cameras) are pooled and remembered as groups.
    """
    _order.require_artifact_first("baseline", asked.artifact, asked.source)
    began = time.monotonic()
    from driftcli.audit import baseline as audit

    call = replace(run.call(), loading=time.monotonic() - began, expect_sha256=asked.expect_sha256)
    calibrated = audit.baseline(
        Path(asked.artifact),
        session.sources(asked.source, null=asked.null),
        call,
        name=asked.name,
        drop_seen=asked.drop_seen,
        export_corrupted=asked.export_corrupted,
    )
    run.terminal.close()
    run.terminal.ending.images = calibrated.images
    run.terminal.ending.sentence = _summary.calibrated(calibrated, brief=True).strip()
    run.terminal.put(_summary.calibrated(calibrated, brief=run.terminal.quiet))
    run.terminal.shares(calibrated.stages)
    return 0
