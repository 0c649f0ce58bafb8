"""Good images under every corruption, as a folder with a manifest, so that the user's own classifier can answer them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core import registry, threads
from driftcli.core.addresses import shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import Corrupted, Decoded, Entry
from driftcli.core.progress import Progress
from driftcli.reading.entries import entries_again
from driftcli.simulation._folder import MANIFEST, DriftedFolder, check_apart
from driftcli.sources.decoding.pool import DecodePool, Extras

SEVERITIES = (1, 3, 5)
CLEAN = "clean"
"""The folder of the images as they are."""


@dataclass(frozen=True)
class CorruptedSet:
    """What was written."""

    manifest: str
    images: int
    """Files, clean ones included."""
    of: int
    """Good images that they were made of."""


@dataclass(frozen=True)
class GoodImages:
    """Which images, by name."""

    contents: Mapping[str, str]
    """SHA-256 of their files, by which answers find their image again."""
    labels: Mapping[str, str]
    """Right answers, where they are known."""


def write_corrupted(sources: Sequence[str], good: GoodImages, place: Path, call: Call) -> CorruptedSet:
    """Write these images of the sources as they are, and under every corruption at three severities; what was written.

    Crop and mask do not apply: whoever scores the images sees them whole, as in use. An image that is no longer what it was is
    left out. Raises UsageError for a place that is taken or lies in a source, NotAuditedError where no image is left,
    InternalError when the folder cannot be written.
    """
    require_free(sources, place)
    settings = call.settings
    whole = replace(settings.decode, crop=None, mask=None)
    extras = Extras(pictures=True, follow=settings.input.follow)
    run = _Run(settings, good, call.progress)
    with DriftedFolder(place) as folder:
        call.progress.start("writing corrupted images", len(good.contents) * len(run.changes))
        with DecodePool(whole, {}, threads.workers(settings.workers), extras) as pool:
            for item in pool.map(run.entries(sources)):
                run.take(item, folder)
        call.progress.finish()
        if not run.written:
            raise NotAuditedError(
                "none of the good images could be read again to be corrupted",
                "name sources that can be read twice: not standard input, not profiles",
            )
    return CorruptedSet(str(place / MANIFEST), run.written, len(run.used))


def require_free(sources: Sequence[str], place: Path) -> None:
    """Raise UsageError for a place that is taken, or that lies in a source."""
    check_apart(place, [name for name in sources if name not in {"-", "-0"}])
    DriftedFolder(place)


@dataclass
class _Run:
    """One pass: entries go to the workers, their answers into the folder, in the same order."""

    settings: Settings
    good: GoodImages
    progress: Progress
    written: int = 0
    used: set[str] = field(default_factory=set)
    _waiting: deque[tuple[Entry, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        kinds = registry.kinds("corruptions")
        self.changes: list[Corrupted | None] = [
            None,
            *(Corrupted(kind, severity, self.settings.seed) for kind in kinds for severity in SEVERITIES),
        ]

    def entries(self, sources: Sequence[str]) -> Iterator[Entry]:
        """Every image, clean and under every corruption; each waits for its answer."""
        most = int(self.settings.decode.max_megabytes * 2**20)
        for number, entry in enumerate(entries_again(sources, self.settings, self.good.contents)):
            data = entry.data
            if data is None:
                try:
                    data = read_file(entry.path or entry.name, most, follow=self.settings.input.follow)
                except Refused:
                    continue
            for change in self.changes:
                self.progress.advance(1)
                changed = replace(entry, data=data, corruption=change)
                self._waiting.append((changed, number))
                yield changed

    def take(self, item: object, folder: DriftedFolder) -> None:
        """One answer: the next in the order of the entries."""
        entry, number = self._waiting.popleft()
        content = self.good.contents[entry.name]
        if not isinstance(item, Decoded) or item.content.hex() != content:
            return
        facts = {
            "source": shown(entry.name),
            "clean_sha256": content,
            "label": self.good.labels.get(entry.name, ""),
        }
        change = entry.corruption
        stem, ending = os.path.splitext(entry.name.rpartition("!")[2].rpartition("/")[2])  # noqa: PTH122 - names need not be text
        if change is None:
            folder.add(f"{CLEAN}/{number:05d}-{stem}{ending}", entry.data or b"", facts)
        else:
            told = {"corruption": change.name, "severity": f"{change.severity:g}"}
            inside = f"{change.name}-{change.severity:g}/{number:05d}-{stem}.png"
            folder.add(inside, item.picture or b"", {**facts, **told})
        self.written += 1
        self.used.add(entry.name)
