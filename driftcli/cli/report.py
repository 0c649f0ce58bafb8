"""`driftcli report`: a saved result, or a bundle, in any other form; nothing is measured again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _forms, _reports, session
from driftcli.cli import options as o
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group

if TYPE_CHECKING:
    from driftcli.core.report import Report
    from driftcli.pictures.picture import Gallery

EXAMPLES = """\
Examples:
  driftcli report result.json -o report.html
  driftcli report bundle/ -o html=report/ -o result.json
  driftcli check ref/ images/today -f json | driftcli report - -o report.html

Exit code 0 whatever the result says: this is no gate. 3: not a result.
"""
Saved = Annotated[
    str,
    typer.Argument(
        metavar="RESULT",
        help="JSON result of `driftcli check`, a folder that `-o bundle=FOLDER` wrote, "
        "or `-` for a result on standard input.",
        show_default=False,
    ),
]


@group
class Show:
    """What `driftcli report` is asked for."""

    result: Saved
    format: _forms.Shown = "text"
    output: _forms.Files = None
    top_k: o.TopK = None
    common: Common


@command(Show)
def report(asked: Show, run: session.Session) -> int:
    """Show a saved result again, in any format.

    A bundle has its pictures with it; of a bare result, images are read again where they are still the same.
    """
    plan = _reports.plan(
        asked.format,
        asked.output or (),
        brief=run.terminal.quiet,
        top_k=run.settings.report.top_k,
        inputs=[asked.result, *session.named_files(run, asked.common)],
    )
    saved, gallery = _read(asked.result, pictures=plan.pictures)
    run.terminal.ending.told(saved)
    _reports.deliver(plan, saved, run.terminal, gallery=gallery)
    return 0


def _read(named: str, *, pictures: bool) -> tuple[Report, Gallery | None]:
    """The result; with `pictures` also its images, from the bundle or read again."""
    if named != "-" and Path(named).is_dir():
        from driftcli.reports.saved.bundle import read_bundle

        return read_bundle(named)
    from driftcli.reports.saved import result_file

    if named == "-":
        report = result_file.parse_bytes(sys.stdin.buffer.read(), named)
    else:
        report = result_file.read_result(Path(named))
    if not pictures:
        return report, None
    from driftcli.pictures.gallery import read_again

    return report, read_again(report)
