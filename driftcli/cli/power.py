"""`driftcli power`: what the gate sees on the user's own images, measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _reports, session
from driftcli.cli import options as o
from driftcli.cli._common import OUTPUT, option
from driftcli.core.errors import UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.cli.console import Terminal
    from driftcli.core.power_report import PowerReport
    from driftcli.power_study.plan import Plan

EXAMPLES = """\
Examples:
  driftcli power ref/ images/val
  driftcli power ref/ images/val --corruption jpeg --corruption crop --severity 1,2,3,4,5 --batch 20,50
  driftcli power ref/ images/val --foreign images/other -f json -o csv=power.csv -o plot=power.png

Batches are drawn from SOURCE, good images that the reference was not fitted on, changed, and compared with
the baseline. What stands in the baseline is left out of it. Exit code 0 whatever was measured: no gate.
"""
SHOWN, FILES = ("text", "json", "csv"), ("text", "json", "csv", "plot")
STUDY = "Study"

Corruption = Annotated[
    list[str] | None,
    option(
        "--corruption",
        metavar="NAME",
        panel=STUDY,
        help="What happens to images, or `all` of them. Repeatable (default: `gaussian_blur`, motion_blur, "
        "gaussian_noise, jpeg, darken, low_contrast, white_balance, occlusion).",
    ),
]
Severity = Annotated[
    str, option("--severity", metavar="LIST", panel=STUDY, help="How much, of 1 to 5 (default: 1,2,3).")
]
Share = Annotated[
    str,
    option(
        "--share",
        metavar="LIST",
        panel=STUDY,
        help="Share of the batch's images that it happens to (default: 100%,30%,10%).",
    ),
]
Batch = Annotated[
    str, option("--batch", metavar="LIST", panel=STUDY, help="Images in a batch (default: 10,20,50,100).")
]
Trials = Annotated[
    int, option("--trials", metavar="N", panel=STUDY, help="Batches a cell of the grid (default: 50).")
]
Images = Annotated[
    int | None,
    option(
        "--images",
        metavar="N",
        panel=STUDY,
        help="Draw from at most N images (default: `256`, or twice the largest batch).",
    ),
]
Foreign = Annotated[
    list[str] | None,
    option(
        "--foreign",
        metavar="SOURCE",
        panel=STUDY,
        help="Also mix images of another kind into the batch. Repeatable.",
    ),
]
Format = Annotated[
    str,
    option(
        "-f",
        "--format",
        metavar="text|json|csv",
        panel=OUTPUT,
        help="Form of standard output (default: text).",
    ),
]


def power(
    context: typer.Context,
    artifact: o.Artifact,
    source: o.Sources,
    corruption: Corruption = None,
    severity: Severity = "1,2,3",
    share: Share = "100%,30%,10%",
    batch: Batch = "10,20,50,100",
    trials: Trials = 50,
    images: Images = None,
    foreign: Foreign = None,
    baseline: o.Baseline = None,
    alpha: o.Alpha = None,
    max_unreadable: o.MaxUnreadable = None,
    exclude: o.Exclude = None,
    since: o.Since = None,
    limit: o.Limit = None,
    follow: o.Follow = False,
    crop: o.Crop = None,
    mask: o.Mask = None,
    null: o.Null = False,
    format: Format = "text",  # noqa: A002
    output: o.Outputs = None,
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
    """Measure what the gate sees on your images.

    Detection rates by corruption, severity, share and batch size, of the gate and of every family.
    """
    run = session.begin(context, locals())
    chosen = _reports.plan_of(format, output or (), SHOWN, FILES, brief=quiet)
    _drawable(chosen)
    named = session.sources(source, null=null)
    grid = _plan(corruption, {"severity": severity, "share": share, "batch": batch}, trials, images, foreign)
    from driftcli.power_study import study

    report = study.power(
        Path(artifact),
        named,
        run.settings,
        grid,
        baseline=baseline,
        given=run.given,
        progress=run.terminal.progress(),
    )
    run.terminal.close()
    _deliver(chosen, report, run.terminal)
    return 0


def _plan(
    corruption: list[str] | None,
    axes: dict[str, str],
    trials: int,
    images: int | None,
    foreign: list[str] | None,
) -> Plan:
    from driftcli.power_study import plan

    read = {name: plan.numbers(name, text) for name, text in axes.items()}
    return plan.make(
        corruption or plan.CORRUPTIONS,
        read["severity"],
        read["share"],
        read["batch"],
        trials,
        images,
        foreign or (),
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

    forms = {"json": json.to_json, "csv": json.to_csv, "text": _power_text.to_text}
    for kind, path in chosen.files:
        form = path.suffix.lower().removeprefix(".")
        _reports.write(path, plot.to_plot(report, form) if kind == "plot" else forms[kind](report))
    if chosen.shown != "text":
        terminal.put(forms[chosen.shown](report), utf8=True)
    elif chosen.brief:
        terminal.put(f"{safe_name(_power_text.quiet_line(report))}\n")
    else:
        width, ascii_only = terminal.width(), not terminal.unicode()
        page = _power_text.to_text(report, width=width, color=terminal.colour(), ascii_only=ascii_only)
        terminal.put(page)
