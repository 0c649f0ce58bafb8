"""`driftcli check`: audit one batch; the exit code is the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer  # Typer evaluates the annotations

from driftcli.cli import _forms, _notice, _reports, session
from driftcli.cli import options as o
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


def check(
    context: typer.Context,
    artifact: o.Artifact,
    source: o.Sources,
    baseline: o.Baseline = None,
    alpha: o.Alpha = None,
    tolerance: o.Tolerance = None,
    fail_on: o.FailOn = None,
    exit_zero: o.ExitZero = False,
    max_loss_increase: o.MaxLossIncrease = None,
    require_detectable: o.RequireDetectable = None,
    permutations: o.Permutations = None,
    min_images: o.MinImages = None,
    max_unreadable: o.MaxUnreadable = None,
    max_test_images: o.MaxTestImages = None,
    allow_overlap: o.AllowOverlap = False,
    ignore_composition: o.IgnoreComposition = False,
    gate: o.GateMode = None,
    horizon: o.Horizon = None,
    group_by: o.GroupBy = None,
    stratify_by: o.StratifyBy = None,
    slice_by: o.SliceBy = None,
    exclude: o.Exclude = None,
    since: o.Since = None,
    limit: o.Limit = None,
    follow: o.Follow = False,
    crop: o.Crop = None,
    mask: o.Mask = None,
    null: o.Null = False,
    format: _forms.Shown = "text",  # noqa: A002
    output: _forms.Files = None,
    history: o.History = None,
    history_group: o.HistoryGroup = None,
    notify: _notice.Notify = None,
    notify_on: _notice.NotifyOn = "failure",
    strict_notify: _notice.StrictNotify = False,
    top_k: o.TopK = None,
    max_images_in_result: o.MaxImagesInResult = None,
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
    """Audit one batch: report and exit code.

    The report goes to standard output, everything else to standard error.
    """
    run = session.begin(context, locals())
    plan = _reports.plan(format, output or (), brief=quiet)
    named = session.sources(source, null=null)
    notice = _notice.plan(notify, notify_on, run.terminal, strict=strict_notify)
    report, gallery = _audit(run, Path(artifact), named, baseline, pictures=plan.pictures)
    run.terminal.close()
    gate_code = report.exit_code
    if exit_zero and report.exit_code == 1:
        report = replace(report, exit_code=0)
    _reports.deliver(
        plan,
        report,
        run.terminal,
        top_k=run.settings.report.top_k,
        gallery=gallery,
        notify=lambda: notice(report, gate_code),
    )
    return report.exit_code


def _audit(
    run: session.Session, artifact: Path, named: Sequence[str], baseline: str | None, *, pictures: bool
) -> tuple[Report, Gallery | None]:
    """The audit's report; also of a batch that could not be audited, explained on standard error too."""
    from driftcli.audit import check as audit

    progress, gallery = run.terminal.progress(), None
    try:
        if pictures:
            report, gallery = audit.check_with_pictures(
                artifact, named, run.settings, baseline=baseline, given=run.given, progress=progress
            )
        else:
            report = audit.check(
                artifact, named, run.settings, baseline=baseline, given=run.given, progress=progress
            )
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
