"""`profile`: images measured once, into a file without pixels that stands for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from driftcli.config.call import Call
from driftcli.config.settings import Settings
from driftcli.core import output
from driftcli.core.addresses import shown
from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.outcomes import Profiled
from driftcli.core.stages import Stopwatch
from driftcli.core.text import safe_name
from driftcli.core.times import now_utc
from driftcli.reading import canaries, holdings
from driftcli.reading.engines.measuring import measured
from driftcli.reading.engines.task import Task
from driftcli.reading.profiles import profile_file
from driftcli.reading.profiles.profile import Profile, extractors_digest, taken
from driftcli.reading.reader import Reader
from driftcli.reading.runtime import make_runtime, versions
from driftcli.reading.shard import Shard, parse
from driftcli.reference.reference import open_reference

CHOICES = frozenset({"exclude", "since", "limit", "follow"})
"""What of the settings says which entries are read."""


def profile(
    artifact: str | Path,
    sources: Sequence[str],
    file: str | Path,
    call: Call,
    *,
    shard: str | None = None,
    keep: int | None = None,
) -> Profiled:
    """Measure images with the artifact's extractors and write what a check or a baseline needs of them; what was done.

    `shard`: `I/N`, the I-th of N parts; None: all. `keep`: features of so many images at most, those with the lowest content hashes; None: as many as checks and
    baselines use by default. Raises UsageError (2) for a shard that is none or a place that holds something else, NotAuditedError (3) where no
    image is usable, unless it is one shard of several, InternalError (4) when the file cannot be written.
    """
    started = time.monotonic()
    place, part = Path(file), parse(shard)
    refuse_place(place)
    if Path(artifact).resolve() in place.resolve().parents:
        raise UsageError(
            f"{safe_name(str(file))} lies in the artifact, which keeps its own files only",
            "name a path beside it",
        )
    watch = Stopwatch(call.progress, call.loading)
    made = _made(str(artifact), sources, replace(call, progress=watch), part, keep)
    encoded = profile_file.encode(made)
    output.write(place, encoded)
    reading = made.reading
    return Profiled(
        file=str(file),
        sha256=profile_file.checksum(encoded),
        bytes=len(encoded),
        shard=str(part),
        images=len(reading.contents),
        kept=len(reading.features),
        ledger=reading.ledger,
        cautions=reading.cautions,
        seconds=time.monotonic() - started,
        stages=watch.stages(),
    )


def _made(artifact: str, sources: Sequence[str], call: Call, part: Shard, keep: int | None) -> Profile:
    """The profile of this part of the sources, not yet a file; otherwise as `profile`."""
    _, reference = open_reference(artifact, call.settings, call.given, call.expect_sha256)
    settings = _without_keys(reference.settings)
    runtime = make_runtime(call.settings, call.progress)
    reader = Reader(settings, reference.extractors, reference.states, runtime, False, call.progress)
    task = Task(sources, keep or kept_by_default(settings), part, reference.canary)
    machines = canaries.Alike(reference.spread)
    with reader if settings.engine == "local" else nullcontext():
        reading, columns, origin = taken(measured(reader, task, machines.judge))
    if not len(reading.contents) and part.of == 1:
        what, hint = holdings.instead(reading.skipped)
        raise NotAuditedError(f"profile found 0 usable images: the source holds {what}", hint)
    if closed := holdings.closed(
        reading.skipped, reading.ledger.unlisted, settings.gate.max_unreadable_folders
    ):
        raise NotAuditedError(*closed)
    return Profile(
        extractors=extractors_digest(settings, reference.extractors, reference.states),
        sources=tuple("-" if source == "-0" else shown(str(source)) for source in sources),
        shard=part,
        input={key: value for key, value in settings.input.model_dump(mode="json").items() if key in CHOICES},
        keep=task.keep,
        created=now_utc(),
        versions=machines.versions or versions(),
        canary=machines.views,
        reading=reading,
        columns=columns,
        origin=origin,
    )


def kept_by_default(settings: Settings) -> int:
    """As many images as a check tests and lists, and a baseline keeps."""
    return max(settings.gate.max_test_images, settings.report.max_images_in_result, settings.fit.max_images)


def refuse_place(file: Path) -> None:
    """Raise UsageError for a file that would not be taken for a profile, or that is something else."""
    named = safe_name(str(file))
    if file.suffix.lower() != profile_file.SUFFIX:
        raise UsageError(
            f"{named} would not be known as a profile", f"end its name with {profile_file.SUFFIX}"
        )
    if file.is_dir():
        raise UsageError(f"{named} is a folder", "name a file in it")
    if file.exists() and not profile_file.is_profile(str(file)):
        raise UsageError(f"{named} exists and is no profile", "give another name, or remove the file")


def _without_keys(settings: Settings) -> Settings:
    """Groups, strata and slices are for whoever reads the profile."""
    keys = {"group_by": None, "stratify_by": None, "slice_by": None}
    return settings.model_copy(update={"input": settings.input.model_copy(update=keys)})
