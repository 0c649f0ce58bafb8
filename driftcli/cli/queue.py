"""`driftcli queue`: which images of checked batches people should label, as a folder to label from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftcli.cli import _new_folder, session
from driftcli.cli._common import OUTPUT, option
from driftcli.cli._signature import command
from driftcli.cli.groups import Common, group
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.text import safe_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftcli.cli.console import Terminal
    from driftcli.core.report import Report
    from driftcli.labelling.queue import Queue, QueueImage

EXAMPLES = """\
Examples:
  driftcli queue result.json -o labels/ --budget 50
  driftcli queue mon.json tue.json wed.json -o week/ --budget 150    # every day alike
  driftcli queue result.json -o labels/ --budget 50 --predictions predictions.csv --classes cat,dog
  driftcli queue result.json -o labels/ --budget 50 --controls known.csv

Then open label.html from the folder (or import label-studio.json), and give what was saved to `driftcli score`.
"""
PANEL = "Queue"
SIDE = 640
"""Pixels of the long side of the pictures that people label."""
MOST = 2_000
"""Pictures in one folder: a page with more takes longer to open than to label."""
TAKEN = "name a new folder: labels may belong to the queue that is there"

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
Predictions = Annotated[
    str | None,
    option(
        "--predictions",
        metavar="FILE",
        panel=PANEL,
        help="CSV of what the model said: path,prediction,confidence, or path and p_CLASS for every class; without it, what "
        "the results hold.",
    ),
]
Classes = Annotated[
    str | None,
    option(
        "--classes",
        metavar="A,B,...",
        panel=PANEL,
        help="All classes that a label may name; without it, those that were predicted.",
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
    predictions: Predictions = None
    classes: Classes = None
    controls: Controls = None
    uniform: Uniform = False
    list_only: ListOnly = False
    common: Common


@command(Fill)
def queue(asked: Fill, run: session.Session) -> int:
    """Choose images for people to label, so that a few labels tell a model's accuracy.

    Images are drawn with known chances, most often where the model is least sure, and the most drifted ones are a part of
    their own. Writes a folder with the list, a labelling page that works from disk, and tasks for Label Studio and CVAT.
    """
    place = Path(asked.output)
    _new_folder.check(place, TAKEN)
    reports = _reports(asked.result)
    images = _images(reports)
    if asked.predictions:
        from driftcli.labelling import answers

        images = answers.with_answers(images, _bytes(asked.predictions), asked.predictions)
    made = _filled(asked, reports, images, run.settings.seed)
    files = _files(made, asked, run)
    run.terminal.close()
    _new_folder.write(place, files, TAKEN)
    _say(made, images, asked, run.terminal)
    return 0


# ---------------------------------------------------------------- what is read


def _bytes(name: str) -> bytes:
    from driftcli.core.files import Refused, read_file
    from driftcli.labelling.tables import MOST_BYTES

    try:
        return read_file(name, MOST_BYTES, follow=True)
    except Refused as refused:
        raise NotAuditedError(
            f"{safe_name(name)} cannot be read: {refused.reason}", "name a table: CSV, UTF-8"
        ) from None


def _reports(named: Sequence[str]) -> list[Report]:
    from driftcli.reports.bundle import RESULT
    from driftcli.reports.saved.result_file import read_result

    reports = [read_result(Path(name) / RESULT if Path(name).is_dir() else Path(name)) for name in named]
    for name, report in zip(named, reports, strict=True):
        if len(report.images) < report.batch.images:
            raise NotAuditedError(
                f"{safe_name(name)}: lists {len(report.images):,} of {report.batch.images:,} images, the most drifted ones: "
                "a sample of them says nothing of the others",
                f"check again with --max-images-in-result {report.batch.images}",
            )
    digests = [report.batch.digest for report in reports]
    if len(set(digests)) < len(digests):
        raise UsageError("two results are of the same images", "name each batch once")
    return sorted(reports, key=_date)


def _date(report: Report) -> str:
    return report.batch.date or report.created


def _images(reports: Sequence[Report]) -> list[QueueImage]:
    from driftcli.labelling.queue import QueueImage

    return [
        QueueImage(
            image.path, image.content, day, image.prediction, image.confidence, image.correctness, image.score
        )
        for day, report in enumerate(reports)
        for image in report.images
    ]


# ---------------------------------------------------------------- what is made


def _filled(asked: Fill, reports: Sequence[Report], images: list[QueueImage], seed: int) -> Queue:
    from dataclasses import replace

    from driftcli.core.times import now_utc
    from driftcli.core.version import version
    from driftcli.labelling import answers
    from driftcli.labelling.queue import SCHEMA_VERSION, Day, Queue, fill

    known = answers.controls(_bytes(asked.controls), asked.controls) if asked.controls else []
    classes = _classes(asked.classes, images, [label for _, label in known])
    if any(image.correctness is None for image in images):
        scores = [image.confidence for image in images]
        images = [replace(image, correctness=score) for image, score in zip(images, scores, strict=True)]
    scored = all(image.correctness is not None for image in images) and not asked.uniform
    budget = min(asked.budget, len(images))
    if budget < len(reports):
        raise UsageError(
            f"--budget {budget}: fewer labels than the {len(reports)} results", "allow one a result at least"
        )
    full, controls = fill(
        images, budget, seed, by_correctness=scored, apart=not asked.uniform, controls=known
    )
    days = tuple(
        Day(_date(one)[:10], ", ".join(one.batch.source), one.batch.digest, one.reference.digest)
        for one in reports
    )
    design = "by correctness" if scored else "uniform"
    return Queue(
        SCHEMA_VERSION, now_utc(), f"driftcli {version()}", seed, design, classes, days, full, controls
    )


def _classes(named: str | None, images: Sequence[QueueImage], known: Sequence[str]) -> tuple[str, ...]:
    """All classes. Raises UsageError where nobody knows them, or a prediction or control is none of them."""
    predicted = {image.prediction for image in images if image.prediction is not None}
    if named is None:
        if not predicted:
            raise UsageError(
                "nobody knows the classes: the results hold no predictions",
                "name them with --classes cat,dog, or hand in --predictions FILE",
            )
        return tuple(sorted(predicted | set(known)))
    classes = [each.strip() for each in named.split(",") if each.strip()]
    if len(classes) < 2 or len(set(classes)) < len(classes):  # noqa: PLR2004 - a choice needs two
        raise UsageError("--classes: two classes at least, each once", "such as --classes cat,dog")
    foreign = sorted((predicted | set(known)) - set(classes))
    if foreign:
        raise UsageError(f"--classes: {safe_name(foreign[0])!r} is not among them", "name all classes")
    return tuple(classes)


def _files(made: Queue, asked: Fill, run: session.Session) -> dict[str, bytes]:
    from driftcli.labelling import exports, page
    from driftcli.labelling import queue as queues

    text = queues.to_json(made)
    files = {queues.FILE: text.encode("ascii")}
    files["queue.csv"] = queues.to_csv(made).encode("utf-8", "surrogateescape")
    if asked.list_only:
        return files
    name, pictures = page.digest(text), _pictures(made, asked.controls, run)
    written = {
        "label.html": page.page(made, pictures, name),
        "label-studio.json": exports.label_studio(made, pictures, name),
        "label-studio.xml": exports.label_studio_interface(made),
        "cvat-labels.json": exports.cvat_labels(made),
    }
    files |= {file: content.encode("utf-8", "backslashreplace") for file, content in written.items()}
    return files | {f"images/{item}.webp": picture for item, picture in pictures.items()}


def _pictures(made: Queue, controls: str | None, run: session.Session) -> dict[str, bytes]:
    """By item. Raises NotAuditedError where one cannot be shown: leaving it out would bias the sample."""
    import os

    from driftcli.labelling.queue import QueueImage
    from driftcli.pictures import again

    items = made.items
    if len(items) > MOST:
        raise UsageError(
            f"--budget {len(items):,}: more pictures than a page holds", f"{MOST:,}, or --list-only"
        )
    beside = Path(controls).parent if controls else Path()
    at = {
        item: of.image
        if isinstance(of, QueueImage) or os.path.isfile(of.image)  # noqa: PTH113 - names need not be text
        else str(beside / of.image)
        for item, of in items.items()
    }
    found = again.shown(at.values(), SIDE, run.call().progress)
    pictures = {item: found[at[item]] for item in items if at[item] in found}
    same = {
        item: picture
        for item, (content, picture) in pictures.items()
        if getattr(items[item], "content", "") in ("", content)  # a control task may be any image
    }
    lost = [at[item] for item in items if item not in same]
    if lost:
        raise NotAuditedError(
            f"{len(lost):,} of {len(items):,} images cannot be shown, such as {safe_name(lost[0])}: moved, changed, "
            "unreadable or in an archive",
            "run this where the check ran, or write the list alone (--list-only)",
        )
    return same


# ---------------------------------------------------------------- what is said


def _say(made: Queue, images: Sequence[QueueImage], asked: Fill, terminal: Terminal) -> None:
    from driftcli.labelling import worth

    where = safe_name(asked.output)
    own = any(image.correctness is None for image in images)
    queued, total = made.queued, len(made.images)
    drifted = sum(image.most_drifted for image in queued)
    if asked.budget > total:
        terminal.note(f"--budget {asked.budget}: the results hold {total:,} images; all are queued")
    head = f"queue in {where}: {len(queued):,} of {total:,} images to label, {len(made.classes)} classes"
    if made.controls:
        head += f", {len(made.controls)} control tasks among them"
    lines = [head]
    if not terminal.quiet:
        lines += [
            f"  {drifted} of them from the tenth that drifted most, {len(queued) - drifted} from the rest"
        ]
        lines += [f"  {line}" for line in worth.expected(made, own=own, asked=asked.uniform)]
        opened = (
            ""
            if asked.list_only
            else f"open {where.rstrip('/')}/label.html (queue.csv is not for annotators)\nthen: "
        )
        lines += [f"next: {opened}driftcli score {where} LABELS.csv"]
    terminal.put("\n".join([*lines, ""]))
