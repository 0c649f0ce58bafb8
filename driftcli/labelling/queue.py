"""A queue: which images of checked batches are to be labelled, and what an estimate must know of all the others."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from driftcli.core import strict_json
from driftcli.core.errors import NotAuditedError
from driftcli.core.score_report import BaselineAccuracy
from driftcli.core.text import safe_name
from driftcli.core.typed_json import Malformed, Within, build
from driftcli.labelling import sampling

FILE = "queue.json"
SEAL = "sha256"
SCHEMA_VERSION = 1
HINT = "name the folder that `driftcli queue -o FOLDER` wrote, whole"
MOST_BYTES = 256 << 20
LIMITS = strict_json.Limits(levels=8, digits=40)
COLUMNS = (
    "item", "image", "day", "prediction", "confidence", "correctness", "probability", "stratum", "most_drifted",
    "control", "content", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class Day:
    """One checked batch."""

    name: str
    """Its date, where the check knew it, else when it was checked."""
    source: str
    digest: str
    baseline: str = ""
    """Digest of the baseline that it was checked against; empty where it is not known."""


@dataclass(frozen=True)
class QueueImage:
    """One of all N images, queued or not."""

    image: str
    content: str
    day: int
    prediction: str | None
    confidence: float | None
    correctness: Annotated[float, Within(0, 1)] | None
    drift: float
    probability: Annotated[float, Within(0, 1)] = 1.0
    """Of being in the queue."""
    stratum: int = 0
    most_drifted: bool = False
    item: str | None = None
    """Its name in the queue; None for one that is not in it."""


@dataclass(frozen=True)
class Control:
    """An image whose right class is known, among the others: who labels it does not know which they are."""

    item: str
    image: str
    label: str


@dataclass(frozen=True)
class Queue:
    """What `queue` writes and `score` reads."""

    schema_version: int
    created: str
    tool: str
    seed: int
    design: str
    """`by correctness` or `uniform`."""
    classes: tuple[str, ...]
    days: tuple[Day, ...]
    images: tuple[QueueImage, ...]
    controls: tuple[Control, ...] = ()
    baseline: BaselineAccuracy | None = None
    """What the model reached on good images, where the results of all days say the same."""
    kind: str = "queue"

    @property
    def queued(self) -> tuple[QueueImage, ...]:
        """The images to label, in the order of their items."""
        return tuple(
            sorted((image for image in self.images if image.item), key=lambda image: image.item or "")
        )

    @property
    def items(self) -> dict[str, QueueImage | Control]:
        """All that annotators see, by item."""
        seen: dict[str, QueueImage | Control] = {image.item or "": image for image in self.queued}
        return dict(sorted((seen | {control.item: control for control in self.controls}).items()))


def fill(
    images: Sequence[QueueImage],
    budget: int,
    seed: int,
    *,
    by_correctness: bool,
    apart: bool = True,
    controls: Sequence[tuple[str, str]] = (),
) -> tuple[tuple[QueueImage, ...], tuple[Control, ...]]:
    """All images with their chances, and `budget` of them with an item; control tasks (image, label) with theirs, mixed in.

    `apart`: the most drifted images are a part of their own. The order of items is random: labels of its first part are a sample too. The same images, budget and seed give the same queue,
    in whatever order the images come. Raises ValueError as `sampling.draw`.
    """
    ordered = sorted(images, key=lambda image: (image.day, image.content, image.image))
    rng = np.random.default_rng(seed)
    made = sampling.draw(
        budget,
        np.array([image.drift for image in ordered]),
        np.array([image.day for image in ordered], np.int64),
        rng,
        correctness=np.array([image.correctness for image in ordered], float) if by_correctness else None,
        apart=apart,
    )
    place = rng.permutation(budget + len(controls))
    width = len(str(len(place)))
    names = [f"{number + 1:0{width}d}" for number in place]
    item = dict(zip(made.taken.tolist(), names, strict=False))
    full = tuple(
        dataclasses.replace(
            image,
            probability=float(made.probability[number]),
            stratum=int(made.stratum[number]),
            most_drifted=bool(made.drifted[number]),
            item=item.get(number),
        )
        for number, image in enumerate(ordered)
    )
    known = zip(names[budget:], controls, strict=True)
    return full, tuple(Control(name, image, label) for name, (image, label) in known)


# ---------------------------------------------------------------- files


def to_json(queue: Queue) -> str:
    """The whole queue, ASCII: any path comes back as it was; its last line is the seal that `read` compares."""
    return f"{json.dumps(sealed(dataclasses.asdict(queue)), allow_nan=False, indent=1)}\n"


def sealed(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a queue says, with its SHA-256 beside it: with chances that were edited, labels would stand for nothing."""
    plain = {key: value for key, value in said.items() if key != SEAL}
    text = json.dumps(plain, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return {**plain, SEAL: hashlib.sha256(text.encode("ascii")).hexdigest()}


def to_csv(queue: Queue) -> str:
    """A row an item, in order; for whoever keeps the queue: annotators must not see what the model said."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for item, of in queue.items.items():
        if isinstance(of, Control):
            table.writerow([item, of.image, *[None] * 7, of.label, None, queue.seed])
            continue
        day = queue.days[of.day].name
        given = [of.prediction, of.confidence, of.correctness, f"{of.probability:.6g}", of.stratum]
        table.writerow(
            [item, of.image, day, *given, str(of.most_drifted).lower(), None, of.content, queue.seed]
        )
    return text.getvalue()


def read(raw: bytes, name: str) -> Queue:
    """The queue that bytes of this name hold. Raises NotAuditedError for anything that is not one."""
    shown = safe_name(name)
    try:
        found = strict_json.parse_bytes(raw, LIMITS, most=MOST_BYTES)
        if _known(found) and found != sealed(found):
            raise NotAuditedError(
                f"{shown} was changed since `driftcli queue` wrote it: what labels stand for follows from its chances and its seed",
                "take the file as it was written, or make a new queue; labels go into files of their own",
            )
        queue = _built(found)
    except strict_json.NotStrictError as error:
        raise NotAuditedError(f"{shown} is no queue: {error}", HINT) from None
    except Malformed as error:
        raise NotAuditedError(f"{shown} is no queue: {error}", HINT) from None
    return queue


def _known(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.get("kind") == "queue"
        and found.get("schema_version") == SCHEMA_VERSION
    )


def _built(found: Any) -> Queue:
    if not isinstance(found, dict) or found.get("kind") != "queue":
        raise Malformed("kind: expected 'queue'")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise Malformed(f"schema_version {found.get('schema_version')!r} is not known")
    queue: Queue = build(Queue, found)
    items = [*(image.item for image in queue.queued), *(control.item for control in queue.controls)]
    if not queue.queued or len(set(items)) != len(items):
        raise Malformed("items: none, or one twice")
    for image in queue.images:
        if not 0 <= image.day < len(queue.days):
            raise Malformed(f"images: day {image.day} is not in days")
        if not image.probability > 0:
            raise Malformed("images: a probability of 0: no label could stand for that image")
        if image.prediction is not None and image.prediction not in queue.classes:
            raise Malformed(f"images: the prediction {image.prediction!r} is no class of the queue")
        if queue.design == "by correctness" and image.correctness is None:
            raise Malformed("images: one has no correctness")
    if any(control.label not in queue.classes for control in queue.controls):
        raise Malformed("controls: a label is no class of the queue")
    return queue


def correctness(images: Sequence[QueueImage]) -> NDArray[np.float64]:
    """[N] of each image."""
    return np.array([image.correctness for image in images], np.float64)
