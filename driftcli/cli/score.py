"""`driftcli score`: a model's accuracy from the labels of a queue; exit 1 where it is below a limit beyond doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _reports, session
from driftcli.cli._common import GATE, INPUT, OUTPUT, TextJsonCsv, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.output import write
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.check_history.scored import Batch
    from driftcli.cli.console import Terminal
    from driftcli.core.score_report import BaselineAccuracy, ScoreReport
    from driftcli.labelling.queue import Queue

EXAMPLES = """\
Examples:
  driftcli score labels/ labels-ada.csv labels-bo.csv labels-cy.csv
  driftcli score labels/ label-studio-export.json --min-accuracy 90% -o score.html
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
        help="What people labelled: CSV item,annotator,label (the page's), Label Studio JSON, Toloka TSV, CVAT XML.",
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
        help="Fail (1) where accuracy is lower than --baseline-accuracy by more than this, beyond doubt.",
    ),
]
BaselineOption = Annotated[
    str | None,
    option(
        "--baseline-accuracy",
        metavar="SHARE[/N]",
        panel=GATE,
        help="What the model reached on N good images; without N it is taken as exact.",
    ),
]
Predictions = Annotated[
    str | None,
    option(
        "--predictions",
        metavar="FILE",
        panel=INPUT,
        help="CSV path,prediction of the queued images, where the queue holds none.",
    ),
]
HistoryFile = Annotated[
    str | None,
    option(
        "--history",
        metavar="FILE",
        panel=OUTPUT,
        help="Keep the accuracy of each batch in this history, beside its check: what `driftcli check --history FILE` wrote. Scoring "
        "again replaces it (default: none).",
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
    predictions: Predictions = None
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
    inputs = [asked.folder, *asked.labels, asked.predictions, *session.named_files(run, asked.common)]
    chosen = _reports.plan_of(
        asked.format, asked.output or (), FORMATS, brief=run.terminal.quiet, inputs=inputs
    )
    from driftcli.labelling import annotations, performance, verdict

    limits = verdict.Limits(
        _share(asked.min_accuracy, "--min-accuracy"),
        _share(asked.max_drop, "--max-drop"),
        _baseline(asked.baseline_accuracy),
    )
    verdict.require_whole(limits)
    queue, digest = _queue(asked.folder)
    _find(run.settings.history.file, queue)
    read = [each for name in asked.labels for each in annotations.read(_bytes(name), name)]
    ratings = annotations.sort_out(queue, digest, read)
    if asked.predictions:
        queue = _with_predictions(queue, asked.predictions)
    report = verdict.result(performance.labelled(queue, ratings), asked.folder, digest, limits)
    _remember(run.settings.history.file, queue, report, run.terminal)
    _deliver(chosen, report, run.terminal)
    return report.exit_code


def _bytes(name: str) -> bytes:
    from driftcli.core.files import Refused, read_file
    from driftcli.labelling.annotations import FORMS, MOST_BYTES

    try:
        return read_file(name, MOST_BYTES, follow=True)
    except Refused as refused:
        raise NotAuditedError(
            f"{safe_name(name)} cannot be read: {refused.reason}", f"hand in {FORMS}"
        ) from None


def _queue(folder: str) -> tuple[Queue, str]:
    """The queue, and the digest that its labels carry."""
    from driftcli.core.files import Refused, read_file
    from driftcli.labelling import page
    from driftcli.labelling import queue as queues

    path = Path(folder)
    path = path / queues.FILE if path.is_dir() else path
    try:
        raw = read_file(str(path), queues.MOST_BYTES, follow=True)
    except Refused as refused:
        raise NotAuditedError(
            f"{safe_name(str(path))} cannot be read: {refused.reason}", queues.HINT
        ) from None
    queue = queues.read(raw, str(path))
    return queue, page.digest(raw.decode("utf-8"))


def _with_predictions(queue: Queue, name: str) -> Queue:
    from dataclasses import replace

    from driftcli.labelling import answers

    if any(image.prediction is not None for image in queue.images):
        raise UsageError("--predictions: the queue holds its model's already", "leave the option out")
    answered = answers.with_answers(queue.queued, _bytes(name), name)
    foreign = sorted({image.prediction or "" for image in answered} - set(queue.classes))
    if foreign:
        raise NotAuditedError(
            f"{safe_name(name)}: {safe_name(foreign[0])!r} is no class of the queue",
            f"one of {', '.join(map(safe_name, queue.classes[:12]))}",
        )
    said = {image.item: image.prediction for image in answered}
    images = tuple(replace(one, prediction=said[one.item]) if one.item else one for one in queue.images)
    return replace(queue, images=images)


# ---------------------------------------------------------------- the history


def _batches(queue: Queue) -> list[Batch]:
    from driftcli.check_history.scored import Batch

    return [Batch(day.digest, day.baseline, day.name) for day in queue.days]


def _find(history: str | None, queue: Queue) -> None:
    """Before labels are read: that the history holds the queue's batches."""
    if history is not None:
        from driftcli.check_history import scored

        scored.require(Path(history), _batches(queue))


def _remember(history: str | None, queue: Queue, report: ScoreReport, terminal: Terminal) -> None:
    """The accuracy of each batch, beside its check; says which batches have none."""
    if history is None:
        return
    from driftcli.check_history import scored
    from driftcli.check_history.records import PastLabelled
    from driftcli.core.findings import AccuracyEstimate

    measured = []
    for batch, day in zip(_batches(queue), report.days, strict=True):
        # Allowing for wrong labels may take an estimate a little beyond 1.
        found = [
            min(max(share, 0.0), 1.0) for share in (day.accuracy.value, day.accuracy.low, day.accuracy.high)
        ]
        counts = (day.images, day.labelled, day.accuracy.labels)
        accuracy = AccuracyEstimate(*found)
        measured.append((batch, PastLabelled(report.created, report.queue.digest, *counts, accuracy)))
    done, place = scored.remember(Path(history), measured), safe_name(history)
    if done.unknown:
        terminal.warn(f"{place} holds no check of {', '.join(map(safe_name, done.unknown))}: not kept there")
    again = f", {len(done.replaced)} of them again" if done.replaced else ""
    terminal.note(f"kept in {place}: accuracy of {len(done.kept)} checked batches{again}")


# ---------------------------------------------------------------- options


def _share(text: str | None, option_: str) -> float | None:
    """`90%` or `0.9`."""
    if text is None:
        return None
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest or not 0 <= share <= 1:
        raise UsageError(f"{option_}: {safe_name(text)!r} is no share", "such as 90% or 0.9")
    return share


def _baseline(text: str | None) -> BaselineAccuracy | None:
    """`96%/250`."""
    from driftcli.core.score_report import BaselineAccuracy

    if text is None:
        return None
    accuracy, slash, count = text.partition("/")
    share = _share(accuracy, "--baseline-accuracy")
    if share is None or (slash and not (count.isdecimal() and int(count))):
        raise UsageError(f"--baseline-accuracy: {safe_name(text)!r} is not SHARE/N", "such as 96%/250")
    return BaselineAccuracy(share, int(count) if slash else None)


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
    if chosen.shown != "text":
        terminal.put(forms[chosen.shown](), utf8=True)
    elif chosen.brief:
        terminal.put(f"{text.quiet_line(report)}\n")
    else:
        width, color, plain = terminal.width(), terminal.colour(), not terminal.unicode()
        terminal.put(text.to_text(report, width=width, color=color, ascii_only=plain))
