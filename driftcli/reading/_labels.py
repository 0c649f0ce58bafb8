"""Right answers for images: a column of their manifest, the folder's name, or a part of the path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from driftcli.core.errors import UsageError
from driftcli.core.images import Entry
from driftcli.core.text import safe_name
from driftcli.reading._answers import LABEL
from driftcli.reading._matching import Images
from driftcli.reading.entries import entries_of
from driftcli.reading.keys import key_function
from driftcli.reading.open_sources import prefix
from driftcli.reading.profiles.named import divided

if TYPE_CHECKING:
    from driftcli.config.settings import Settings
    from driftcli.reading.reading import Reading

COLUMN = "column:"


def labels(reading: Reading, specs: Sequence[str], settings: Settings) -> dict[int, str]:
    """By row of the reading's features, what is right; nothing where it is not said.

    Raises UsageError for a key (`predictions.labels_from`) that is none.
    """
    asked = settings.predictions.labels_from or COLUMN + LABEL
    if asked == "hour":
        raise UsageError(
            "--labels-from hour: an hour is no class", "use folder, column:NAME or a regular expression"
        )
    if asked.startswith(COLUMN):
        column = asked.removeprefix(COLUMN)
        return _of_column(reading, specs, settings, column) if column in reading.columns else {}
    key = cast("Any", key_function(asked))
    found = {}
    for row, name in enumerate(reading.features.names):
        text = key(SimpleNamespace(name=name, columns={}))
        if asked == "folder":
            text = text.rpartition("!")[2].rpartition("/")[2]
        if text.strip():
            found[row] = text.strip()
    return found


def _of_column(reading: Reading, specs: Sequence[str], settings: Settings, column: str) -> dict[int, str]:
    named = [spec for spec in divided(specs)[0] if spec not in {"-", "-0"}]
    images, found = Images.read(reading.features, [prefix(spec) for spec in named]), {}
    for _, cells in listed_again(specs, settings):
        if text := cells.get(column, "").strip():
            found.update(dict.fromkeys(images.of(cells["path"], None, ""), text))
    return found


def listed_again(specs: Sequence[str], settings: Settings) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The manifests' rows, as the sources offer their images; standard input and profiles have no columns."""
    named = [spec for spec in divided(specs)[0] if spec not in {"-", "-0"}]
    for entry in entries_of(named, settings):
        if isinstance(entry, Entry):
            yield safe_name(entry.name), {**entry.columns, "path": entry.name}
