"""The result of one check, field for field the published JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from driftcli.core.evidence import DisplayEffect
from driftcli.core.findings import (
    CompositionResult,
    ConceptsResult,
    Diagnosis,
    Distribution,
    DuplicateResult,
    FileResult,
    GroupResult,
    HarmResult,
    HeadlineResult,
    ImageResult,
    MapResult,
    MissingResult,
    PredictionsResult,
    PropertyResult,
    RemovalResult,
    ScoreResult,
    SequenceResult,
)
from driftcli.core.images import Ledger
from driftcli.core.sight import Detectable, FalseAlarmRate, GoodDays
from driftcli.core.stages import Stage

Verdict = Literal["pass", "warn", "drift", "inconclusive"]
Outcome = Literal["pass", "warn", "drift", "inconclusive", "rule_failed", "differs", "alarm"]


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
    good_days: GoodDays | None = None
    """What `--tolerance auto` found; null where it was not asked for."""
    own_p_value: float | None = None
    """p for this artifact alone: at most u on a share u of good batches at most, for 19 of 20 draws of its held-out set."""
    images_independent: int | None = None
    """As how many independent images those of the test count, where groups or neighbours belong together; None: each is one."""


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
    date: str | None = None
    """When the images are from, where `--date` said so: a time in UTC."""


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """What the batch was compared with."""

    artifact: str
    digest: str
    baseline: str
    images: int
    groups: int | None


class Timing(TypedDict, total=False):
    """How long it took; what is not known is not there."""

    seconds: float
    """Of the audit, without libraries and pictures."""
    images_per_second: float
    cached: int
    """Images of which no pixel was read, because a cache knew them."""
    stages: tuple[Stage, ...]
    """Where the time went: from loading libraries to pictures, each stage before its parts."""


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one check, field for field the published JSON (schema_version 1)."""

    verdict: Verdict
    """On this batch."""
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
    timing: Timing = field(default_factory=Timing)
    environment: Mapping[str, Any] = field(default_factory=dict)
    sequence: SequenceResult | None = None
    map: MapResult | None = None
    composition: CompositionResult | None = None
    concepts: ConceptsResult | None = None
    scores: tuple[ScoreResult, ...] = ()
    removal: RemovalResult | None = None
    missing: tuple[MissingResult, ...] = ()
    duplicates: tuple[DuplicateResult, ...] = ()
    notices: tuple[str, ...] = ()
    """What is known of the baseline, or of the test, without being a reason to do anything tonight."""
    link: str | None = None
    """Where people find the report of this check: an address or a path, as given."""
    properties: tuple[PropertyResult, ...] = ()
    """What was measured of each of `images`, column by column."""
    headline: HeadlineResult | None = None
    """What is different; null where nothing was tested, and in results of 0.1.0."""
    predictions: PredictionsResult | None = None
    """What the user's own classifier says; null where it was not asked, on one side or both."""
    harm: HarmResult | None = None
    """Whether the change hurts that classifier; null without its probabilities on labelled good images and on the batch."""
    schema_version: int = 1

    @property
    def outcome(self) -> Outcome:
        """What the gate that was asked for made of it, in one word: where all checks decide together, not the batch's verdict.

        `differs`: this batch is drift, and the checks together are not in alarm; `alarm`: they are, whatever this
        batch is; `rule_failed`: nothing but a rule of the user's own failed. Published as the result's `outcome`.
        """
        if self.verdict == "inconclusive":
            return "inconclusive"
        if self.sequence is not None and self.sequence.alarm:
            return "alarm"
        together = self.sequence is not None
        if any(rule.failed for rule in self.rules) and (together or self.verdict != "drift"):
            return "rule_failed"
        return "differs" if together and self.verdict == "drift" else self.verdict
