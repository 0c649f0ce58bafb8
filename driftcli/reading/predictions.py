"""What the user's own classifier says of images, read from a table or from their manifest and joined to those that were read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from driftcli.core.addresses import shown
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.text import safe_name
from driftcli.reading._answers import form_of
from driftcli.reading._collected import Collected
from driftcli.reading._labels import labels, listed_again
from driftcli.reading._matching import CLEAN_SHA256, SHA256, Images, key_of
from driftcli.reading.answered import completed, named_by_user
from driftcli.reading.open_sources import prefix
from driftcli.reading.profiles.named import divided
from driftcli.sources.decoding.names import extension
from driftcli.sources.objects.reader import opened
from driftcli.sources.tables.rows import PATHS, MalformedError, csv_rows, json_rows, lines_of, parquet_rows

if TYPE_CHECKING:
    from driftcli.config.settings import Settings
    from driftcli.extractors.networks.classifier import Classifier
    from driftcli.reading.reading import Reading

OFF = "off"
"""In place of a table: columns of manifests are no predictions, whatever their names."""
_Row = tuple[str, Mapping[str, str]]
"""Where it stands, for people; and its cells."""
_HINT = (
    "The table of predictions is a .csv, .jsonl or .parquet; each row names its image by `path` or `sha256` and says "
    "`p_CLASS` for every class, or `logits`, or `prediction`; `label` is the right answer, where it is known."
)


def joined(
    reading: Reading,
    specs: Sequence[str],
    settings: Settings,
    classes: Sequence[str] | None = None,
    *,
    classifier: Classifier | None = None,
) -> Reading:
    """The reading with the predictions that belong to its images, and what is to be said of them; as it is where there are none.

    They come from the classifier that answered the images while they were
    read, else from the table that the settings name, else from columns of the manifests among the sources `specs`, which are listed once
    more: no image is read. `classes`: those of the baseline, whose order they get.
    Raises NotAuditedError (3) for predictions that are wrong, contradict each other, know other classes or are
    missing for too many images; UsageError (2) for a table of a kind that is not read.
    """
    if classifier is not None:
        return completed(reading, specs, settings, classifier, classes)
    if not len(reading.features) or not offered(reading, settings):
        return reading
    found = _collected(reading, specs, settings)
    if found is None:
        return reading
    if classes is None:
        found.whose, classes = "--classes", named_by_user(settings) or None
    predictions = found.predictions(classes)
    if found.corrupted is not None:
        predictions = replace(predictions, corrupted=found.corrupted.predictions(found, predictions))
    said = found.cautions(predictions, reading.features.names, settings.predictions.max_missing)
    features = replace(reading.features, predictions=predictions)
    return replace(reading, features=features, remarks=(*reading.remarks, *said))


def require_tables(settings: Settings) -> None:
    """Raise what `joined` would raise of tables that are not there, or not read, before any image is."""
    files = settings.predictions.files
    for file in () if OFF in files else files:
        _kind(file)
        try:
            opened(file).close()
        except OSError as error:
            raise _unreadable(file, error) from error


def offered(reading: Reading, settings: Settings) -> bool:
    """Whether predictions were given with these images, joined or not."""
    files = settings.predictions.files
    return OFF not in files if files else form_of(sorted(reading.columns)) is not None


def _collected(reading: Reading, specs: Sequence[str], settings: Settings) -> Collected | None:
    """What the rows say of the images; None where no row has a column of predictions (of several manifests, say)."""
    files = settings.predictions.files
    named = [spec for spec in divided(specs)[0] if spec not in {"-", "-0"}]
    images = Images(reading.features, [prefix(spec) for spec in named])
    found = Collected(len(reading.features), " and ".join(map(_shown, files)) or "the manifest")
    for file in files:
        if not _take(found, images, _rows(file), os.path.dirname(shown(file))):
            raise NotAuditedError(f"{_shown(file)} has no row with a prediction", _HINT)
    if not files and not _take(found, images, listed_again(specs, settings), None):
        return None
    found.require_any(reading.features.names)
    if files or settings.predictions.labels_from is not None:
        found.labels.update(labels(reading, specs, settings))
    return found


def _take(found: Collected, images: Images, rows: Iterator[_Row], folder: str | None) -> bool:
    """Whether any of the rows has a column of predictions. `folder`: of the table; None: that of each row's image."""
    understood = False
    for where, cells in rows:
        understood = understood or found.understands(cells, where)
        if understood:
            _add(found, images, where, cells, os.path.dirname(cells["path"]) if folder is None else folder)
    return understood


def _add(found: Collected, images: Images, where: str, cells: Mapping[str, str], folder: str) -> None:
    """One row, where it is about one of the images. `folder`: that of its table."""
    clean = cells.get(CLEAN_SHA256, "").strip()
    if clean and cells.get("corruption", "").strip():
        found.add_corrupted(where, cells, images.of(None, clean, folder), folder)
        return
    path, content = key_of(cells)
    at = images.of(path, content, folder)
    base = () if at or found.matched or content else images.of_base(path)
    if at or base:
        found.add(where, cells, folder, at, base)
    else:
        found.unmatched += 1


def _shown(file: str) -> str:
    return safe_name(shown(file))


def _rows(file: str) -> Iterator[_Row]:
    """The rows of a table, each with its file and line. Raises NotAuditedError, UsageError."""
    kind, name = _kind(file), _shown(file)
    keys = (*PATHS, SHA256)
    try:
        with opened(file) as raw:
            if kind == "parquet":
                for number, cells in parquet_rows(raw, keys):
                    yield f"{name}, row {number}", cells
                return
            with io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape", newline="") as text:
                read = csv_rows if kind == "csv" else json_rows
                for number, cells in read(lines_of(text), keys):
                    yield f"{name}:{number}", cells
    except OSError as error:
        raise _unreadable(file, error) from error
    except MalformedError as error:
        place = f"{name}:{error.line}" if error.line else name
        raise NotAuditedError(f"{place}: {error}", _HINT) from error


def _kind(file: str) -> str:
    kind = extension(shown(file))
    if kind not in {"csv", "jsonl", "parquet"}:
        raise UsageError(f"--predictions {_shown(file)}: not a .csv, .jsonl or .parquet", _HINT)
    return kind


def _unreadable(file: str, error: OSError) -> NotAuditedError:
    what = f"the table of predictions {_shown(file)} cannot be read: {error.strerror}"
    return NotAuditedError(what, "check its name and permissions")
