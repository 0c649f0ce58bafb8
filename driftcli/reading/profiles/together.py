"""What is named, read as one: images by a reader, profiles from their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from driftcli.core.addresses import shown
from driftcli.core.features import State
from driftcli.core.text import safe_name
from driftcli.reading import canaries
from driftcli.reading.canaries import HERE
from driftcli.reading.engines.measuring import measured
from driftcli.reading.engines.task import Judge, Task
from driftcli.reading.profiles.merging import Merger, merged
from driftcli.reading.profiles.named import Opened, divided, refuse_choices
from driftcli.reading.profiles.profile import extractors_digest, keyed, taken
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import versions
from driftcli.reading.shard import Shard


@dataclass(frozen=True)
class Together:
    """The sources of one command: some images, some profiles, or both."""

    reader: Reader
    specs: Sequence[str]
    keep: int
    artifact: str
    """For hints."""
    canary: State
    """The artifact's canary images."""

    @property
    def images(self) -> list[str]:
        """The sources that are no profiles."""
        return divided(self.specs)[0]

    @property
    def read_here(self) -> bool:
        """Whether the reader's own workers are needed."""
        return bool(self.images) and self.reader.settings.engine == "local"

    def read(self, judge: Judge, stage: str, *, by_source: bool = False, even_one: bool = False) -> Reading:
        """One reading of all. `judge` is told of every machine that measured some of them, before they count.

        `by_source`: where there are several sources - those of profiles are meant, not their files - each is a group; with `even_one` a
        single one, too. Raises as `open_sources` and `Opened`, and what `judge` raises.
        """
        images, files = divided(self.specs)
        if files:
            refuse_choices(self.reader.settings.input)
        merger, sources = Merger(self.keep), {shown(source) for source in images}
        digest = (
            extractors_digest(self.reader.settings, self.reader.extractors, self.reader.states)
            if files
            else ""
        )
        opened = Opened(files, digest, self.keep, self.artifact)
        for profile in opened:
            judge(profile.canary, profile.versions, f"the machine that made {safe_name(profile.name)}")
            sources.update(profile.sources)
            merger.add(profile.keyed(self.reader.settings.input, by_source=by_source))
        if images:
            merger.add(self._of_images(images, judge, stage, by_source=by_source))
        reading = merger.merged()
        if by_source and len(sources) == 1 and not even_one:
            reading = replace(reading, features=replace(reading.features, group=None))
        none = (b"",) * len(
            reading.features
        )  # a profile has no thumbnails; who wants some reads images again
        return replace(reading, remarks=opened.missing(), thumbnails=reading.thumbnails or none)

    def _of_images(self, images: Sequence[str], judge: Judge, stage: str, *, by_source: bool) -> Reading:
        reader = self.reader
        if reader.settings.engine == "local":
            views = canaries.seen_by(reader, self.canary)
            judge(views, versions(), HERE)
            reader.remember(views)
            if not by_source:
                return reader.read(images, self.keep, stage)
            few = len(images) == 1
            parts = [
                reader.read([each], self.keep, stage if few else f"reading {shown(each)}", shown(each))
                for each in images
            ]
            return merged(parts, self.keep)
        task = Task(images, self.keep, Shard(), self.canary, stage)
        reading, columns, origin = taken(measured(reader, task, judge))
        names = [shown(each) for each in images] if by_source else None
        return keyed(reading, columns, origin, reader.settings.input, names)
