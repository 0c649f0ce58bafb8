"""Profiles among the sources that somebody named: opened one by one, refused where they do not belong together."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftcli.core.errors import NotAuditedError, UsageError
from driftcli.core.text import safe_name
from driftcli.reading.profiles.profile_file import SUFFIX, read

if TYPE_CHECKING:
    from driftcli.config.settings import Input
    from driftcli.reading.profiles.profile import Profile

NAMED = 8
"""Missing shards that are named."""


def divided(specs: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sources that are images, and those that are profiles, each in the order named."""
    files = [spec for spec in map(str, specs) if spec.lower().endswith(SUFFIX) and os.path.isfile(spec)]
    return [str(spec) for spec in specs if str(spec) not in files], files


def refuse_choices(settings: Input) -> None:
    """Raise UsageError for options that choose among entries: of a profile, all were read."""
    chosen = {"--exclude": settings.exclude, "--since": settings.since, "--limit": settings.limit}
    for option, value in chosen.items():
        if value:
            raise UsageError(
                f"{option} chooses among files, and a profile has none",
                f"give {option} to driftcli profile, when the profile is made",
            )


@dataclass
class Opened:
    """Profiles one after the other, never two of them in memory; what is missing is known at the end."""

    files: Sequence[str]
    extractors: str
    """Digest that they must have been made with."""
    keep: int
    """So many images' features are wanted of all of them together."""
    artifact: str
    """For hints."""
    _parts: dict[tuple[tuple[str, ...], int], dict[int, str]] = field(default_factory=dict)
    """By sources and N: the file of every shard."""
    _of: dict[str, str] = field(default_factory=dict)
    """By checksum: the file."""

    def __iter__(self) -> Iterator[Profile]:
        """Raises NotAuditedError for one that is damaged or of other extractors, UsageError for one named twice."""
        self._parts.clear()
        self._of.clear()
        for file in self.files:
            profile = read(file)
            self._refuse(profile)
            yield profile

    def missing(self) -> tuple[str, ...]:
        """What to say of shards that were not named, once all are read."""
        said = []
        for (sources, of), parts in sorted(self._parts.items()):
            left = [number for number in range(1, of + 1) if number not in parts]
            if left:
                shown = ", ".join(map(str, left[:NAMED])) + (", ..." if len(left) > NAMED else "")
                of_what = safe_name(" ".join(sources))
                said.append(
                    f"{len(left):,} of {of:,} shards of {of_what} are not among the profiles: {shown}"
                )
        return tuple(said)

    def _refuse(self, profile: Profile) -> None:
        name = safe_name(profile.name)
        if profile.extractors != self.extractors:
            raise NotAuditedError(
                f"{name} was made with other extractors than those of {safe_name(self.artifact)}",
                f"driftcli profile {safe_name(' '.join(profile.sources))} --artifact {safe_name(self.artifact)} "
                f"-o {name}",
            )
        used, kept = len(profile.reading.contents), len(profile.reading.features)
        if kept < min(used, self.keep):
            raise UsageError(
                f"{name} has the features of {kept:,} of its {used:,} images, and {self.keep:,} are asked for",
                f"profile with --keep {self.keep}, or ask for fewer: --max-test-images and --max-images-in-result "
                "(check), fit.max_images (baseline)",
            )
        self._refuse_twice(profile, name)

    def _refuse_twice(self, profile: Profile, name: str) -> None:
        """Raise UsageError where images would be counted twice, and look like copies."""
        first = self._of.get(profile.sha256)
        shard, parts = profile.shard, self._parts.setdefault((profile.sources, profile.shard.of), {})
        if shard.of > 1:
            first = parts.get(shard.number, first)
        if first is not None:
            raise UsageError(f"{name} holds what {first} holds", "name each profile once")
        if any(sources == profile.sources and of != shard.of for sources, of in self._parts):
            raise UsageError(
                f"{name} is shard {shard} of sources that another profile divides otherwise",
                "name the shards of one division",
            )
        self._of[profile.sha256] = parts[shard.number] = name
