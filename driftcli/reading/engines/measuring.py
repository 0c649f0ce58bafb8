"""Images measured by the engine that the settings name, the machines that measure judged by their canaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import State
from driftcli.reading import canaries
from driftcli.reading.canaries import HERE
from driftcli.reading.entries import entries_of
from driftcli.reading.profiles.profile import raw
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import versions
from driftcli.reading.shard import Shard

Views = Mapping[str, NDArray[np.float32]]
Judge = Callable[[Views, Mapping[str, str], str], None]
"""Is told what a machine makes of the canaries, with which versions, and which machine that is; raises where it may not
take part."""


@dataclass(frozen=True)
class Task:
    """What is to be measured."""

    specs: Sequence[str]
    """Sources of images."""
    keep: int
    shard: Shard
    canary: State
    """The artifact's canary images."""
    stage: str = "reading images"


def measured(reader: Reader, task: Task, judge: Judge) -> Reading:
    """One reading of all images of the task, their groups being `raw`: bit for bit the same whatever the engine.

    Locally within the reader's `with` block; other engines need none. Raises as `open_sources`, what `judge` raises,
    UsageError for an engine that is not installed.
    """
    if reader.settings.engine == "ray":
        from driftcli.reading.engines.by_ray import measured_by_ray

        return measured_by_ray(reader, task, judge)
    judge(canaries.seen_by(reader, task.canary), versions(), HERE)
    entries = entries_of(task.specs, reader.settings, task.shard)
    return reader.read_entries(entries, task.keep, task.stage, raw)
