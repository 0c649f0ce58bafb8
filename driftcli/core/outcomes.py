"""What `fit`, `baseline`, `refresh` and `profile` return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftcli.core.images import Ledger
from driftcli.core.sight import Detectable, FalseAlarmRate
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
    predictions: What the first baseline keeps of the user's classifier; None where it was not asked, or nothing was held out.
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
    predictions: Mapping[str, Any] | None = None


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
class Refreshed:
    """What `driftcli.refresh` did.

    artifact, digest: The folder that holds the baseline now, and the SHA-256 that names its content.
    digest_before: The SHA-256 of the artifact that the batch was judged against.
    baseline: Name of the baseline.
    images_before, images: How many images it held, and holds.
    added: New images among them; 0: every image of the batch was there already, and nothing was changed.
    already_there: Images of the batch that the baseline held before.
    dropped_seen: Images left out because the artifact was fitted on them.
    verdict, p_value, reason: What the baseline of before said of the new images, "pass", "warn", "drift" or "inconclusive" (then
        p is None, and the reason is told); None where there were none.
    groups: Images by group now.
    batch: The batch size that the following figures are for; None: too few images to measure any.
    false_alarms_before, false_alarms: How often the gate fires on good batches of this size.
    gained, lost: Changes that such batches show now and did not before, or milder ones; and the reverse.
    refreshes: How many batches have become part of this baseline, this one included.
    ledger: Where every entry of the sources went.
    cautions: What a careful reader should know, in sentences.
    seconds: Wall-clock time.
    stages: Where it went.
    """

    artifact: str
    digest: str
    digest_before: str
    baseline: str
    images_before: int
    images: int
    added: int
    already_there: int
    dropped_seen: int
    ledger: Ledger
    verdict: str | None = None
    p_value: float | None = None
    reason: str | None = None
    groups: Mapping[str, int] = field(default_factory=dict)
    batch: int | None = None
    false_alarms_before: FalseAlarmRate | None = None
    false_alarms: FalseAlarmRate | None = None
    gained: tuple[Detectable, ...] = ()
    lost: tuple[Detectable, ...] = ()
    refreshes: int = 0
    cautions: tuple[str, ...] = ()
    seconds: float = 0.0
    stages: tuple[Stage, ...] = ()


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
