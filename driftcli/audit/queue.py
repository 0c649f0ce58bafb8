"""`queue`: which images of checked batches people should label, written as a folder to label from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from driftcli.audit._named_file import content
from driftcli.config.call import Call
from driftcli.core import new_folder
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.report import Report
from driftcli.core.score_report import BaselineAccuracy
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.core.version import version
from driftcli.labelling import controls as control_tasks
from driftcli.labelling import exports, page, worth
from driftcli.labelling import queue as queues
from driftcli.labelling.queue import SCHEMA_VERSION, Day, Queue, QueueImage, fill
from driftcli.labelling.tables import MOST_BYTES
from driftcli.pictures import again
from driftcli.reading import predictions
from driftcli.reading.named_classes import named_by_user

SIDE = 640
"""Pixels of the long side of the pictures that people label."""
MOST = 2_000
"""Pictures in one folder: a page with more takes longer to open than to label."""
TAKEN = "name a new folder: labels may belong to the queue that is there"


@dataclass(frozen=True)
class Wanted:
    """What is asked of a queue."""

    budget: int
    """Images to label, over all results."""
    controls: str | None = None
    """CSV path,label of images whose class is known."""
    uniform: bool = False
    """Every image alike, whatever is known of the model's correctness."""
    list_only: bool = False
    """No page, no pictures."""


@dataclass(frozen=True)
class Queued:
    """A queue that was written."""

    folder: str
    images: int
    """Of all checked batches."""
    queued: int
    """To label, control tasks apart."""
    controls: int
    most_drifted: int
    """Of the queued ones: from the tenth of a batch that drifted most."""
    classes: tuple[str, ...]
    design: str
    """`by correctness`: most often where the model is least sure; or `uniform`."""
    baseline: BaselineAccuracy | None
    """What the model reached on good images, where the results say so: what `score` measures a drop from."""
    half_width: float | None
    """Of the interval of accuracy, if the score of correctness is right; None for a uniform queue."""
    half_width_random: float | None
    """Of Wilson's interval of a random sample as large."""
    worth: tuple[str, ...]
    """The same in sentences."""
    files: tuple[str, ...]
    cautions: tuple[str, ...] = ()


def queue(reports: Sequence[Report], output: str | Path, wanted: Wanted, call: Call) -> Queued:
    """Draw images of checked batches and write them to a new folder, whole or not at all.

    What the model said of them comes from the tables that the settings name (`predictions.files`), else from the results.
    Raises UsageError (2) for what cannot be asked, and for a folder that is there; NotAuditedError (3) for results that list only some
    of their images, tables that are not understood and images that cannot be shown; InternalError (4) where nothing can be written.
    """
    place = Path(output)
    new_folder.check(place, TAKEN)
    _require_whole(reports)
    ordered = sorted(reports, key=_date)
    classes = named_by_user(call.settings)
    images, cautions = _with_predictions(_images(ordered), call)
    made, own = _filled(wanted, ordered, images, classes, call.settings.seed)
    files = _files(made, wanted, call)
    new_folder.write(place, files, TAKEN)
    if wanted.budget > len(images):
        cautions = (
            *cautions,
            f"a budget of {wanted.budget}: the results hold {len(images):,} images; all are queued",
        )
    width = worth.half_widths(made)
    return Queued(
        folder=str(output),
        images=len(made.images),
        queued=len(made.queued),
        controls=len(made.controls),
        most_drifted=sum(image.most_drifted for image in made.queued),
        classes=made.classes,
        design=made.design,
        baseline=made.baseline,
        half_width=None if width is None else width[0],
        half_width_random=None if width is None else width[1],
        worth=tuple(worth.expected(made, own=own, asked=wanted.uniform)),
        files=tuple(sorted(files)),
        cautions=cautions,
    )


# ---------------------------------------------------------------- what is read


def _require_whole(reports: Sequence[Report]) -> None:
    for report in reports:
        if len(report.images) < report.batch.images:
            named = safe_name(", ".join(report.batch.source))
            raise NotAuditedError(
                f"the result of {named} lists {len(report.images):,} of {report.batch.images:,} images, the most drifted ones: "
                "a sample of them says nothing of the others",
                f"check again with --max-images-in-result {report.batch.images}",
            )
    digests = [report.batch.digest for report in reports]
    if len(set(digests)) < len(digests):
        raise UsageError("two results are of the same images", "name each batch once")


def _date(report: Report) -> str:
    return report.batch.date or report.created


def _images(reports: Sequence[Report]) -> list[QueueImage]:
    return [
        QueueImage(
            image.path, image.content, day, image.prediction, image.confidence, image.correctness, image.score
        )
        for day, report in enumerate(reports)
        for image in report.images
    ]


def _with_predictions(images: list[QueueImage], call: Call) -> tuple[list[QueueImage], tuple[str, ...]]:
    """The images with what tables say of them instead of what the results hold, where the settings name tables."""
    settings = call.settings
    if not settings.predictions.files or predictions.OFF in settings.predictions.files:
        return images, ()
    said, cautions = predictions.of_images(
        [image.image for image in images], [image.content for image in images], settings
    )
    found = []
    for row, image in enumerate(images):
        answered = bool(said.answered[row])
        sure = float(said.probability[row].max()) if answered and not said.hard else None
        prediction = said.classes[said.predicted[row]] if answered else None
        found.append(replace(image, prediction=prediction, confidence=sure, correctness=None))
    return found, tuple(cautions)


# ---------------------------------------------------------------- what is made


def _filled(
    wanted: Wanted, reports: Sequence[Report], images: list[QueueImage], named: Sequence[str], seed: int
) -> tuple[Queue, bool]:
    """The queue; and whether chances are the model's own confidence, for want of a score of correctness."""
    raw = content(wanted.controls, MOST_BYTES, "name a table: CSV, UTF-8") if wanted.controls else b""
    known = control_tasks.read(raw, wanted.controls) if wanted.controls else []
    classes = _classes(named, images, [label for _, label in known])
    own = any(image.correctness is None for image in images)
    if own:
        images = [replace(image, correctness=image.confidence) for image in images]
    scored = all(image.correctness is not None for image in images) and not wanted.uniform
    budget = min(wanted.budget, len(images))
    if budget < len(reports):
        raise UsageError(
            f"a budget of {budget}: fewer labels than the {len(reports)} results",
            "allow one a result at least",
        )
    full, controls = fill(
        images, budget, seed, by_correctness=scored, apart=not wanted.uniform, controls=known
    )
    days = tuple(
        Day(_date(one)[:10], ", ".join(one.batch.source), one.batch.digest, one.reference.digest)
        for one in reports
    )
    design = "by correctness" if scored else "uniform"
    made = Queue(
        SCHEMA_VERSION,
        now_utc(),
        f"driftcli {version()}",
        seed,
        design,
        classes,
        days,
        full,
        controls,
        _baseline(reports),
    )
    return made, own


def _baseline(reports: Sequence[Report]) -> BaselineAccuracy | None:
    """What the model reached on the good images, where all batches were compared with the same ones."""
    found = {_known_accuracy(one) for one in reports}
    return found.pop() if len(found) == 1 else None


def _known_accuracy(report: Report) -> BaselineAccuracy | None:
    said = report.predictions
    if said is None or said.baseline_accuracy is None:
        return None
    return BaselineAccuracy(said.baseline_accuracy, said.baseline_labelled)


def _classes(named: Sequence[str], images: Sequence[QueueImage], known: Sequence[str]) -> tuple[str, ...]:
    """All classes. Raises UsageError where nobody knows them, or a prediction or control is none of them."""
    predicted = {image.prediction for image in images if image.prediction is not None}
    if not named:
        if not predicted:
            raise UsageError(
                "nobody knows the classes: the results hold no predictions",
                "name them with --classes cat,dog, or hand in --predictions FILE",
            )
        return tuple(sorted(predicted | set(known)))
    if len(named) < 2:  # noqa: PLR2004 - a choice needs two
        raise UsageError("--classes: two classes at least", "such as --classes cat,dog")
    foreign = sorted((predicted | set(known)) - set(named))
    if foreign:
        raise UsageError(f"--classes: {safe_name(foreign[0])!r} is not among them", "name all classes")
    return tuple(named)


def _files(made: Queue, wanted: Wanted, call: Call) -> dict[str, bytes]:
    text = queues.to_json(made)
    files = {queues.FILE: text.encode("ascii")}
    files["queue.csv"] = queues.to_csv(made).encode("utf-8", "surrogateescape")
    if wanted.list_only:
        return files
    name, pictures = page.digest(text), _pictures(made, wanted.controls, call)
    written = {
        "label.html": page.page(made, pictures, name),
        "label-studio.json": exports.label_studio(made, pictures, name),
        "label-studio.xml": exports.label_studio_interface(made),
        "cvat-labels.json": exports.cvat_labels(made),
        "annotations/queue.json": exports.datumaro(made, name),
    }
    files |= {file: content.encode("utf-8", "backslashreplace") for file, content in written.items()}
    return files | {f"images/{exports.picture(item, name)}.webp": shown for item, shown in pictures.items()}


def _pictures(made: Queue, controls: str | None, call: Call) -> Mapping[str, bytes]:
    """By item. Raises NotAuditedError where one cannot be shown: leaving it out would bias the sample."""
    items = made.items
    if len(items) > MOST:
        raise UsageError(
            f"a budget of {len(items):,}: more pictures than a page holds", f"{MOST:,}, or --list-only"
        )
    beside = Path(controls).parent if controls else Path()
    at = {
        item: of.image
        if isinstance(of, QueueImage) or os.path.isfile(of.image)  # noqa: PTH113 - names need not be text
        else str(beside / of.image)
        for item, of in items.items()
    }
    found = again.shown(at.values(), SIDE, call.progress)
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
