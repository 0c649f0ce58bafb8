"""`driftcli check`: audit one batch; the exit code is the gate."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from driftcli.cli import _common as c
from driftcli.cli import _forms, _link, _notice, _order, _reports, session
from driftcli.cli import options as o
from driftcli.cli._signature import command
from driftcli.cli.groups import Cache, Classifier, Common, Engine, Entries, Region, Ties, Weights, group
from driftcli.core import threads
from driftcli.core.errors import NotAuditedError
from driftcli.sources.decoding import process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery

EXAMPLES = """\
Examples:
  driftcli check ref/ images/today
  driftcli check ref/ images/today -f json > result.json
  driftcli check ref/ images/today --alpha 0.001 --tolerance 5% -o out/result.json -o out/report.html
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
    max_accuracy_drop: o.MaxAccuracyDrop = None
    class_mix: o.ClassMix = None
    require_detectable: o.RequireDetectable = None
    permutations: o.Permutations = None
    min_images: o.MinImages = None
    max_unreadable: o.MaxUnreadable = None
    dependence: o.Dependence = None
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
    report_url: _link.ReportUrl = None
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
    expect_sha256: o.ExpectSha256 = None
    gate: Gate
    ties: Ties
    slice_by: c.SliceBy = None
    classifier: Classifier
    entries: Entries
    region: Region
    null: c.Null = False
    cache: Cache
    output: Output
    weights: Weights
    engine: Engine
    common: Common


@command(Check)
def check(asked: Check, run: session.Session) -> int:
    """Audit one batch: report and exit code.

    The report goes to standard output, everything else to standard error.
    """
    output = asked.output
    _order.require_artifact_first("check", asked.artifact, asked.source)
    with process.ahead(_workers(run, asked.artifact)):
        plan = _reports.plan(
            output.format,
            output.output or (),
            brief=run.terminal.quiet,
            top_k=run.settings.report.top_k,
            inputs=[asked.artifact, *asked.source, *session.named_files(run, asked.common)],
        )
        named = session.sources(asked.source, null=asked.null)
        link = _link.link(output.report_url, plan.page, run.terminal.environ)
        notice = _notice.plan(
            output.notify or (), output.notify_on, run.terminal, strict=output.strict_notify
        )
        report, gallery, failure = _audit(run, asked, named, link, pictures=plan.pictures)
    run.terminal.close()
    at_one = plan.shown == "text" and not plan.brief and run.terminal.is_one_place()
    read = bool(report.ledger.seen)
    if failure is not None and not (at_one and read and run.terminal.log_format == "text"):
        run.terminal.failure(failure)
    gate_code = report.exit_code
    if asked.gate.exit_zero and report.exit_code == 1:
        report = replace(report, exit_code=0)
    run.terminal.ending.told(report)
    began = time.monotonic()
    _reports.deliver(
        plan,
        report,
        run.terminal,
        gallery=gallery,
        notify=lambda: notice(report, gate_code),
        silent=failure is not None and at_one and not read,  # the text would only repeat the error above it
    )
    run.terminal.took("writing reports", time.monotonic() - began)
    run.terminal.shares(report.timing.get("stages", ()), report.timing.get("cached", 0))
    return report.exit_code


def _workers(run: session.Session, artifact: str) -> int:
    """How many decode workers to start before their time: they load libraries for as long as this process does.

    No more than load at once, and none where there is no artifact.
    """
    if run.settings.engine != "local" or not os.path.isfile(os.path.join(artifact, "manifest.json")):  # noqa: PTH113, PTH118 - any name
        return 0
    return min(threads.workers(run.settings.workers), threads.cores())


def _audit(
    run: session.Session, asked: Check, named: Sequence[str], link: str | None, *, pictures: bool
) -> tuple[Report, Gallery | None, NotAuditedError | None]:
    """The audit's report, with pictures where there are any, and why the batch was not audited where it was not."""
    began = time.monotonic()
    from driftcli.audit import check as audit

    run.terminal.took("loading libraries", time.monotonic() - began)
    artifact, baseline = Path(asked.artifact), asked.gate.baseline
    call = replace(run.call(), expect_sha256=asked.expect_sha256)
    call, gallery = replace(call, link=link, loading=time.monotonic() - began), None
    try:
        if pictures:
            report, gallery = audit.check_with_pictures(artifact, named, call, baseline=baseline)
        else:
            report = audit.check(artifact, named, call, baseline=baseline)
    except NotAuditedError as error:
        from driftcli.audit.inconclusive import inconclusive

        report = inconclusive(
            error, artifact=artifact, sources=named, settings=run.settings, baseline=baseline
        )
        return replace(report, link=link), None, error
    if report.verdict != "inconclusive":
        return report, gallery, None
    what, *hints = report.reasons or ("not audited",)
    return report, gallery, NotAuditedError(what, "; ".join(hints))
