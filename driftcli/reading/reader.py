"""Sources become features: decode in workers, extract in micro-batches, keep the ledger."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.config.settings import Settings
from driftcli.core import threads
from driftcli.core.features import State
from driftcli.core.images import Decoded, Entry, Skipped
from driftcli.core.progress import SILENT, Progress
from driftcli.extractors.base import Extractor, Runtime
from driftcli.extractors.base import views as declared_views
from driftcli.extractors.networks.square import CLASSIFIER
from driftcli.reading._clock import Clock
from driftcli.reading.answered import with_answers
from driftcli.reading.cache import FeatureCache, digest_of_numbers
from driftcli.reading.entries import entries_again, entries_of, known_count
from driftcli.reading.keys import KeyFunction, key_function
from driftcli.reading.ledger import Tally
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import warming
from driftcli.reading.table import Keys, Table
from driftcli.sources.decoding.pool import NO_EXTRAS, DecodePool, Extras

if TYPE_CHECKING:
    from driftcli.extractors.networks.classifier import Classifier

CHUNK = 64
"""Images handed to the extractors at a time; a multiple of every micro-batch."""


@dataclass
class Reader:
    """Reads images with one set of extractors; the decode workers live as long as the `with` block."""

    settings: Settings
    extractors: Mapping[str, Extractor]
    states: Mapping[str, State]
    runtime: Runtime
    thumbnails: bool = False
    progress: Progress = SILENT
    thumbnail_side: int = NO_EXTRAS.thumbnail_side
    classifier: Classifier | None = None
    """The user's own, which answers every image that is read."""
    only: tuple[str, ...] | None = None
    """The kinds that workers prepare for (`Entry.only`): of a reader that `narrowed` made."""

    def narrowed(self, kinds: Collection[str]) -> Reader:
        """One with these extractors alone, and no thumbnails, for images that were read before.

        It shares the workers, which decode as for all extractors, and lives as long as the `with` block of this one.
        """
        narrow = copy.copy(self)
        narrow.extractors = {kind: e for kind, e in self.extractors.items() if kind in kinds}
        narrow.thumbnails, narrow.only = False, tuple(narrow.extractors)
        narrow.classifier = None
        return narrow

    def __enter__(self) -> Self:
        workers = self.settings.workers
        self._cache: FeatureCache | None = None
        pool = DecodePool(
            self.settings.decode,
            self.extractors,
            threads.workers(workers),
            Extras(
                self.thumbnails,
                self.thumbnail_side,
                follow=self.settings.input.follow,
                square=None if self.classifier is None else self.classifier.how.square,
            ),
        )
        with ExitStack() as opening:  # where a worker cannot start, networks are not left loading
            opening.enter_context(warming(self.extractors, self.states, self.runtime))
            self._pool = opening.enter_context(pool)
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def remember(self, canary: Mapping[str, NDArray[np.float32]]) -> None:
        """From here on `read` looks images up in the cache that the settings name, if any, and keeps there what it measures.

        `canary`: what these extractors, here and now, make of the canary images. Needs every extractor's state.
        """
        if self.settings.cache.folder is not None:
            asked = {} if self.classifier is None else {**self.classifier.facts(), "file": None}
            numbers = digest_of_numbers(
                self.settings, self.extractors, self.states, self.runtime, canary, asked
            )
            cache = FeatureCache(self.settings, numbers, self.progress)
            self._cache = self._open.enter_context(cache)

    def read(self, specs: Sequence[str], keep: int, stage: str, group: str | None = None) -> Reading:
        """Read all images of the sources once; keep the features of the `keep` with the lowest content hashes.

        `stage`: what progress says meanwhile. `group`: a group name for all images of this pass, in place of
        `--group-by`. Raises as `open_sources`, and InternalError when a decode worker cannot start.
        """
        return self._read(entries_of(specs, self.settings), keep, stage, group, None, self._cache)

    def read_entries(
        self,
        entries: Iterable[Entry | Skipped],
        keep: int,
        stage: str,
        group: str | KeyFunction | None = None,
        total: int | None = None,
        *,
        cached: bool = False,
    ) -> Reading:
        """As `read`, for entries at hand, with the cache where `cached`; `total`: how many, where they cannot tell.

        `group` may be a key of each image.
        """
        return self._read(entries, keep, stage, group, total, self._cache if cached else None)

    def _read(
        self,
        entries: Iterable[Entry | Skipped],
        keep: int,
        stage: str,
        group: str | KeyFunction | None,
        total: int | None,
        cache: FeatureCache | None,
    ) -> Reading:
        tally, table = Tally(), Table(keep, self._keys(group), tuple(self.extractors.values()))
        self.progress.start(stage, known_count(entries) if total is None else total)
        clock, remembered = Clock(), 0
        decoded = self._pool.map(self._counted(entries, clock), None if cache is None else cache.known)
        for chunk in _chunks(clock.watch(tally.watch(decoded))):
            new = [item for item in chunk if item.views is None]
            remembered += len(chunk) - len(new)
            with clock.at("networks and measuring", len(new)):
                views, prepared = self._extract(new)
            with clock.at("collecting", len(chunk)):
                rows = iter(_rows(views, len(new)))
                images = iter(_rows(prepared, len(new)))
                measured = [next(rows) if item.views is None else _float32(item.views) for item in chunk]
                for item, row in zip(chunk, measured, strict=True):
                    image = next(images) if item.views is None else {}
                    if CLASSIFIER in row:
                        image = {**image, CLASSIFIER: row[CLASSIFIER]}
                    if finite(row):
                        table.add(item, {k: x for k, x in row.items() if k != CLASSIFIER}, image)
                    else:
                        tally.withdraw(item.name, "nonfinite")
            if cache is not None:
                with clock.at("keeping features in the cache", len(new)):
                    cache.used(item.content for item in chunk if item.views is not None)
                    both = zip(chunk, measured, strict=True)
                    cache.add([(one, row) for one, row in both if one.views is None and finite(row)])
        for part, seconds, steps in clock.parts():
            self.progress.took(part, seconds, steps)
        self.progress.finish()
        reading = table.reading(tally, remembered)
        return reading if self.classifier is None else with_answers(reading, self.classifier)

    def answers(self, entries: Iterable[Entry]) -> Iterator[tuple[Decoded, NDArray[np.float32]] | None]:
        """What the classifier's output is for each entry, [numbers], in their order; None for one that cannot be read.

        No extractor runs. Each is a step of the stage that the caller began.
        """
        classifier = self.classifier
        if classifier is None:
            return
        asked = (replace(entry, only=(CLASSIFIER,)) for entry in entries)
        remaining = iter(self._pool.map(asked))
        while chunk := list(islice(remaining, CHUNK)):
            self.progress.advance(len(chunk))
            found = [item for item in chunk if isinstance(item, Decoded)]
            rows = iter(self._answered(classifier, found))
            yield from ((item, next(rows)) if isinstance(item, Decoded) else None for item in chunk)

    def _answered(self, classifier: Classifier, images: Sequence[Decoded]) -> NDArray[np.float32]:
        if not images:
            return np.zeros((0, classifier.how.classes), np.float32)
        return classifier.outputs(np.stack([item.arrays[CLASSIFIER] for item in images]), self.runtime)

    def decoded(self, entries: Iterable[Entry | Skipped]) -> Iterator[Decoded]:
        """The images that can be read, in their order, prepared and nothing more: for few images.

        Each is a step of the stage that the caller began.
        """
        for item in self._pool.map(self._counted(entries, Clock())):
            if isinstance(item, Decoded):
                yield item

    def with_thumbnails(self, specs: Sequence[str], reading: Reading, most: int) -> Reading:
        """The reading with a thumbnail of each of its first `most` images, where the reader makes any.

        Images that came from a cache have none, nor has every one among very many: those are read again.
        """
        names = reading.features.names[:most]
        found = dict(zip(names, reading.thumbnails, strict=False))
        missing = {name for name, thumbnail in found.items() if not thumbnail}
        if not self.thumbnails or not missing or not specs:
            return reading
        self.progress.start("making thumbnails", len(missing))
        again = {item.name: item for item in self.decoded(entries_again(specs, self.settings, missing))}
        self.progress.finish()
        contents = dict(zip(names, reading.features.content, strict=False))
        made = {
            name: item.thumbnail or b""
            for name, item in again.items()
            if item.content.hex().encode() == contents[name]
        }
        thumbnails = tuple(made.get(name, one) for name, one in zip(names, reading.thumbnails, strict=False))
        return replace(reading, thumbnails=thumbnails + reading.thumbnails[most:])

    def _counted(self, entries: Iterable[Entry | Skipped], clock: Clock) -> Iterator[Entry | Skipped]:
        for entry in clock.timed("listing", entries):
            self.progress.advance(1)
            if self.only is not None and isinstance(entry, Entry):
                yield replace(entry, only=self.only)
            else:
                yield entry

    def _extract(
        self, chunk: Sequence[Decoded]
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[Any]]]:
        views: dict[str, NDArray[np.float32]] = {}
        prepared: dict[str, NDArray[Any]] = {}
        if not chunk:
            return views, prepared
        for kind, extractor in self.extractors.items():
            images = np.stack([item.arrays[kind] for item in chunk])
            if kind in self.states:
                views.update(extract_views(extractor, self.states[kind], images, self.runtime))
            else:
                prepared[kind] = images
        if self.classifier is not None:
            views[CLASSIFIER] = self._answered(self.classifier, chunk)
        return views, prepared

    def _keys(self, group: str | KeyFunction | None) -> Keys:
        wanted = self.settings.input
        grouped = (lambda _: group) if isinstance(group, str) else group
        return Keys(
            key_function(wanted.group_by) if grouped is None else grouped,
            key_function(wanted.stratify_by),
            key_function(wanted.slice_by),
        )


def extract_views(
    extractor: Extractor, state: State, images: NDArray[Any], runtime: Runtime
) -> dict[str, NDArray[np.float32]]:
    """The extractor's views of n prepared images, float32 [n, columns] by name.

    Those that it declares so are rounded to float16 values, as artifacts store them: fit, baseline and check compare
    the same numbers (contract).
    """
    views = extractor.extract(state, images, runtime)
    rounded = {view.name for view in extractor.views if view.rounded}
    return {
        name: x.astype(np.float16).astype(np.float32) if name in rounded else x.astype(np.float32)
        for name, x in views.items()
    }


def finite(row: Mapping[str, NDArray[np.float32]]) -> bool:
    """Whether all is finite that is declared so: in the other views NaN is a missing value."""
    declared = declared_views()
    return all(
        np.isfinite(x).all() for name, x in row.items() if name != CLASSIFIER and declared[name].finite
    )


def _rows(arrays: Mapping[str, NDArray[Any]], count: int) -> list[dict[str, NDArray[Any]]]:
    """Arrays [n, ...] by name as one such mapping for each of the n rows."""
    return [{name: x[i] for name, x in arrays.items()} for i in range(count)]


def _float32(views: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    return {name: x.astype(np.float32, copy=False) for name, x in views.items()}


def _chunks(items: Iterable[Decoded]) -> Iterator[list[Decoded]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
