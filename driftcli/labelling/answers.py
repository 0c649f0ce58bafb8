"""What the user's model said of images, where the result does not hold it, and images with known labels: from tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

from driftcli.core.errors import NotAuditedError
from driftcli.core.text import safe_name
from driftcli.labelling import tables
from driftcli.labelling.queue import QueueImage

PATHS = ("path", "image", "filename", "file")
Answer = tuple[str, float | None, float | None]
"""Prediction, confidence, correctness."""
_OFF = 1e-3
"""How far a row of probabilities may miss 1 for having been rounded."""


def with_answers(images: Sequence[QueueImage], raw: bytes, name: str) -> list[QueueImage]:
    """The images with `prediction`, `confidence` and `correctness` of a table; each must be in it once.

    Columns: `path` (as the result names it, or its end), then `prediction` and, if there are, `confidence` and `correctness`; or
    `p_CLASS` for every class. Rows of other images are passed over. Raises NotAuditedError.
    """
    found = tables.rows(raw, name)
    path = tables.column(found, PATHS)
    classes = [each for each in (found[0][1] if found else {}) if each.startswith("p_")]
    if path is None or not (classes or tables.column(found, ("prediction",))):
        raise NotAuditedError(
            f"{safe_name(name)}: no columns for images and predictions",
            "give it a header: path,prediction,confidence (or path and p_CLASS for every class)",
        )
    names = _original(raw, classes)
    answers: dict[str, Answer] = {}
    for line, row in found:
        where = f"{safe_name(name)}, line {line}"
        answer = _of_probabilities(row, names, where) if classes else _of_columns(row, where)
        if answers.setdefault(row[path], answer) != answer:
            raise NotAuditedError(
                f"{where}: {safe_name(row[path])} stands there twice", "keep one row an image"
            )
    by_end = _by_end(answers)
    missing = [image.image for image in images if _key(image.image, answers, by_end) is None]
    if missing:
        raise NotAuditedError(
            f"{safe_name(name)}: no prediction for {len(missing):,} of {len(images):,} images, such as "
            f"{safe_name(missing[0])}",
            "name images as the result does, and hand in a row for each",
        )
    made = []
    for image in images:
        prediction, confidence, correctness = answers[_key(image.image, answers, by_end) or ""]
        made.append(replace(image, prediction=prediction, confidence=confidence, correctness=correctness))
    return made


def controls(raw: bytes, name: str) -> list[tuple[str, str]]:
    """Path and right class of each control task. Raises NotAuditedError."""
    found = tables.rows(raw, name)
    path, label = tables.column(found, PATHS), tables.column(found, ("label", "class"))
    if path is None or label is None:
        raise NotAuditedError(
            f"{safe_name(name)}: no columns for images and labels", "give it a header: path,label"
        )
    known = {row[path]: row[label].strip() for _, row in found}
    if len(known) != len(found) or not all(known.values()):
        raise NotAuditedError(
            f"{safe_name(name)}: an image twice, or one without a label", "keep one row an image"
        )
    return sorted(known.items())


def _original(raw: bytes, classes: Sequence[str]) -> dict[str, str]:
    """Column -> class as it is written: headers were made lower case."""
    text = raw.decode("utf-8-sig", "surrogateescape")
    written = [field.strip() for field in next(csv.reader(io.StringIO(text, newline="")))]
    return {each: next(w for w in written if w.lower() == each)[2:] for each in classes}


def _of_probabilities(row: tables.Row, names: dict[str, str], where: str) -> Answer:
    shares = {written: tables.share(row[column], where) for column, written in names.items()}
    values = [value for value in shares.values() if value is not None]
    if len(values) < len(shares) or abs(sum(values) - 1) > _OFF:
        raise NotAuditedError(
            f"{where}: probabilities sum to {sum(values):.4g}", "give one for every class, that sum to 1"
        )
    best = max(shares, key=lambda each: shares[each] or 0.0)
    return best, shares[best], None


def _of_columns(row: tables.Row, where: str) -> Answer:
    prediction = row["prediction"].strip()
    if not prediction:
        raise NotAuditedError(f"{where}: no prediction", "give one for every image")
    confidence, correctness = (
        tables.share(row.get(each, ""), where) for each in ("confidence", "correctness")
    )
    return prediction, confidence, correctness


def _by_end(answers: dict[str, Answer]) -> dict[str, str | None]:
    """File name -> its row, where only one row has that name."""
    found: dict[str, str | None] = {}
    for each in answers:
        end = each.rpartition("/")[2]
        found[end] = None if end in found else each
    return found


def _key(image: str, answers: Mapping[str, Answer], by_end: Mapping[str, str | None]) -> str | None:
    """The row of an image: its very name, or one of the two is the end of the other, whole folders each."""
    if image in answers:
        return image
    row = by_end.get(image.rpartition("/")[2])
    same = row is not None and (image.endswith(f"/{row}") or row.endswith(f"/{image}"))
    return row if same else None
