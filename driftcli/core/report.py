"""The result of one check, field for field the published JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import (
    CompositionResult,
    ConceptsResult,
    Diagnosis,
    Distribution,
    DuplicateResult,
    FileResult,
    GroupResult,
    HeadlineResult,
    ImageResult,
    MapResult,
    MissingResult,
    RemovalResult,
    ScoreResult,
    SequenceResult,
)
from driftcli.core.images import Ledger


@dataclass(frozen=True, slots=True)
class StatisticResult:
    """One statistic: values on both sides, its p adjusted within the family, raw p, effects."""

    name: str
    batch: float | None
    baseline: float | None
    change: float | None
    p_value: float | None
    p_raw: float | None
    display_effect: DisplayEffect | None
    effect: float | None = None
    effect_lower: float | None = None


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """One family of evidence: rank p, step-down adjusted p (None when advisory), effect as shifted share."""

    name: str
    gate: Literal["on", "advisory", "off"]
    p_value: float | None
    p_adjusted: float | None
    significant: bool
    effect: float | None
    effect_lower: float | None
    statistics: tuple[StatisticResult, ...]


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """How often this gate fires on good data: promised, measured on halves of C, and its range."""

    nominal: float
    estimate: float | None
    low: float | None
    high: float | None
    batch_size: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Detectable:
    """The smallest change of one kind found with power 0.8 at this batch size."""

    corruption: str
    severity: float | None
    share: float
    power: float
    statistic: str | None = None
    shift_sd: float | None = None
    shift: float | None = None
    unit: str | None = None
    short_unit: str | None = None
    """The unit without what it is counted at: `px` of `px at short side 224 (standard deviation)`; null where it is short."""


@dataclass(frozen=True, slots=True)
class GateResult:
    """The verdict's figures; `p_value` is None when nothing was tested."""

    p_value: float | None
    alpha: float
    permutations: int | None
    images_tested: int
    tolerance: float
    effect: float | None
    effect_lower: float | None
    effect_family: str | None
    false_alarm_rate: FalseAlarmRate
    detectable: tuple[Detectable, ...]
    detectable_reason: str | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A rule beside the test, such as `max_loss_increase`; outside alpha."""

    name: str
    value: float | None
    limit: float
    failed: bool


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """The batch: counts, and the digest that names its content."""

    images: int
    distinct: int
    in_reference: int
    source: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """What the batch was compared with."""

    artifact: str
    digest: str
    baseline: str
    images: int
    groups: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one check, field for field the published JSON (schema_version 1)."""

    verdict: Literal["pass", "warn", "drift", "inconclusive"]
    exit_code: int
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    gate: GateResult
    batch: BatchFacts
    ledger: Ledger
    reference: ReferenceFacts
    created: str
    tool: Mapping[str, str]
    rules: tuple[RuleResult, ...] = ()
    families: tuple[FamilyResult, ...] = ()
    groups: tuple[GroupResult, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    diagnosis: tuple[Diagnosis, ...] = ()
    images: tuple[ImageResult, ...] = ()
    files: tuple[FileResult, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    sequence: SequenceResult | None = None
    map: MapResult | None = None
    composition: CompositionResult | None = None
    concepts: ConceptsResult | None = None
    scores: tuple[ScoreResult, ...] = ()
    removal: RemovalResult | None = None
    missing: tuple[MissingResult, ...] = ()
    duplicates: tuple[DuplicateResult, ...] = ()
    headline: HeadlineResult | None = None
    """What is different; null where nothing was tested, and in results of 0.1.0."""
    schema_version: int = 1
