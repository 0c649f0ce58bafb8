"""`driftcli profile`: measure images where they are, and take the numbers elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli import _order, _summary, session
from driftcli.cli import options as o
from driftcli.cli._complete import words
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, Engine, Entries, Region, Weights, group

EXAMPLES = """\
Examples:
  driftcli profile images/today --artifact ref/ -o today.safetensors
  driftcli check ref/ today.safetensors                       # needs neither images nor networks
  driftcli profile images/ --artifact ref/ --shard 3/8 -o part-3.safetensors
  driftcli check ref/ part-*.safetensors                      # all shards together are the whole
"""

Reference = Annotated[
    str,
    typer.Option(
        "--artifact", metavar="ARTIFACT", help="Folder that `driftcli fit` wrote.", show_default=False
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Profile to write (.safetensors); an older profile there is replaced.",
        rich_help_panel=c.OUTPUT,
        show_default=False,
    ),
]
Part = Annotated[
    str | None,
    c.option(
        "--shard",
        metavar="I/N",
        panel=c.INPUT,
        help="Only the I-th of N parts, by a hash of the paths within the source: the same on every machine.",
        autocompletion=words("1/2|1/4|1/8"),
    ),
]
Keep = Annotated[
    int | None,
    c.option(
        "--keep",
        metavar="N",
        panel=c.OUTPUT,
        min=1,
        help="Features of so many images at most, those with the lowest content hashes; of all others hashes alone. "
        "Without it as many as checks and baselines use (20,000).",
    ),
]


@group
class Profile:
    """What `driftcli profile` is asked for."""

    source: o.Sources
    artifact: Reference
    output: Output
    expect_sha256: o.ExpectSha256 = None
    shard: Part = None
    keep: Keep = None
    entries: Entries
    region: Region
    null: c.Null = False
    weights: Weights
    engine: Engine
    common: Common


@command(Profile)
def profile(asked: Profile, run: session.Session) -> int:
    """Measure images into a file without pixels.

    The file is a SOURCE for `check` and `baseline` with the same artifact, alone or with others: profiles that are
    named together count as one.
    """
    _order.require_artifact_first("profile", asked.artifact, asked.source)
    from driftcli.audit import profile as audit

    profiled = audit.profile(
        Path(asked.artifact),
        session.sources(asked.source, null=asked.null),
        Path(asked.output),
        replace(run.call(), expect_sha256=asked.expect_sha256),
        shard=asked.shard,
        keep=asked.keep,
    )
    run.terminal.close()
    run.terminal.ending.images = profiled.images
    run.terminal.ending.sentence = _summary.profiled(profiled, asked.artifact, brief=True).strip()
    run.terminal.shares(profiled.stages)
    run.terminal.put(_summary.profiled(profiled, asked.artifact, brief=run.terminal.quiet))
    return 0
