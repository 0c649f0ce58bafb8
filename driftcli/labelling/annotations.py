"""Labels as people and tools hand them in: long CSV and the page's own, Label Studio, Toloka, CVAT, Datumaro."""

from __future__ import annotations

import bisect
import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from driftcli.core import strict_json
from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name
from driftcli.labelling import tables
from driftcli.labelling.exports import FROM
from driftcli.labelling.queue import Queue

_PICTURE = re.compile(r"([0-9a-f]{12})-(\d+)")
LIMITS = strict_json.Limits(levels=32, digits=40)
MOST_BYTES = 1 << 30
IMAGES = ("item", "image", "path", "task")
ANNOTATORS = ("annotator", "annotator_id", "worker", "performer")
LABELS = ("label", "class", "choice")
FORMS = "CSV or TSV with item (or image), annotator, label; Label Studio JSON; Toloka TSV; CVAT XML; Datumaro JSON"


@dataclass(frozen=True)
class Annotation:
    """One label by one person."""

    image: str
    """As the file names it: an item of the queue, a file of its folder `images`, or a path."""
    annotator: str
    label: str
    """Empty where it was left open."""
    where: str
    """File and line, for who has to correct it."""
    queue: str | None = None
    """The digest of the queue that it says it is of."""


@dataclass(frozen=True)
class Ratings:
    """All labels of a queue, sorted out."""

    items: tuple[str, ...]
    """The queue's, those with a label."""
    annotators: tuple[str, ...]
    values: NDArray[np.int64]
    """[items, annotators]: places in the queue's classes, -1 where there is no label."""
    repeated: int
    """Rows that said again what another had said."""
    open: int
    """Rows that left the label open."""


def read(raw: bytes, name: str) -> list[Annotation]:
    """What bytes of a file of this name hold; its suffix says the form. Raises NotAuditedError."""
    suffix = PurePath(name).suffix.lower()
    readers = {".csv": _csv, ".tsv": _tsv, ".json": _json, ".xml": _cvat}
    if suffix not in readers:
        raise NotAuditedError(f"{safe_name(name)}: no form of labels ends in {suffix!r}", f"hand in {FORMS}")
    found = list(readers[suffix](raw, name))
    if not found:
        raise NotAuditedError(f"{safe_name(name)} holds no labels", f"hand in {FORMS}")
    return found


# ---------------------------------------------------------------- forms


def _csv(raw: bytes, name: str) -> Iterator[Annotation]:
    """Label Studio names its tab-separated export .csv, too."""
    header = raw.partition(b"\n")[0]
    tabs = b"\t" in header and b"," not in header
    yield from _long(tables.rows(raw, name, separator="\t" if tabs else ","), name)


def _tsv(raw: bytes, name: str) -> Iterator[Annotation]:
    """Toloka's assignments, or a long table."""
    found = tables.rows(raw, name, separator="\t")
    toloka = any(column.startswith(("input:", "output:")) for column in (found[0][1] if found else {}))
    yield from _toloka(found, name) if toloka else _long(found, name)


def _long(found: Sequence[tuple[int, tables.Row]], name: str) -> Iterator[Annotation]:
    image, annotator, label = (tables.column(found, names) for names in (IMAGES, ANNOTATORS, LABELS))
    if found and not (image and annotator and label):
        raise NotAuditedError(
            f"{safe_name(name)}: no columns for image, annotator and label",
            "give it a header: item,annotator,label",
        )
    for line, row in found:
        queue = row.get("queue") or None
        yield _annotation(
            row[image or ""], row[annotator or ""], row[label or ""], f"{name}, line {line}", queue
        )


def _toloka(found: Sequence[tuple[int, tables.Row]], name: str) -> Iterator[Annotation]:
    header = found[0][1] if found else {}
    image = tables.column(found, [f"input:{each}" for each in IMAGES])
    worker = tables.column(found, ("assignment:worker_id", "assignment:worker"))
    outputs = [each for each in header if each.startswith("output:")]
    label = tables.column(found, [f"output:{each}" for each in (*LABELS, "result")])
    label = label or (outputs[0] if len(outputs) == 1 else None)
    if found and not (image and worker and label):
        raise NotAuditedError(
            f"{safe_name(name)}: no columns INPUT:item, OUTPUT:label and ASSIGNMENT:worker_id",
            "export the assignments of the pool, with those columns",
        )
    for line, row in found:
        if row.get("assignment:status", "").upper() in {"REJECTED", "SKIPPED", "EXPIRED"}:
            continue
        queue = row.get("input:queue") or None
        yield _annotation(
            row[image or ""], row[worker or ""], row[label or ""], f"{name}, line {line}", queue
        )


def _json(raw: bytes, name: str) -> Iterator[Annotation]:
    """A list is Label Studio's, an object with categories Datumaro's."""
    shown = safe_name(name)
    try:
        found = strict_json.parse_bytes(raw, LIMITS, most=MOST_BYTES)
    except strict_json.NotStrictError as error:
        raise NotAuditedError(
            f"{shown} is no JSON: {error}", "export from Label Studio as JSON, from CVAT as XML or Datumaro"
        ) from None
    if isinstance(found, dict) and "categories" in found:
        yield from _datumaro(found, name)
        return
    if not isinstance(found, list) or not all(isinstance(task, dict) for task in found):
        raise NotAuditedError(
            f"{shown}: neither Label Studio's list of tasks nor Datumaro's annotations", f"hand in {FORMS}"
        )
    yield from _label_studio(found, name)


def _label_studio(tasks: Sequence[Mapping[str, Any]], name: str) -> Iterator[Annotation]:
    """Its JSON export, and the short one (JSON-MIN)."""
    for number, task in enumerate(tasks, 1):
        where, long = f"{name}, task {number}", "annotations" in task
        facts = task.get("data") if long else task
        if not isinstance(facts, dict) or not isinstance(facts.get("item"), str):
            raise NotAuditedError(
                f"{safe_name(where)}: no item", "import label-studio.json of the queue as tasks"
            )
        queue = facts.get("queue") if isinstance(facts.get("queue"), str) else None
        given = _of_task(task["annotations"], where) if long else [(task.get("annotator"), task.get(FROM))]
        for annotator, label in given:
            text = label if isinstance(label, str) else ""
            yield _annotation(facts["item"], "" if annotator is None else str(annotator), text, where, queue)


def _of_task(annotations: Any, where: str) -> Iterator[tuple[Any, Any]]:
    """Annotator and choice of each annotation that was not cancelled."""
    for each in annotations if isinstance(annotations, list) else [None]:
        if not isinstance(each, dict) or not isinstance(each.get("result"), list):
            raise NotAuditedError(f"{safe_name(where)}: not Label Studio's annotations", "export as JSON")
        if each.get("was_cancelled"):
            continue
        by = each.get("completed_by")
        by = (by.get("email") or by.get("id")) if isinstance(by, dict) else by
        values = [
            one.get("value")
            for one in each["result"]
            if isinstance(one, dict) and one.get("from_name") == FROM
        ]
        choices = [
            choice for value in values if isinstance(value, dict) for choice in value.get("choices") or ()
        ]
        if len(choices) > 1:
            raise NotAuditedError(
                f"{safe_name(where)}: several choices of one annotator", "keep one label an image"
            )
        yield by, choices[0] if choices else ""


def _cvat(raw: bytes, name: str) -> Iterator[Annotation]:
    """CVAT for images 1.1: the tag of each image; the annotator is the job's assignee, else the file's name."""
    shown = safe_name(name)
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise NotAuditedError(f"{shown}: declares entities", "export from CVAT as `CVAT for images 1.1`")
    try:
        root = ET.fromstring(raw)  # noqa: S314 - no entities, and expat limits what they unfold to
    except (ET.ParseError, ValueError, LookupError) as error:
        raise NotAuditedError(
            f"{shown} is no XML: {error}", "export from CVAT as `CVAT for images 1.1`"
        ) from None
    if root.tag != "annotations":
        raise NotAuditedError(f"{shown}: no annotations of CVAT", "export as `CVAT for images 1.1`")
    by = root.findtext("./meta/job/assignee/username") or root.findtext("./meta/task/assignee/username")
    for image in root.iter("image"):
        tags = [tag.get("label", "") for tag in image.iter("tag")]
        where = f"{name}, image {image.get('name', '')}"
        if len(tags) > 1:
            raise NotAuditedError(f"{safe_name(where)}: several tags", "keep one tag an image")
        yield _annotation(
            image.get("name", ""), by or PurePath(name).stem, tags[0] if tags else "", where, None
        )


def _datumaro(found: Mapping[str, Any], name: str) -> Iterator[Annotation]:
    """The label of each item; the annotator is the file's name, for Datumaro knows none."""
    shown, infos = safe_name(name), found.get("infos")
    try:
        place = dict(enumerate(each["name"] for each in found["categories"]["label"]["labels"]))
        items = [(each["id"], each.get("annotations", [])) for each in found["items"]]
        labels = [
            (item, [place[mark["label_id"]] for mark in marks if mark.get("type") == "label"])
            for item, marks in items
        ]
    except (KeyError, TypeError, AttributeError):
        raise NotAuditedError(
            f"{shown}: not Datumaro's annotations", "export as Datumaro, with labels of whole images"
        ) from None
    queue = infos.get("queue") if isinstance(infos, dict) else None
    for item, given in labels:
        where = f"{name}, item {item}"
        if len(given) > 1:
            raise NotAuditedError(f"{safe_name(where)}: several labels", "keep one label an image")
        label = given[0] if given else ""
        if not isinstance(item, str) or not isinstance(label, str):
            raise NotAuditedError(f"{safe_name(where)}: not Datumaro's annotations", "export as Datumaro")
        yield _annotation(item, PurePath(name).stem, label, where, queue if isinstance(queue, str) else None)


def _annotation(image: str, annotator: str, label: str, where: str, queue: str | None) -> Annotation:
    annotator = annotator.strip()
    if not annotator and label.strip():
        raise NotAuditedError(
            f"{safe_name(where)}: a label of nobody",
            "say who gave it: labels of one person are told apart by name",
        )
    return Annotation(image.strip(), annotator, label.strip(), safe_name(where), queue)


# ---------------------------------------------------------------- sorted out


def sort_out(queue: Queue, digest: str, annotations: Sequence[Annotation]) -> Ratings:
    """The labels by item and annotator.

    Raises NotAuditedError for images that are not of the queue, labels that are no class, and two labels by one person of one image.
    """
    known = _names(queue)
    place = {name: number for number, name in enumerate(queue.classes)}
    given: dict[tuple[str, str], Annotation] = {}
    repeated = left_open = 0
    for each in annotations:
        if each.queue not in (None, digest):
            raise NotAuditedError(
                f"{each.where}: a label of another queue", "name the queue that was labelled, unchanged"
            )
        item = known.get(each.image) or known.get(_item(each, digest))
        if item is None:
            raise NotAuditedError(
                f"{each.where}: {safe_name(each.image)!r} is no image of the queue",
                "name items or paths as queue.csv does; labels of other images belong to other queues",
            )
        if not each.label:
            left_open += 1
            continue
        if each.label not in place:
            raise NotAuditedError(
                f"{each.where}: {safe_name(each.label)!r} is no class of the queue", _meant(each.label, queue)
            )
        before = given.setdefault((item, each.annotator), each)
        if before is not each:
            repeated += 1
            _require_same(before, each)
    items = tuple(sorted({item for item, _ in given}))
    annotators = tuple(sorted({name for _, name in given}))
    values = np.full((len(items), len(annotators)), -1, np.int64)
    for (item, name), each in given.items():
        values[bisect.bisect_left(items, item), annotators.index(name)] = place[each.label]
    return Ratings(items, annotators, values, repeated, left_open)


def _item(each: Annotation, digest: str) -> str:
    """The item that a picture of the queue's folder shows, or that is named without one. Raises NotAuditedError for another queue's picture."""
    stem = PurePath(each.image).stem
    found = _PICTURE.fullmatch(stem)
    if found is None:
        return stem
    if found[1] != digest:
        raise NotAuditedError(
            f"{each.where}: a picture of another queue", "name the queue that was labelled, unchanged"
        )
    return found[2]


def _names(queue: Queue) -> dict[str, str]:
    """What an image may be called -> its item: the item, and its path where no other has it."""
    paths: dict[str, list[str]] = defaultdict(list)
    for item, of in queue.items.items():
        paths[of.image].append(item)
    by_path = {path: items[0] for path, items in paths.items() if len(items) == 1}
    return by_path | {item: item for item in queue.items}


def _meant(label: str, queue: Queue) -> str:
    close = difflib.get_close_matches(label, queue.classes, 1)
    return (
        f"did you mean {safe_name(close[0])!r}?"
        if close
        else f"one of {', '.join(map(safe_name, queue.classes[:12]))}"
    )


def _require_same(before: Annotation, now: Annotation) -> None:
    if before.label != now.label:
        raise NotAuditedError(
            f"{safe_name(now.annotator)} says both {safe_name(before.label)!r} and {safe_name(now.label)!r} of one image "
            f"({before.where}; {now.where})",
            "keep the label that was meant",
        )
