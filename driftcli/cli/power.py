"""`driftcli power`: what the gate sees on the user's own images, measured."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from driftcli.cli import _common as c
from driftcli.cli import _order, _reports, session
from driftcli.cli import options as o
from driftcli.cli._common import TextJsonCsv, option
from driftcli.cli._complete import corruptions_or_all
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, Entries, Region, Weights, group
from driftcli.core.errors import UsageError
from driftcli.core.output import write
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.cli.console import Terminal
    from driftcli.core.power_report import PowerReport
    from driftcli.power_study.plan import Plan

EXAMPLES = """\
Examples:
  driftcli power ref/ images/val
  driftcli power ref/ images/val --corruption jpeg --corruption crop --severity 1,2,3,4,5 --batch 20,50
  driftcli power ref/ images/val --foreign images/other -f json -o power.csv -o power.png

Batches are drawn from SOURCE, good images that the reference was not fitted on, changed, and compared with
the baseline. What stands in the baseline is left out of it. Exit code 0 whatever was measured: no gate.
"""
FORMATS = _reports.Formats(("text", "json", "csv"), ("text", "json", "csv", "plot"))
PANEL = "Study"

Corruption = Annotated[
    list[str] | None,
    option(
        "--corruption",
        metavar="NAME",
        panel=PANEL,
        help="What happens to images, or `all` of them. Repeatable (default: `gaussian_blur`, motion_blur, "
        "gaussian_noise, jpeg, darken, low_contrast, white_balance, occlusion).",
        autocompletion=corruptions_or_all,
    ),
]
Severity = Annotated[
    str, option("--severity", metavar="LIST", panel=PANEL, help="How much, of 1 to 5 (default: 1,2,3).")
]
Share = Annotated[
    str,
    option(
        "--share",
        metavar="LIST",
        panel=PANEL,
        help="Share of the batch's images that it happens to (default: 100%,30%,10%).",
    ),
]
Batch = Annotated[
    str, option("--batch", metavar="LIST", panel=PANEL, help="Images in a batch (default: 10,20,50,100).")
]
Trials = Annotated[
    int, option("--trials", metavar="N", panel=PANEL, help="Batches a cell of the grid (default: 50).")
]
Images = Annotated[
    int | None,
    option(
        "--images",
        metavar="N",
        panel=PANEL,
        help="Draw from at most N images (default: `256`, or twice the largest batch).",
    ),
]
Foreign = Annotated[
    list[str] | None,
    option(
        "--foreign",
        metavar="SOURCE",
        panel=PANEL,
        help="Also mix images of another kind into the batch. Repeatable.",
    ),
]


@group
class Study:
    """The grid of what is tried."""

    corruption: Corruption = None
    severity: Severity = "1,2,3"
    share: Share = "100%,30%,10%"
    batch: Batch = "10,20,50,100"
    trials: Trials = 50
    images: Images = None
    foreign: Foreign = None


@group
class Power:
    """What `driftcli power` is asked for."""

    artifact: o.Artifact
    source: o.Sources
    expect_sha256: o.ExpectSha256 = None
    study: Study
    baseline: o.Baseline = None
    alpha: o.Alpha = None
    max_unreadable: o.MaxUnreadable = None
    entries: Entries
    region: Region
    null: c.Null = False
    format: TextJsonCsv = "text"
    output: o.Outputs = None
    weights: Weights
    common: Common


@command(Power)
def power(asked: Power, run: session.Session) -> int:
    """Measure what the gate sees on your images.

    Detection rates by corruption, severity, share and batch size, of the gate and of every family.
    """
    _order.require_artifact_first("power", asked.artifact, asked.source)
    chosen = _reports.plan_of(
        asked.format,
        asked.output or (),
        FORMATS,
        brief=run.terminal.quiet,
        inputs=[
            asked.artifact,
            *asked.source,
            *(asked.study.foreign or ()),
            *session.named_files(run, asked.common),
        ],
    )
    _drawable(chosen)
    named = session.sources(asked.source, null=asked.null)
    grid = _plan(asked.study)
    from driftcli.power_study import study

    report = study.power(
        Path(asked.artifact),
        named,
        replace(run.call(), expect_sha256=asked.expect_sha256),
        grid,
        baseline=asked.baseline,
    )
    run.terminal.close()
    _deliver(chosen, report, run.terminal)
    return 0


def _plan(asked: Study) -> Plan:
    """The study, read and checked. Raises UsageError."""
    from driftcli.power_study import plan

    return plan.make(
        corruption=asked.corruption or plan.CORRUPTIONS,
        severity=plan.numbers("severity", asked.severity),
        share=plan.numbers("share", asked.share),
        batch=plan.numbers("batch", asked.batch),
        trials=asked.trials,
        images=asked.images,
        foreign=asked.foreign or (),
    )


def _drawable(chosen: _reports.Plan) -> None:
    """Before anything is measured: is there something to draw with, and a form to draw in?"""
    from driftcli.reports.power import plot

    for kind, path in chosen.files:
        if kind == "plot":
            if path.suffix.lower().removeprefix(".") not in plot.FORMATS:
                raise UsageError(
                    f"--output plot={safe_name(str(path))}: no picture of that form",
                    f"end the name in {', '.join(f'.{form}' for form in plot.FORMATS)}",
                )
            plot.require()


def _deliver(chosen: _reports.Plan, report: PowerReport, terminal: Terminal) -> None:
    """Files first: if one fails (4), standard output stays empty."""
    from driftcli.reports.power import json, plot
    from driftcli.reports.power import text as _power_text

    forms = {
        "json": partial(json.to_json, report),
        "csv": partial(json.to_csv, report),
        "text": partial(_power_text.to_text, report),
    }
    for kind, path in chosen.files:
        form = path.suffix.lower().removeprefix(".")
        write(path, plot.to_plot(report, form) if kind == "plot" else forms[kind]())
    _reports.show(chosen, forms, lambda: safe_name(_power_text.quiet_line(report)), forms["text"], terminal)
