"""A drifted copy of images: some are left out, replaced or corrupted, the others stay as they are."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core import registry, threads
from driftcli.core.addresses import shown
from driftcli.core.errors import NotAuditedError
from driftcli.core.files import Refused, read_file
from driftcli.core.images import Corrupted, Decoded, Entry, Ledger, Skipped
from driftcli.core.progress import Progress
from driftcli.corruptions.base import Corruption
from driftcli.reading import holdings
from driftcli.reading.entries import entries_of, known_count
from driftcli.reading.ledger import Tally
from driftcli.simulation import set_shifts
from driftcli.simulation._folder import COLUMNS, DriftedFolder, check_apart
from driftcli.simulation._listing import Listed, Offer, offers_of
from driftcli.sources.decoding.pool import DecodePool, Extras
from driftcli.sources.objects.fetch import arrived


@dataclass(frozen=True)
class Step:
    """One corruption, and how much of it."""

    name: str
    severity: float | None
    """1..5; None for an amount beyond what severities stand for."""
    amount: float
    """In the corruption's own unit."""

    def __str__(self) -> str:
        """As it is asked for: `jpeg:3`, `gaussian_noise:127gl`."""
        if self.severity is not None:
            return f"{self.name}:{self.severity:g}"
        kind: type[Corruption] = registry.load("corruptions", self.name)
        return f"{self.name}:{self.amount:g}{kind.symbol}"


@dataclass(frozen=True)
class ClassShift:
    """The images with this value of a key become `share` of all; 0 knocks them out."""

    key: str
    value: str
    share: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What happens: first to the set (in this order), then to `share` of its images."""

    steps: tuple[Step, ...] = ()
    share: float = 1.0
    class_shares: tuple[ClassShift, ...] = ()
    mixtures: tuple[tuple[str, float], ...] = ()
    """Other sources, and which share of the images shall come from each."""


@dataclass(frozen=True)
class Simulated:
    """What `driftcli.simulate` wrote: the folder, and how many images are in it."""

    folder: str
    images: int
    corrupted: int
    foreign: int
    """Images out of other sources."""
    ledger: Ledger


def simulate(
    sources: Sequence[str],
    place: Path,
    plan: Plan,
    call: Call,
    *,
    force: bool = False,
) -> Simulated:
    """Write a drifted copy of images as the folder `place`, and say what is in it.

    Corrupted images become PNG, the others are copied byte for byte; `manifest.csv` says what happened to each.
    `force`: replace a folder that this function wrote.

    An image is corrupted when the hash of its content and the seed says so, wherever it lies. What cannot be
    decoded is left out and counted. Raises UsageError, NotAuditedError for nothing left, InternalError when
    the folder cannot be written. Crop and mask do not apply: `check` will apply them to all images alike.
    """
    named = [*sources, *(name for name, _ in plan.mixtures)]
    check_apart(place, [name for name in named if name != "-"])
    settings, progress = call.settings, call.progress
    run = _Run(plan, settings, progress)
    whole = replace(settings.decode, crop=None, mask=None)
    workers = threads.workers(settings.workers)
    with DriftedFolder(place, force=force) as folder:
        progress.start("simulating", _total(sources, plan, settings))
        extras = Extras(pictures=True, follow=settings.input.follow)
        with DecodePool(whole, {}, workers, extras) as pool:
            for item in pool.map(run.entries(_chosen(sources, plan, settings))):
                run.take(item, folder)
        progress.finish()
        counts = run.tally.ledger()
        if closed := holdings.closed(run.tally.files, counts.unlisted, settings.gate.max_unreadable_folders):
            raise NotAuditedError(*closed)
        if not run.images:
            raise NotAuditedError(
                f"no image is left of {', '.join(repr(shown(name)) for name in named)}", run.advice()
            )
    return Simulated(str(place), run.images, run.corrupted, run.foreign, counts)


class _Run:
    """One pass: entries go to the workers, their answers into the folder."""

    def __init__(self, plan: Plan, settings: Settings, progress: Progress) -> None:
        self.share, self.settings, self.progress = plan.share, settings, progress
        self.chain = _chain(plan.steps, settings.seed)
        self.facts = {
            "corruption": "+".join(step.name for step in plan.steps),
            "severity": "+".join(
                "" if step.severity is None else f"{step.severity:g}" for step in plan.steps
            ),
            "amount": "+".join(f"{step.amount:g}" for step in plan.steps),
        }
        self.tally = Tally()
        self.images = self.corrupted = self.foreign = 0
        self._waiting: deque[Offer | None] = deque()

    def entries(self, offers: Iterator[Offer | Skipped]) -> Iterator[Entry | Skipped]:
        """What the pool is asked for; each one's offer waits for the answer."""
        for offer in offers:
            self.progress.advance(1)
            if isinstance(offer, Skipped):
                self._waiting.append(None)
                yield offer
                continue
            try:
                entry = self._read(offer.entry)
            except Refused as refused:
                self._waiting.append(None)
                yield Skipped(offer.entry.name, refused.state, refused.reason)
                continue
            self._waiting.append(replace(offer, entry=entry))
            yield entry

    def take(self, item: Decoded | Skipped, folder: DriftedFolder) -> None:
        """One answer: the next in the order of the entries."""
        offer = self._waiting.popleft()
        self.tally.add(item)
        if offer is None or isinstance(item, Skipped):
            return
        facts = {name: text for name, text in item.columns.items() if name not in COLUMNS}
        facts["source"] = item.name
        if item.picture is None:
            folder.add(offer.inside, offer.entry.data or b"", facts)
        else:
            self.corrupted += 1
            stem = os.path.splitext(offer.inside)[0]  # noqa: PTH122 - names need not be text
            folder.add(f"{stem}.png", item.picture, {**facts, **self.facts})
        self.images += 1
        self.foreign += offer.foreign

    def advice(self) -> str:
        """What to do where no image is left."""
        if self.tally.ledger().used or not self.tally.files:
            return "name a source with readable images, and keep at least one class"
        what, hint = holdings.instead(self.tally.files)
        return f"it holds {what}: {hint}"

    def _read(self, entry: Entry) -> Entry:
        """The entry with its bytes, which decide whether it is corrupted. Raises Refused."""
        most = int(self.settings.decode.max_megabytes * 2**20)
        if entry.remote is not None:
            entry = arrived(entry, most)
        data = entry.data
        if data is None:
            data = read_file(entry.path or entry.name, most, follow=self.settings.input.follow)
        chosen = _draw(data, self.settings.seed) < self.share
        return replace(entry, data=data, corruption=self.chain if chosen else None)


def _draw(data: bytes, seed: int) -> float:
    """A number in [0, 1) that the content and the seed alone decide."""
    digest = hashlib.sha256(b"%d:" % seed + hashlib.sha256(data).digest()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _chain(steps: Sequence[Step], seed: int) -> Corrupted | None:
    """The first corruption, which names the next."""
    chain: Corrupted | None = None
    for step in reversed(steps):
        amount = step.amount if step.severity is None else None
        chain = Corrupted(step.name, step.severity, seed, chain, amount)
    return chain


def _total(sources: Sequence[str], plan: Plan, settings: Settings) -> int | None:
    """How many entries there will be; None where the set changes, or the sources do not know."""
    if plan.class_shares or plan.mixtures:
        return None
    return known_count(entries_of(sources, settings))


def _chosen(sources: Sequence[str], plan: Plan, settings: Settings) -> Iterator[Offer | Skipped]:
    """The offers of the shifted set."""
    if not (plan.class_shares or plan.mixtures):
        yield from offers_of(sources, settings)
        return
    rng = np.random.default_rng([settings.seed, 1])
    own = Listed(sources, settings)
    yield from own.skipped
    staying = list(range(len(own.offers)))
    for shift in plan.class_shares:
        label = set_shifts.labeller(shift.key)
        labels = [label(own.offers[i].entry) for i in staying]
        if shift.share:
            picked = set_shifts.class_share(labels, shift.value, shift.share, rng)
        else:
            picked = set_shifts.knock_out(labels, shift.value)
        staying = [staying[i] for i in picked]
    foreign, total = [], len(staying)
    others = settings.model_copy(update={"input": settings.input.model_copy(update={"limit": None})})
    for name, share in plan.mixtures:
        listed = Listed([name], others)
        mine, theirs = set_shifts.mixture(len(staying), len(listed.offers), round(share * total), rng)
        staying = [staying[i] for i in mine]
        foreign.append((listed, theirs))
    yield from own.at(staying)
    for listed, theirs in foreign:
        yield from (replace(offer, foreign=True) for offer in listed.at(theirs))
