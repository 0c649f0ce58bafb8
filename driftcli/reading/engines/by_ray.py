"""`--engine ray`: paths go to actors, never pixels, with driftcli's own reader in every one of them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any

from driftcli.config.settings import Settings
from driftcli.core.errors import ArtifactError, InternalError, NotAuditedError, UsageError
from driftcli.core.images import Entry, Skipped
from driftcli.core.text import safe_name
from driftcli.reading.engines import _ray_session
from driftcli.reading.engines._actor import Actor, Made, Order, Unit, where
from driftcli.reading.engines.task import Judge, Task
from driftcli.reading.ledger import Tally
from driftcli.reading.open_sources import ORIGIN, open_sources
from driftcli.reading.profiles import profile_file
from driftcli.reading.profiles.merging import Merger
from driftcli.reading.profiles.profile import Profile, extractors_digest, raw, untaken
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.table import Keys, Table

UNIT = 256
"""Entries that an actor measures at a time, and once more where it was killed meanwhile."""
AHEAD = 2
"""Units that an actor has at a time: the next one lies there when one is done."""
RETRIES = 3
"""How often a unit is measured again where its actor died over it: what kills every actor ends the run."""
ERRORS = {kind.__name__: kind for kind in (UsageError, NotAuditedError, ArtifactError, InternalError)}
"""What an actor may have met."""


def measured_by_ray(reader: Reader, task: Task, judge: Judge) -> Reading:
    """The reading of all images of the task, by as many actors as `--workers` says.

    Raises as `measured`; NotAuditedError where nodes do not see the files.
    """
    ray = _ray_session.imported()
    plan = _Plan(reader, task)
    merger = Merger(task.keep)
    merger.add(plan.passed_over())
    reader.progress.start(task.stage, sum(len(unit.entries) for unit in plan.units) or None)
    with _ray_session.session(ray, reader.settings), closing(_profiles(ray, reader, task, plan)) as profiles:
        for profile, host in profiles:
            if profile.extractors != plan.digest:
                raise InternalError(
                    f"{where(host)} measures otherwise than this machine",
                    "install the same driftcli on all nodes",
                )
            judge(profile.canary, profile.versions, where(host))
            _refuse_unseen(profile.reading.skipped, host)
            merger.add(untaken(profile))
            reader.progress.advance(profile.reading.ledger.seen)
    reader.progress.finish()
    return merger.merged()


class _Plan:
    """The work in units; entries are listed here, by name and path, and sources of bytes are opened by actors."""

    def __init__(self, reader: Reader, task: Task) -> None:
        settings = reader.settings
        specs = ["-" if spec == "-0" else str(spec) for spec in task.specs]
        chosen: Any = open_sources(specs, settings.input, nul="-0" in task.specs, shard=task.shard)
        packed = [number for number, source in enumerate(chosen.sources) if not source.listed]
        if packed and settings.input.limit is not None:
            raise UsageError(
                f"--limit cannot count what is in {safe_name(specs[packed[0]])} on other machines",
                "leave --limit out, or use --engine local",
            )
        self.digest = extractors_digest(settings, reader.extractors, reader.states)
        self.sources = tuple(specs)
        self.units: list[Unit] = [Unit(number, source=spec) for number, spec in enumerate(packed)]
        self._tally = Tally()
        some: list[Entry] = []
        for item in _Listed(chosen, packed):
            if isinstance(item, Skipped):
                self._tally.add(item)
                continue
            some.append(item)
            if len(some) == UNIT:
                self._add(some)
        self._add(some)

    def _add(self, entries: list[Entry]) -> None:
        if entries:
            self.units.append(Unit(len(self.units), tuple(entries)))
            entries.clear()

    def passed_over(self) -> Reading:
        """What was not even sent to actors, as a reading of no image."""
        return Table(0, Keys(raw, None, None)).reading(self._tally)


class _Listed:
    """The entries of the sources that are listed, each with the number of its source among all."""

    def __init__(self, chosen: Any, packed: Sequence[int]) -> None:
        numbers = [number for number in range(len(chosen.sources)) if number not in packed]
        self._number = {str(i): str(number) for i, number in enumerate(numbers)}
        self._chosen = replace(chosen, sources=tuple(chosen.sources[number] for number in numbers))

    def __iter__(self) -> Iterator[Entry | Skipped]:
        for item in self._chosen:
            if isinstance(item, Entry):
                yield replace(item, columns={**item.columns, ORIGIN: self._number[item.columns[ORIGIN]]})
            else:
                yield item


def _profiles(ray: Any, reader: Reader, task: Task, plan: _Plan) -> Generator[tuple[Profile, str]]:
    """The profile of each unit once, in whatever order, and who made it. Raises what an actor raised.

    Actors end when it is closed.
    """
    if not plan.units:
        return
    count = min(_workers(ray, reader.settings), len(plan.units))
    gpus, device = _share_of_gpus(ray, reader.settings, count)
    order = Order(reader.settings.model_dump_json(), plan.sources, task.shard, task.keep, _folder(), device)
    # Held here as long as actors may be started again: Ray fetches it anew for each.
    given = ray.put((dict(reader.states), dict(task.canary)))
    kind = ray.remote(Actor).options(
        num_cpus=1, num_gpus=gpus or None, max_restarts=-1, max_task_retries=RETRIES
    )
    actors = [kind.remote(order, given) for _ in range(count)]
    try:
        for made in _spread(ray, actors, plan.units):
            if made.error is not None:
                name, what, hint = made.error
                raise ERRORS.get(name, InternalError)(what, hint)
            yield profile_file.decode(made.profile, "a unit"), made.host
    except ray.exceptions.RayError as error:
        said = safe_name(str(error).strip().rpartition("\n")[2])[:300]
        raise InternalError(
            f"Ray could not finish: {said}", "look at the cluster, or use --engine local"
        ) from error
    finally:
        for actor in actors:
            ray.kill(actor)


def _spread(ray: Any, actors: Sequence[Any], units: Sequence[Unit]) -> Iterator[Made]:
    """What actors make of the units, as it comes.

    A unit is given only to an actor that has started: a cluster may have no room for all of them.
    """
    left = iter(units)
    begun = {actor.__ray_ready__.remote(): actor for actor in actors}
    measuring: dict[Any, Any] = {}
    missing = len(units)
    while missing:
        (done,), _ = ray.wait([*measuring, *begun], num_returns=1)
        made = ray.get(done)
        starts = done in begun
        actor = (begun if starts else measuring).pop(done)
        measuring |= {actor.measure.remote(unit): actor for unit in islice(left, AHEAD if starts else 1)}
        if not starts:
            missing -= 1
            yield made


def _refuse_unseen(files: Sequence[Skipped], host: str) -> None:
    """Raise NotAuditedError where an actor misses a file that lies here: not the file is wrong, but the place."""
    for file in files:
        if file.reason == "missing" and os.path.exists(file.name):
            raise NotAuditedError(
                f"{where(host)} does not see {safe_name(file.name)}, which lies on this machine",
                "put the images where all nodes see them under the same path (a shared file system), or profile "
                "them here with --engine local",
            )


def _folder() -> str:
    """Where relative paths begin."""
    return os.getcwd()


def _workers(ray: Any, settings: Settings) -> int:
    """Actors: as `--workers` says, else one a CPU of the cluster."""
    if settings.workers != "auto":
        return settings.workers
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _share_of_gpus(ray: Any, settings: Settings, actors: int) -> tuple[float, str]:
    """The part of a GPU that each actor has, and the device that it uses; 0 where there are none, or none is wanted."""
    gpus = ray.cluster_resources().get("GPU", 0)
    if not gpus or settings.device not in ("auto", "cuda"):
        return 0.0, settings.device
    share = min(1.0, gpus / actors)
    return (int(share * 10_000) / 10_000 or 0.0001), "cuda"
