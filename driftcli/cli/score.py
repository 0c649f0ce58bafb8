"""`driftcli score`: a model's accuracy from the labels of a queue; exit 1 where it is below a limit beyond doubt."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli import _reports, session
from driftcli.cli._common import GATE, OUTPUT, TextJsonCsv, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
from driftcli.core.errors import UsageError
from driftcli.core.output import write
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.audit.score import LabelledQueue
    from driftcli.cli.console import Terminal
    from driftcli.core.score_report import ScoreReport

EXAMPLES = """\
Examples:
  driftcli score labels/ labels-ada.csv labels-bo.csv labels-cy.csv
  driftcli score labels/ label-studio-export.json --min-accuracy 90% -o score.html
  driftcli score mon/ mon.csv tue/ tue.csv wed/ wed.csv --max-drop 5%    # day by day, looked at every day
  driftcli score week/ *.csv --max-drop 5% --baseline-accuracy 96%/250 -f json
  driftcli score labels/ labels.csv -o csv=labelled.csv    # a manifest: path,label
  driftcli score week/ *.csv --history drift.db    # beside the drift of the days: driftcli history drift.db

Exit code 1 only where the whole 95 % interval lies beyond a limit: a few labels that prove nothing do not
fail, and the report says that it cannot say.
"""
FORMATS = _reports.Formats(("text", "json", "csv"), ("text", "json", "csv", "html"))

QueueFolder = Annotated[
    str,
    typer.Argument(metavar="QUEUE", help="Folder that `driftcli queue` wrote.", show_default=False),
]
Labels = Annotated[
    list[str],
    typer.Argument(
        metavar="LABELS...",
        help="What people labelled: CSV item,annotator,label (the page's), Label Studio JSON, Toloka TSV, CVAT XML, Datumaro JSON; "
        "then, if there are more queues, the next one's folder and its labels.",
        show_default=False,
    ),
]
MinAccuracy = Annotated[
    str | None,
    option(
        "--min-accuracy",
        metavar="SHARE",
        panel=GATE,
        help="Fail (1) where accuracy is below this beyond doubt.",
    ),
]
MaxDrop = Annotated[
    str | None,
    option(
        "--max-drop",
        metavar="SHARE",
        panel=GATE,
        help="Fail (1) where accuracy is lower than the baseline's by more than this, beyond doubt.",
    ),
]
BaselineOption = Annotated[
    str | None,
    option(
        "--baseline-accuracy",
        metavar="SHARE[/N]",
        panel=GATE,
        help="What the model reached on N good images, in place of what the checks knew; without N it is taken as exact.",
    ),
]
HistoryFile = Annotated[
    str | None,
    option(
        "--history",
        metavar="FILE",
        panel=OUTPUT,
        help="Keep the accuracy of each batch beside its check in this history; scoring again replaces it (default: none).",
    ),
]
Outputs = Annotated[
    list[str] | None,
    option(
        "-o",
        "--output",
        metavar="[FORMAT=]PATH",
        panel=OUTPUT,
        help="Also write text, json, csv (the labels, as a manifest) or html to a file; its suffix says which, or it is named. "
        "Folders are made. Repeatable.",
    ),
]


@group
class Score:
    """What `driftcli score` is asked for."""

    folder: QueueFolder
    labels: Labels
    min_accuracy: MinAccuracy = None
    max_drop: MaxDrop = None
    baseline_accuracy: BaselineOption = None
    predictions: c.Predictions = None
    history: HistoryFile = None
    format: TextJsonCsv = "text"
    output: Outputs = None
    common: Common


@command(Score)
def score(asked: Score, run: session.Session) -> int:
    """How good a model is, from the labels of a queue.

    Labels of several people become one each; accuracy, precision, recall, F1 and confusions have 95 % intervals, and what the
    model said never enters the labels that score it.
    """
    inputs = [asked.folder, *asked.labels, *session.named_files(run, asked.common)]
    chosen = _reports.plan_of(
        asked.format, asked.output or (), FORMATS, brief=run.terminal.quiet, inputs=inputs
    )
    from driftcli.audit import score as audit
    from driftcli.labelling.verdict import limits_of

    limits = limits_of(asked.min_accuracy, asked.max_drop, asked.baseline_accuracy)
    scored = audit.score(_queues(asked), limits, run.call())
    run.terminal.close()
    if scored.kept is not None:
        again = f", {len(scored.kept.replaced)} of them again" if scored.kept.replaced else ""
        place = safe_name(run.settings.history.file or "")
        run.terminal.note(f"kept in {place}: accuracy of {len(scored.kept.kept)} checked batches{again}")
    _deliver(chosen, scored.report, run.terminal)
    return scored.report.exit_code


def _queues(asked: Score) -> list[LabelledQueue]:
    """Each queue with the files that follow it. Raises UsageError for a queue that none follows."""
    from driftcli.audit.score import LabelledQueue

    found: list[tuple[str, list[str]]] = [(asked.folder, [])]
    for name in asked.labels:
        if Path(name).is_dir():
            found.append((name, []))
        else:
            found[-1][1].append(name)
    empty = next((folder for folder, labels in found if not labels), None)
    if empty is not None:
        raise UsageError(
            f"no labels for the queue {safe_name(empty)}",
            "name the files of a queue's labels behind its folder",
        )
    return [LabelledQueue(folder, labels) for folder, labels in found]


def _deliver(chosen: _reports.Plan, report: ScoreReport, terminal: Terminal) -> None:
    """Files first: if one fails (4), standard output stays empty."""
    from driftcli.reports.score import json, text

    forms = {
        "text": lambda: text.to_text(report),
        "json": lambda: json.to_json(report),
        "csv": lambda: json.to_csv(report),
        "html": lambda: text.to_html(report),
    }
    for kind, path in chosen.files:
        write(path, forms[kind]())
    _reports.show(chosen, forms, partial(text.quiet_line, report), partial(text.to_text, report), terminal)
