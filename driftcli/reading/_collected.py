"""Rows about images become predictions row for row with them: duplicates compared, classes found, gaps counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import NotAuditedError
from driftcli.core.predictions import UNKNOWN, CorruptedPredictions, Predictions
from driftcli.core.text import safe_name
from driftcli.reading._answers import Answer, Form, answer, form_of, listed, unknown
from driftcli.reading._classes import Classes

SAME = 1e-6
"""Two rows about one image that differ by no more say the same."""
MOST_SEVERE = 5
_FORMS = {
    "probabilities": "a column for every class",
    "one": "one column of probabilities",
    "logits": "logits",
    "classes": "predicted classes alone",
}
_NAME = re.compile(r"[a-z_0-9]{1,64}")


@dataclass
class Collected:
    """What rows say of n images."""

    images: int
    source: str
    """Where the rows are from, in words."""
    whose: str = "the baseline"
    """Whose classes are wanted, where any are."""
    form: Form | None = None
    """In which columns the rows say it: those of the first one that says anything."""
    unmatched: int = 0
    """Rows that are about none of the images."""
    matched: bool = False
    """Whether any row named its image by more than its base name."""
    labels: dict[int, str] = field(default_factory=dict)
    """What the manifest of the images says is right, by image, where tables say nothing of it."""
    corrupted: Corrupted | None = None
    """What rows say of the images under simulated corruptions."""
    _of: dict[int, Answer] = field(default_factory=dict)
    _by_base: list[tuple[Answer, Sequence[int]]] = field(default_factory=list)
    _named: bool = False

    def understands(self, cells: Mapping[str, str], where: str) -> bool:
        """Whether a row with these columns holds a prediction. Raises NotAuditedError for another form than that of the rows before."""
        form = form_of([*cells])
        if form is None:
            return False
        if self.form is None:
            self.form = form
        if form.kind != self.form.kind:
            raise NotAuditedError(
                f"{where}: {_FORMS[form.kind]}, where the rows before have {_FORMS[self.form.kind]}",
                "give the predictions of one classifier, all of them in the same columns",
            )
        return True

    def add(
        self, where: str, cells: Mapping[str, str], folder: str, at: Sequence[int], base: Sequence[int] = ()
    ) -> None:
        """What a row says of the images at these places; else, kept for the case that all rows are so, of those at `base`.

        Raises NotAuditedError for what is no prediction, and where another row says something else of the same image.
        """
        said = self._answer(where, cells, folder)
        if said is None:
            return
        if at:
            self._add(said, at)
        else:
            self._by_base.append((said, base))

    def _answer(self, where: str, cells: Mapping[str, str], folder: str) -> Answer | None:
        return None if self.form is None else answer(where, cells, self.form, folder)

    def _add(self, said: Answer, at: Sequence[int]) -> None:
        self.matched = True
        for row in at:
            before = self._of.get(row)
            self._of[row] = said if before is None else _both(before, said)

    def add_corrupted(self, where: str, cells: Mapping[str, str], at: Sequence[int], folder: str) -> None:
        """What a row says of the image at the first of these places, under a corruption. Raises NotAuditedError."""
        said = self._answer(where, cells, folder)
        if said is None or not at:
            self.unmatched += 1
            return
        if self.corrupted is None:
            self.corrupted = Corrupted()
        self.corrupted.add(said, cells, at[0])

    def require_any(self, names: Sequence[str]) -> None:
        """Turn to base names where no path matched. Raises NotAuditedError where no row is about any image."""
        if self.matched:
            self.unmatched += len(self._by_base)
        else:
            self._named = bool(self._by_base)
            for said, at in self._by_base:
                self._add(said, at)
        self._by_base.clear()
        if not self._of:
            raise NotAuditedError(
                f"no prediction of {self.source} is about any of the {self.images:,} images: they are called "
                f"{safe_name(names[0])}, ...",
                "name images by `path` as the source does, or from the table's folder, or by `sha256` of the file",
            )

    def predictions(self, classes: Sequence[str] | None) -> Predictions:
        """Row for row with the images; NaN where nothing was said. `classes`: the baseline's, or the user's.

        Raises NotAuditedError for classes that are not known, rows of different lengths, and where there are not two classes.
        """
        form = self.form or Form("classes")
        known = Classes(form, tuple(self._of.values()), self.source, self.whose).known(classes)
        place = {name: k for k, name in enumerate(known)}
        probability = np.full((self.images, len(known)), np.nan)
        logits = np.full_like(probability, np.nan) if form.kind == "logits" else None
        label = np.full(self.images, UNKNOWN, np.int64)
        columns = [place[name] for name in form.names]
        for row, said in self._of.items():
            if said.label is not None:
                if said.label not in place:
                    raise unknown(said.label, known, said.where, "label")
                label[row] = place[said.label]
            if said.prediction is not None and said.prediction not in place:
                raise unknown(said.prediction, known, said.where, "prediction")
            if said.numbers is None:
                probability[row] = 0.0
                probability[row, place[said.prediction or ""]] = 1.0
            elif logits is None:
                probability[row] = 1 - said.numbers[0] if form.kind == "one" else 0.0
                probability[row, columns] = said.numbers
            else:
                self._require_length(said, len(known))
                logits[row] = said.numbers
                probability[row] = _softmax(said.numbers)
        for row, text in self.labels.items():
            if label[row] == UNKNOWN and text in place:
                label[row] = place[text]
        return Predictions(known, probability, label, logits, hard=form.kind == "classes")

    def cautions(self, predictions: Predictions, names: Sequence[str], most_missing: float) -> list[str]:
        """What to say of them beside the images. Raises NotAuditedError where too many have none."""
        missing = int((~predictions.answered).sum())
        if missing > max(most_missing * self.images, 1 if most_missing else 0):
            first = int(np.flatnonzero(~predictions.answered)[0])
            raise NotAuditedError(
                f"{missing:,} of {self.images:,} images have no prediction in {self.source}"
                + (f"; {self.unmatched:,} rows are about none of the images" if self.unmatched else ""),
                f"{safe_name(names[first])} is one of them; predict all images, or accept more: "
                f"--set predictions.max_missing={missing / self.images + 0.005:.2f} (now {most_missing:g})",
            )
        return [*self._doubts(predictions, missing)]

    def _doubts(self, predictions: Predictions, missing: int) -> Iterator[str]:
        if missing:
            yield f"{missing:,} of {self.images:,} images have no prediction: how many have none is compared, too"
        if self._named:
            yield f"no path in {self.source} is that of an image: predictions were joined by base name"
        if predictions.hard:
            yield (
                "only predicted classes were given, no probabilities: their shares are compared; how sure the "
                "classifier is, and what its accuracy may be, cannot be told"
            )
        strange = sorted({text for text in self.labels.values() if text not in predictions.classes})
        if strange:
            yield (
                f"labels of the manifest that are none of the classifier's classes tell nothing of its answers: {listed(strange)}"
            )
        other = self._not_the_most_probable(predictions)
        if other:
            yield (
                f"{other:,} of {len(self._of):,} predictions are not the most probable class: driftcli takes the most "
                "probable one (does the classifier use thresholds?)"
            )

    def _not_the_most_probable(self, predictions: Predictions) -> int:
        place = {name: k for k, name in enumerate(predictions.classes)}
        count = 0
        for row, said in self._of.items():
            if said.prediction is not None and said.numbers is not None:
                p = predictions.probability[row]
                count += bool(p[place[said.prediction]] < p.max() - SAME)
        return count

    def _require_length(self, said: Answer, count: int) -> None:
        if said.numbers is not None and len(said.numbers) != count:
            raise NotAuditedError(
                f"{said.where}: {len(said.numbers):,} logits where there are {count:,} classes",
                "give every image the outputs of the same classifier",
            )


@dataclass
class Corrupted:
    """What rows say of images under simulated corruptions."""

    _of: dict[tuple[int, tuple[str, float]], Answer] = field(default_factory=dict)

    def add(self, said: Answer, cells: Mapping[str, str], image: int) -> None:
        """One row. Raises NotAuditedError for a severity that is none, and where another row says something else."""
        name, text = cells["corruption"].strip(), cells.get("severity", "").strip()
        try:
            severity = float(text)
        except ValueError:
            severity = np.nan
        if not 0 < severity <= MOST_SEVERE or not _NAME.fullmatch(name):
            raise NotAuditedError(
                f"{said.where}: {safe_name(name)} at severity {safe_name(text) or 'none'} is no simulated corruption",
                "leave the columns of the manifest that --export-corrupted wrote as they are, and add the predictions",
            )
        key = (image, (name, severity))
        before = self._of.get(key)
        self._of[key] = said if before is None else _both(before, said)

    def predictions(self, clean: Collected, known: Predictions) -> CorruptedPredictions:
        """Row for row, in the order of images and conditions; labels are those of the clean images. Raises as `Collected`."""
        keys = sorted(self._of)
        conditions = tuple(sorted({condition for _, condition in keys}))
        place = {condition: k for k, condition in enumerate(conditions)}
        answers = {k: self._of[key] for k, key in enumerate(keys)}
        rows = Collected(len(keys), clean.source, clean.whose, clean.form, _of=answers)
        image = np.array([row for row, _ in keys], np.int64)
        said = replace(rows.predictions(known.classes), label=known.label[image])
        return CorruptedPredictions(
            said, image, np.array([place[condition] for _, condition in keys], np.int64), conditions
        )


def _both(before: Answer, said: Answer) -> Answer:
    """Two rows about one image that agree. Raises NotAuditedError where they do not."""

    def agree(one: str | None, other: str | None) -> bool:
        return one is None or other is None or one == other

    a, b = before.numbers, said.numbers
    same = agree(before.label, said.label) and agree(before.prediction, said.prediction)
    if not same or (a is not None and b is not None and (len(a) != len(b) or np.abs(a - b).max() > SAME)):
        raise NotAuditedError(
            f"{said.where} contradicts {before.where}: both are about the same image",
            "give each image one prediction; of copies of one file, too",
        )
    label = before.label if before.label is not None else said.label
    return Answer(
        before.where, a, before.prediction if before.prediction is not None else said.prediction, label
    )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    found: NDArray[np.float64] = powers / powers.sum()
    return found
