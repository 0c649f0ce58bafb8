"""Images measured by the engine that the settings name, the machines that measure judged by their canaries."""

from __future__ import annotations

from driftcli.reading import canaries
from driftcli.reading.canaries import HERE
from driftcli.reading.engines.task import Judge, Task
from driftcli.reading.entries import entries_of
from driftcli.reading.profiles.profile import raw
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import versions


def measured(reader: Reader, task: Task, judge: Judge) -> Reading:
    """One reading of all images of the task, their groups being `raw`: bit for bit the same whatever the engine.

    Locally within the reader's `with` block; other engines need none. Raises as `open_sources`, what `judge` raises,
    UsageError for an engine that is not installed.
    """
    if reader.settings.engine == "ray":
        from driftcli.reading.engines.by_ray import measured_by_ray

        return measured_by_ray(reader, task, judge)
    views = canaries.seen_by(reader, task.canary)
    judge(views, versions(), HERE)
    reader.remember(views)
    entries = entries_of(task.specs, reader.settings, task.shard)
    return reader.read_entries(entries, task.keep, task.stage, raw, cached=True)
