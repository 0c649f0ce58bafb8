"""The labelling loop: `queue` chooses images for people to label, `score` says how good a model is by their labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from driftcli.api._run import names, resolved

if TYPE_CHECKING:
    from driftcli.api.keywords import Name, Sources
    from driftcli.api.options import QueueOptions, ScoreOptions
    from driftcli.audit.queue import Queued
    from driftcli.audit.score import LabelledQueue
    from driftcli.core.report import Report
    from driftcli.core.score_report import ScoreReport


def queue(
    result: Name | Report | Sequence[Name | Report],
    output: Name,
    budget: int,
    *,
    classes: Sequence[str] | None = None,
    controls: Name | None = None,
    uniform: bool = False,
    list_only: bool = False,
    **options: Unpack[QueueOptions],
) -> Queued:
    """Choose images of checked batches for people to label, and write them to the new folder `output`.

    Images are drawn with known chances, most often where the model is least sure of being right; the most drifted ones are a part of
    their own. The Python twin of `driftcli queue`; the environment is not read.

    Args:
        result: Reports of `driftcli.check`, or what the command wrote of them (JSON files, bundles); one a day.
        output: Folder to write. It must not exist, or be empty.
        budget: Images to label, over all results.
        classes: All that a label may name. None: those that were predicted.
        controls: CSV path,label of images whose class is known, mixed in to see how good annotators are.
        uniform: Every image alike, whatever is known of the model's correctness.
        list_only: Write only the list: no page, no pictures.
        **options: As on the command line; None is "not given". See `help(driftcli.QueueOptions)`.

    Returns:
        How many images are queued, from how many, and how wide the interval of accuracy will be.

    Raises:
        UsageError: An option is wrong, nobody knows the classes, or the folder exists.
        NotAuditedError: A result or a table cannot be read, or an image cannot be shown.
        InternalError: The folder is not writable.

    Example:
        import driftcli

        report = driftcli.check("ref", "images/today", predictions="predictions.csv")
        queued = driftcli.queue(report, "labels", 50)
        print(queued.queued, "images to label; open labels/label.html")
    """
    from driftcli.audit import queue as audit
    from driftcli.core.report import Report
    from driftcli.reports.saved.result_file import read_named

    listed = (
        [result] if isinstance(result, str | Path | Report) or not isinstance(result, Sequence) else result
    )
    reports = [each if isinstance(each, Report) else read_named(os.fspath(each)) for each in listed]
    wanted = audit.Wanted(
        budget, classes, None if controls is None else os.fspath(controls), uniform, list_only
    )
    return audit.queue(reports, Path(output), wanted, resolved(options))


def score(
    queue: Name | Mapping[Name, Sources],
    labels: Sources = (),
    *,
    min_accuracy: float | str | None = None,
    max_drop: float | str | None = None,
    baseline_accuracy: float | str | None = None,
    **options: Unpack[ScoreOptions],
) -> ScoreReport:
    """How good a model is, from queues and the labels that people gave.

    Labels of several people become one each; wrong ones are allowed for; what the model said never enters the labels that score it.
    The Python twin of `driftcli score`; the environment is not read.

    Args:
        queue: Folder that `queue` wrote; or several, each with its labels: {"mon": "mon.csv", "tue": ["ada.csv", "bo.csv"]}.
        labels: Files of labels: CSV item,annotator,label (the page's), Label Studio JSON, Toloka TSV, CVAT XML, Datumaro JSON.
        min_accuracy: The limit below which accuracy must not be, such as 0.9 or "90%".
        max_drop: How far accuracy may have fallen from the baseline's.
        baseline_accuracy: That accuracy: "96%/250", right on 96 % of 250 images. None: as the checks knew it.
        **options: As on the command line; None is "not given". See `help(driftcli.ScoreOptions)`.

    Returns:
        Accuracy with its 95 % interval, of all images, by day and by class; confusions; how far annotators agree, how good each
        of them is; the labels. `exit_code` is 1 where a limit fails beyond doubt.

    Raises:
        UsageError: An option is wrong.
        NotAuditedError: A queue or labels cannot be read, are not of each other, or are too few.

    Example:
        import driftcli

        scored = driftcli.score("labels", ["ada.csv", "bo.csv"], max_drop="5%")
        print(scored.accuracy.value, scored.accuracy.low, scored.accuracy.high, scored.reasons)
    """
    from driftcli.audit import score as audit
    from driftcli.labelling.verdict import limits_of

    limits = limits_of(min_accuracy, max_drop, baseline_accuracy)
    return audit.score(_queues(queue, labels), limits, resolved(options)).report


def _queues(queue: Name | Mapping[Name, Sources], labels: Sources) -> list[LabelledQueue]:
    """Each with its files. Raises UsageError for one without."""
    from driftcli.audit.score import LabelledQueue
    from driftcli.core.errors import UsageError

    given = {name: names(files) for name, files in queue.items()} if isinstance(queue, Mapping) else {}
    if not isinstance(queue, Mapping):
        given[queue] = names(labels)
    elif names(labels):
        raise UsageError("labels beside several queues", "give each queue its own: {queue: labels}")
    if not given or not all(given.values()):
        raise UsageError("no labels for a queue", "name the files with the labels of each queue")
    return [LabelledQueue(os.fspath(name), files) for name, files in given.items()]
