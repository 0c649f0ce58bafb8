"""What `fit`, `baseline` and `profile` return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftcli.core.images import Ledger
from driftcli.core.stages import Stage


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `driftcli.fit` did.

    artifact, digest: The folder, and the SHA-256 that names its content.
    fitted_on, held_out: Images learnt from, and images kept back to calibrate on.
    ledger: Where every entry of the sources went.
    cautions: What a careful reader should know, in sentences.
    notes: By extractor, what was learnt (architecture, epochs, losses), for people to read.
    seconds: Wall-clock time.
    stages: Where it went.
    """

    artifact: str
    digest: str
    fitted_on: int
    held_out: int
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What `driftcli.baseline` did.

    artifact, digest: The folder, and the SHA-256 that names its content now.
    baseline, images: Name of the baseline, and how many images it holds.
    dropped_seen: Images left out because the artifact was fitted on them.
    groups: Images by group, where sources or `group_by` make groups.
    ledger: Where every entry of the sources went.
    cautions: What a careful reader should know, in sentences.
    seconds: Wall-clock time.
    stages: Where it went.
    predictions: What is kept of the user's classifier: its classes, how many images it answered, how often it is right; None
        where it was not asked.
    exported: The manifest of the corrupted images that were written, how many, and of how many good ones; None: none were.
    """

    artifact: str
    digest: str
    baseline: str
    images: int
    dropped_seen: int
    groups: Mapping[str, int]
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()
    predictions: Mapping[str, Any] | None = None
    exported: tuple[str, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Profiled:
    """What `driftcli.profile` did.

    file, sha256, bytes: The profile, the checksum that it states, and its size.
    shard: Which part of the sources it is of, as `I/N`.
    images, kept: How many images were used, and of how many of them it has features.
    ledger: Where every entry of the part went.
    cautions: What a careful reader should know, in sentences.
    seconds: Wall-clock time.
    stages: Where they went, longest first.
    """

    file: str
    sha256: str
    bytes: int
    shard: str
    images: int
    kept: int
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()
