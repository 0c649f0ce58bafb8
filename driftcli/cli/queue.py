"""`driftcli queue`: which images of checked batches people should label, as a folder to label from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _common as c
from driftcli.cli import session
from driftcli.cli._common import OUTPUT, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from driftcli.audit.queue import Queued

EXAMPLES = """\
Examples:
  driftcli queue result.json -o labels/ --budget 50
  driftcli queue mon.json tue.json wed.json -o week/ --budget 150    # every day alike
  driftcli queue result.json -o labels/ --budget 50 --predictions predictions.csv --classes cat,dog
  driftcli queue result.json -o labels/ --budget 50 --controls known.csv

Then open label.html from the folder (or import label-studio.json), and give what was saved to `driftcli score`.
"""
PANEL = "Queue"

Results = Annotated[
    list[str],
    typer.Argument(
        metavar="RESULT...",
        help="JSON results of `driftcli check`, or folders that `-o bundle=FOLDER` wrote: one a day.",
        show_default=False,
    ),
]
Output = Annotated[str, option("-o", "--output", metavar="FOLDER", panel=OUTPUT, help="New folder to write.")]
Budget = Annotated[
    int, option("--budget", metavar="N", panel=PANEL, min=1, help="Images to label, over all results.")
]
Classes = Annotated[
    list[str] | None,
    option(
        "--classes",
        metavar="NAMES|FILE",
        panel=PANEL,
        help="All classes that a label may name, with commas, or a text file with one a line; without it, those that were predicted.",
    ),
]
Controls = Annotated[
    str | None,
    option(
        "--controls",
        metavar="FILE",
        panel=PANEL,
        help="CSV path,label of images whose class is known, mixed in to see how good annotators are.",
    ),
]
Uniform = Annotated[
    bool,
    option("--uniform", panel=PANEL, help="Every image alike, whatever is known of the model's correctness."),
]
ListOnly = Annotated[
    bool, option("--list-only", panel=PANEL, help="Write only the list: no page, no pictures.")
]


@group
class Fill:
    """What `driftcli queue` is asked for."""

    result: Results
    output: Output
    budget: Budget
    predictions: c.Predictions = None
    classes: Classes = None
    controls: Controls = None
    uniform: Uniform = False
    list_only: ListOnly = False
    common: Common


@command(Fill)
def queue(asked: Fill, run: session.Session) -> int:
    """Choose images for people to label, so that a few labels tell a model's accuracy.

    Images are drawn with known chances, most often where the model is least sure, and the most drifted ones are a part of
    their own. Writes a folder with the list, a labelling page that works from disk, and tasks for Label Studio, CVAT and Datumaro.
    """
    from driftcli.audit import queue as audit
    from driftcli.reports.saved.result_file import read_named

    reports = [read_named(name) for name in asked.result]
    wanted = audit.Wanted(asked.budget, asked.controls, asked.uniform, asked.list_only)
    queued = audit.queue(reports, Path(asked.output), wanted, run.call())
    run.terminal.close()
    for caution in queued.cautions:
        run.terminal.note(caution)
    run.terminal.put("\n".join([*_lines(queued, brief=run.terminal.quiet), ""]))
    return 0


def _lines(made: Queued, *, brief: bool) -> list[str]:
    where = safe_name(made.folder)
    head = (
        f"queue in {where}: {made.queued:,} of {made.images:,} images to label, {len(made.classes)} classes"
    )
    if made.controls:
        head += f", {made.controls} control tasks among them"
    if brief:
        return [head]
    opened = f"open {where.rstrip('/')}/label.html (queue.csv is not for annotators)\nthen: "
    return [
        head,
        f"  {made.most_drifted} of them from the tenth that drifted most, {made.queued - made.most_drifted} from the rest",
        *(f"  {line}" for line in made.worth),
        f"next: {opened if 'label.html' in made.files else ''}driftcli score {where} LABELS.csv",
    ]
