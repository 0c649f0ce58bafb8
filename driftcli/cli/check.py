"""`driftcli check`: audit one batch; the exit code is the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.cli import _common as c
from driftcli.cli import _forms, _notice, _reports, session
from driftcli.cli import options as o
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, Entries, Region, Ties, Weights, group
from driftcli.core.errors import NotAuditedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery

EXAMPLES = """\
Examples:
  driftcli check ref/ images/today
  driftcli check ref/ images/today -f json > result.json
  driftcli check ref/ images/today --alpha 0.001 --tolerance 5% -o json=out/result.json
  driftcli check ref/ images/today --history drift.db --gate sequence --alpha 0.05
  find images -newer stamp -print0 | driftcli check ref/ -0 -

Exit codes: 0 the gate passed, 1 it failed, 2 usage, 3 not audited, 4 internal error.
"""


@group
class Gate:
    """When the gate fires, and what then."""

    baseline: o.Baseline = None
    alpha: o.Alpha = None
    tolerance: o.Tolerance = None
    fail_on: o.FailOn = None
    exit_zero: o.ExitZero = False
    max_loss_increase: o.MaxLossIncrease = None
    require_detectable: o.RequireDetectable = None
    permutations: o.Permutations = None
    min_images: o.MinImages = None
    max_unreadable: o.MaxUnreadable = None
    max_test_images: o.MaxTestImages = None
    allow_overlap: o.AllowOverlap = False
    ignore_composition: o.IgnoreComposition = False
    gate: o.GateMode = None
    horizon: o.Horizon = None


@group
class Output:
    """Where the result goes, and who is notified."""

    format: _forms.Shown = "text"
    output: _forms.Files = None
    history: o.History = None
    history_group: o.HistoryGroup = None
    date: o.Date = None
    notify: _notice.Notify = None
    notify_on: _notice.NotifyOn = "failure"
    strict_notify: _notice.StrictNotify = False
    top_k: o.TopK = None
    max_images_in_result: o.MaxImagesInResult = None


@group
class Check:
    """What `driftcli check` is asked for."""

    artifact: o.Artifact
    source: o.Sources
    gate: Gate
    ties: Ties
    slice_by: c.SliceBy = None
    entries: Entries
    region: Region
    null: c.Null = False
    output: Output
    weights: Weights
    common: Common


@command(Check)
def check(asked: Check, run: session.Session) -> int:
    """Audit one batch: report and exit code.

    The report goes to standard output, everything else to standard error.
    """
    output = asked.output
    plan = _reports.plan(
        output.format, output.output or (), brief=run.terminal.quiet, top_k=run.settings.report.top_k
    )
    named = session.sources(asked.source, null=asked.null)
    notice = _notice.plan(output.notify, output.notify_on, run.terminal, strict=output.strict_notify)
    report, gallery = _audit(run, asked, named, plan)
    run.terminal.close()
    gate_code = report.exit_code
    if asked.gate.exit_zero and report.exit_code == 1:
        report = replace(report, exit_code=0)
    _reports.deliver(
        plan,
        report,
        run.terminal,
        gallery=gallery,
        notify=lambda: notice(report, gate_code),
    )
    return report.exit_code


def _audit(
    run: session.Session, asked: Check, named: Sequence[str], plan: _reports.Plan
) -> tuple[Report, Gallery | None]:
    """The audit's report; also of a batch that could not be audited, explained on standard error too."""
    from driftcli.audit import check as audit

    artifact, baseline = Path(asked.artifact), asked.gate.baseline
    call, gallery = replace(run.call(), link=plan.page), None
    try:
        if plan.pictures:
            report, gallery = audit.check_with_pictures(artifact, named, call, baseline=baseline)
        else:
            report = audit.check(artifact, named, call, baseline=baseline)
    except NotAuditedError as error:
        from driftcli.audit.inconclusive import inconclusive

        run.terminal.failure(error)
        report = inconclusive(
            error, artifact=artifact, sources=named, settings=run.settings, baseline=baseline
        )
        return report, None
    if report.verdict == "inconclusive":
        run.terminal.close()
        what, *hints = report.reasons or ("not audited",)
        run.terminal.error(what, "; ".join(hints))
    return report, gallery
