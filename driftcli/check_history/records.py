"""The frozen values of a history: past checks, what was measured in each, and what charts make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from driftcli.core.findings import AccuracyEstimate


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean, median, standard deviation and quantiles of one linear column over a set of images; NaN left out."""

    mean: float
    median: float
    sd: float
    q05: float
    q25: float
    q75: float
    q95: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One column's summary over a check's images, beside that over the baseline's."""

    family: str
    name: str
    unit: str
    batch: Summary
    baseline: Summary


@dataclass(frozen=True, slots=True)
class PastStatistic:
    """One statistic of a past check; the summaries are there for linear columns of named values."""

    family: str
    name: str
    batch: float | None
    baseline: float | None
    change: float | None
    p_value: float | None
    p_raw: float | None
    effect: float | None
    effect_lower: float | None
    unit: str = ""
    now: Summary | None = None
    good: Summary | None = None


@dataclass(frozen=True, slots=True)
class PastFamily:
    """One family of a past check."""

    name: str
    gate: str
    p_value: float | None
    p_adjusted: float | None
    significant: bool
    effect: float | None
    effect_lower: float | None


@dataclass(frozen=True, slots=True)
class PastHarm:
    """Whether the images of a past check hurt the user's own classifier, as estimated then without labels."""

    verdict: Literal["probably hurts", "probably harmless", "cannot say"]
    class_mix: Literal["free", "fixed"]
    tolerance: float
    """Accuracy that may be lost, a share."""
    images: int
    """With probabilities."""
    baseline_accuracy: float
    baseline_images: int
    """Labelled good images that this accuracy was counted on."""
    accuracy: AccuracyEstimate | None
    """Of the stream that the batch came from; None where the classifier was not run on corrupted good images."""
    accuracy_of_these: AccuracyEstimate | None
    """Of these very images: what labels of them can be held against."""
    p_value: float
    """Of the harm test."""
    alpha: float
    alarm: bool
    """Of the harm test."""
    foreign: bool


@dataclass(frozen=True, slots=True)
class PastLabelled:
    """The classifier's accuracy on the images of a past check, from people's labels (`driftcli score --history`)."""

    created: str
    """When it was scored."""
    queue: str
    """Digest of the queue that was labelled."""
    images: int
    """Of the batch."""
    labelled: int
    """Of them."""
    labels: float
    """As how many independent labels they count."""
    accuracy: AccuracyEstimate


@dataclass(frozen=True, slots=True)
class PastCheck:
    """One check as it was stored; `families`, `statistics`, `harm` and `labelled` are empty until they are asked for."""

    id: int
    created: str
    source: tuple[str, ...]
    artifact: str
    baseline: str
    baseline_digest: str
    baseline_images: int
    group: str | None
    batch_digest: str
    images: int
    verdict: str
    exit_code: int
    """As the gate decided, before `--exit-zero`."""
    gate: str
    """`batch` or `sequence`."""
    p_value: float | None
    alpha: float
    permutations: int | None
    tolerance: float
    effect: float | None
    effect_lower: float | None
    effect_family: str | None
    reasons: tuple[str, ...]
    tool: str
    horizon: int
    duplicate: bool
    """The same images had been audited before, against the same baseline."""
    e_value: float | None
    """By which it multiplied the sequence; None if it did not count."""
    value: float | None
    """M, the value of the sequence, after it."""
    alarm: bool
    """The sequence was in alarm after it."""
    day: str | None = None
    """When the images are from, where `--date` said so, in UTC; None: the check was made when they were new."""
    report: str | None = None
    """Where its report is: an address or a path, as given."""
    families: tuple[PastFamily, ...] = ()
    statistics: tuple[PastStatistic, ...] = ()
    harm: PastHarm | None = None
    """None where no classifier was asked."""
    labelled: PastLabelled | None = None
    """None where nobody labelled these images."""

    @property
    def when(self) -> str:
        """When the images are from, in UTC; without `--date`, when the check was made."""
        return self.day or self.created


@dataclass(frozen=True, slots=True)
class Series:
    """The checks against one baseline, of one group: what a sequence is kept for."""

    baseline: str
    baseline_digest: str
    group: str | None
    checks: int
    """Stored; the sequence counts `counted` of them since its start or the last acknowledgement."""
    first: str
    last: str
    value: float
    counted: int
    alarm: bool
    since: str | None
    """When the alarm was raised."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One alarm that was acknowledged: M, the evidence of all checks together, went back to 0."""

    created: str
    note: str
    baseline_digest: str
    group: str | None
    value: float
    """M, before."""
    after: int
    """The last check before it."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A control chart over the counted checks: a picture, not the gate."""

    name: Literal["shewhart", "ewma", "cusum"]
    title: str
    checks: tuple[int, ...]
    values: tuple[float, ...]
    limit: float
    first: int | None
    """The first check above the limit."""
    yearly: float
    """Share of simulated years of good images in which it rises above the limit at least once."""
    years: int
    per_year: int
    """Checks in such a year."""


@dataclass(frozen=True, slots=True)
class Past:
    """Past checks, as `driftcli.history` returns them; times are in UTC, shares and p-values from 0 to 1."""

    database: str
    series: tuple[Series, ...]
    """All of them, the one checked last first."""
    chosen: Series | None
    checks: tuple[PastCheck, ...]
    """Of the chosen series, the oldest first: by the day of their images, where it was given, else of the check."""
    acknowledged: tuple[Acknowledged, ...] = ()
    charts: tuple[Chart, ...] = ()
    earlier: int = 0
    """Checks of the series that `--limit` or `--since` left out."""
    tool: Mapping[str, str] = field(default_factory=dict)
    standing: tuple[Series, ...] = ()
    """Series of the same group whose alarm is not acknowledged, and whose baseline the chosen one took the place of."""
    schema_version: int = 1
    kind: Literal["history"] = "history"
