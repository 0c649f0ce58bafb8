"""What an artifact is, in one value that text, JSON and HTML show: sources, losses, calibration, sight, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driftcli.core.sight import Detectable, FalseAlarmRate


@dataclass(frozen=True)
class Calibration:
    """One baseline's measured behaviour at one batch size and alpha."""

    batch: int
    alpha: float
    rate: FalseAlarmRate


@dataclass(frozen=True)
class BaselineAccount:
    """What a baseline is made from, how often the gate fires on good data, and what it can see."""

    name: str
    facts: Mapping[str, Any]
    calibration: tuple[Calibration, ...]
    detectable: Mapping[int, tuple[Detectable, ...]]
    """By batch size, at alpha 0.01: the smallest change that is found with power 0.8."""
    reason: str | None = None
    """Why there are no figures."""
    good: tuple[tuple[str, bytes], ...] = ()
    """A few of its images: name and WebP thumbnail; none where the artifact keeps none."""
    words: str | None = None
    """Whether the network's words mean something on such images, in a line; None where no network could have any."""


@dataclass(frozen=True)
class Account:
    """What an artifact holds, as `driftcli.inspect` returns it.

    name, digest: Its folder as named, and the SHA-256 that names its content.
    manifest: Settings, sources, versions, as its manifest.json has them.
    files: With their sizes in bytes, and `ok` where the checksum is right.
    holds_images: Whether thumbnails of images are among them.
    baselines: What each is made from, was measured to do on good images, and can see.
    """

    name: str
    digest: str
    manifest: Mapping[str, Any]
    files: tuple[Any, ...]
    holds_images: bool
    baselines: tuple[BaselineAccount, ...]
    losses: Mapping[str, tuple[tuple[float, float | None], ...]]
    """By extractor that was trained: loss in training, and on images held out of it, epoch by epoch."""

    @property
    def ok(self) -> bool:
        """Every file is as the manifest says."""
        return all(file.ok for file in self.files)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)
