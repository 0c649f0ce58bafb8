"""`driftcli fit`: learn what good images look like."""

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
from driftcli.cli.groups import Classifier, Common, Entries, Region, Ties, Weights, group

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
        rich_help_panel=c.LEARN,
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an artifact.", rich_help_panel=c.LEARN)]


@group
class Fit:
    """What `driftcli fit` is asked for."""

    source: o.Sources
    output: Output
    method: o.Method = None
    holdout: o.Holdout = None
    force: Force = False
    no_thumbnails: o.NoThumbnails = False
    region: Region
    detectable: o.Detectable = None
    ties: Ties
    classifier: Classifier
    entries: Entries
    max_unreadable: o.MaxUnreadable = None
    null: c.Null = False
    weights: Weights
    common: Common


@command(Fit)
def fit(asked: Fit, run: session.Session) -> int:
    """Learn what good images look like.

    Writes the reference as an artifact. A part of the images is kept back and calibrated on, so that
    `check` works at once.
    """
    _order.require_images_first(asked.source, asked.output)
    began = time.monotonic()
    from driftcli.audit import fit as audit

    call = replace(run.call(), loading=time.monotonic() - began)
    fitted = audit.fit(
        session.sources(asked.source, null=asked.null),
        Path(asked.output),
        call,
        force=asked.force,
    )
    run.terminal.close()
    run.terminal.ending.images = fitted.fitted_on
    run.terminal.ending.sentence = _summary.fitted(fitted, brief=True).strip()
    run.terminal.put(_summary.fitted(fitted, brief=run.terminal.quiet))
    run.terminal.shares(fitted.stages)
    return 0
