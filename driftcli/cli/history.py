"""`driftcli history`: what past checks found, as a table, trends and charts; acknowledging an alarm."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _reports, session
from driftcli.cli._common import OUTPUT, TextJsonCsv, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
from driftcli.core.errors import UsageError
from driftcli.core.output import write

if TYPE_CHECKING:
    from driftcli.check_history.records import Past
    from driftcli.cli.console import Terminal

EXAMPLES = """\
Examples:
  driftcli history drift.db
  driftcli history drift.db --group line-2               # one of several series; --group '': the unnamed one
  driftcli history drift.db --statistic brightness --since 30d
  driftcli history drift.db -o history.html
  driftcli history drift.db --acknowledge --note "lens cleaned"

Exit code 0 whatever the checks said: `check --gate sequence` is the gate.
"""
FORMATS = _reports.Formats(("text", "json", "csv"), ("text", "json", "csv", "html"))
SELECTION = "Selection"

Database = Annotated[
    str,
    typer.Argument(metavar="FILE", help="What `driftcli check --history FILE` wrote.", show_default=False),
]
Statistic = Annotated[
    list[str] | None,
    option(
        "--statistic",
        metavar="NAME",
        panel=SELECTION,
        help="Draw this one, such as brightness. Repeatable; without it, every property in a line.",
    ),
]
Group = Annotated[
    str | None,
    option(
        "--group",
        metavar="NAME",
        panel=SELECTION,
        help="Of this --history-group; an empty name ('') is the series without one. Without the option: the "
        "series checked last.",
    ),
]
Baseline = Annotated[
    str | None,
    option(
        "--baseline",
        metavar="NAME",
        panel=SELECTION,
        help="Against this baseline, by name or beginning of its digest; without it, the one used last.",
    ),
]
Since = Annotated[
    str | None,
    option(
        "--since", metavar="DATE|AGE", panel=SELECTION, help="From 2026-11-01 on, or of the last 24h, 30d."
    ),
]
Limit = Annotated[
    int, option("--limit", metavar="N", panel=SELECTION, min=0, help="The newest N; 0: all (default: 30).")
]
Acknowledge = Annotated[
    bool,
    option(
        "--acknowledge",
        panel=SELECTION,
        help="End the alarm (of --group, else every alarm): the evidence starts again at 0.",
    ),
]
Note = Annotated[
    str, option("--note", metavar="TEXT", panel=SELECTION, help="Kept with --acknowledge: what it was.")
]
Outputs = Annotated[
    list[str] | None,
    option(
        "-o",
        "--output",
        metavar="[FORMAT=]PATH",
        panel=OUTPUT,
        help="Also write text, json, csv or html to a file; its suffix says which, or it is named. Folders are made. "
        "Repeatable.",
    ),
]


@group
class LookBack:
    """What `driftcli history` is asked for; its `--since` and `--limit` choose checks, not images."""

    database: Database
    statistic: Statistic = None
    group: Group = None
    from_baseline: Baseline = None
    not_before: Since = None
    newest: Limit = 30
    acknowledge: Acknowledge = False
    note: Note = ""
    format: TextJsonCsv = "text"
    output: Outputs = None
    common: Common


@command(LookBack)
def history(asked: LookBack, run: session.Session) -> int:
    """Look back on past checks.

    Verdicts, the model's accuracy as estimated and as labelled, the evidence of all checks together, and the trend of whatever
    was measured.
    """
    chosen = _reports.plan_of(
        asked.format,
        asked.output or (),
        FORMATS,
        brief=run.terminal.quiet,
        inputs=[asked.database, *session.named_files(run, asked.common)],
    )
    if asked.note and not asked.acknowledge:
        raise UsageError("--note without --acknowledge", "add --acknowledge, or leave the note out")
    from driftcli.check_history import read

    path, names = Path(asked.database), tuple(dict.fromkeys(asked.statistic or ()))
    if asked.acknowledge:
        _acknowledge(path, asked.note, asked.group, run.terminal)
    past = read.read(
        path, group=asked.group, baseline=asked.from_baseline, since=asked.not_before, limit=asked.newest
    )
    _deliver(chosen, read.require_some(past), names, run.terminal)
    return 0


def _acknowledge(path: Path, note: str, group: str | None, terminal: Terminal) -> None:
    from driftcli.check_history import record as store

    ended = store.acknowledge(path, note, group)
    for alarm in ended:
        of = f" of {alarm.group}" if alarm.group else ""
        terminal.note(f"acknowledged the alarm{of}: evidence {alarm.value:.3g}, now 0")
    if not ended:
        terminal.warn("there is no alarm to acknowledge")


def _deliver(chosen: _reports.Plan, past: Past, names: tuple[str, ...], terminal: Terminal) -> None:
    """Files first: if one fails (4), standard output stays empty."""
    from driftcli.reports.history import html, json, text

    forms = {
        "text": lambda: text.to_text(past, names),
        "json": lambda: json.to_json(past),
        "csv": lambda: json.to_csv(past, names),
        "html": lambda: html.to_html(past, names),
    }
    for kind, path in chosen.files:
        write(path, forms[kind]())
    _reports.show(chosen, forms, partial(text.quiet_line, past), partial(text.to_text, past, names), terminal)
