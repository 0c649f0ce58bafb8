"""What is named, read as one: images by a reader, profiles from their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from driftcli.core.addresses import shown
from driftcli.core.text import safe_name
from driftcli.reading.profiles.merging import Merger
from driftcli.reading.profiles.named import Opened, divided, refuse_choices
from driftcli.reading.profiles.profile import extractors_digest
from driftcli.reading.reader import Reader
from driftcli.reading.reading import Reading
from driftcli.reading.runtime import versions

Views = Mapping[str, NDArray[np.float32]]
Judge = Callable[[Views, Mapping[str, str], str], None]
"""Is told what a machine makes of the canaries, with which versions, and which machine that is; raises where it may
not take part."""


@dataclass(frozen=True)
class Together:
    """The sources of one command: some images, some profiles, or both."""

    reader: Reader
    specs: Sequence[str]
    keep: int
    artifact: str
    """For hints."""

    @property
    def images(self) -> list[str]:
        """The sources that the reader reads; where there are none, its workers need not be started."""
        return divided(self.specs)[0]

    def read(
        self, here: Callable[[], Views], judge: Judge, stage: str, *, by_source: bool = False
    ) -> Reading:
        """One reading of all. `here`: what this machine makes of the canaries, asked for only if it reads images.

        `by_source`: where there are several sources - those of profiles are meant, not their files - each is a group.
        Raises as `open_sources` and `Opened`, and what `judge` raises.
        """
        images, files = divided(self.specs)
        if files:
            refuse_choices(self.reader.settings.input)
        merger, sources = Merger(self.keep), set(images)
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
            judge(here(), versions(), "this machine")
            self._read_images(merger, images, stage, by_source=by_source)
        reading = merger.merged()
        if by_source and len(sources) == 1:
            reading = replace(reading, features=replace(reading.features, group=None))
        return replace(reading, remarks=opened.missing())

    def _read_images(self, merger: Merger, images: Sequence[str], stage: str, *, by_source: bool) -> None:
        if not by_source:
            merger.add(self.reader.read(images, self.keep, stage))
            return
        for source in images:
            named = stage if len(images) == 1 else f"reading {shown(source)}"
            merger.add(self.reader.read([source], self.keep, named, shown(source)))
