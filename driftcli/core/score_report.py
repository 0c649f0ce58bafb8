"""The result of one `score`, field for field the published JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float
    labels: float
    """As how many independent labels those that it rests on count."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What was labelled."""

    folder: str
    digest: str
    created: str
    design: str
    """`by correctness`: most often where the model is least sure; `uniform`."""
    images: int
    """That the estimate is of: all of the checked batches."""
    queued: int
    labelled: int
    """Of the queued ones."""
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How well one class is told from the others, wrong labels allowed for as in `accuracy`; null where fewer than ten effective labels say."""

    name: str
    labelled: int
    """Images that the labels say are of it."""
    precision: Interval | None
    recall: Interval | None
    f1: Interval | None


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """Images of one class that the model takes for one class."""

    label: str
    prediction: str
    labelled: int
    share: Interval | None
    """Of all images of the class; null where fewer than ten effective labels say."""


@dataclass(frozen=True, slots=True)
class DayResult:
    """One checked batch."""

    date: str
    source: str
    images: int
    labelled: int
    accuracy: Interval
    evidence: float | None
    """That the error rate was above the limit on this or an earlier day; null without a limit."""
    classes: tuple[ClassResult, ...] = ()
    """How well each class is told from the others on this day; empty where there is one day alone."""


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """Whether the error rate rose above a limit on some day, however often one looks."""

    limit: float
    """Of the error rate."""
    alpha: float
    evidence: float
    """After the last day; an alarm from 1 / alpha on."""
    alarm: str | None
    """The first day with an alarm."""


@dataclass(frozen=True, slots=True)
class AgreementResult:
    """Krippendorff's alpha: 1 is agreement, 0 what chance gives."""

    alpha: float | None
    low: float | None
    high: float | None
    images: int
    """With labels of two or more annotators."""
    reason: str | None
    """Why there is no alpha."""


@dataclass(frozen=True, slots=True)
class AnnotatorResult:
    """One person who labelled."""

    name: str
    labels: int
    skill: float | None
    """Estimated share of right labels; null where nothing tells."""
    controls: int
    """Control tasks labelled."""
    controls_right: int


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """A limit that was asked for. It fails where the whole interval lies beyond it."""

    name: str
    value: float
    low: float
    high: float
    limit: float
    failed: bool
    undecided: bool
    """Whether the limit lies within the interval: more labels would tell."""


@dataclass(frozen=True, slots=True)
class LabelResult:
    """What annotators say together of one image."""

    path: str
    date: str
    label: str
    chance: float
    """Of that label to be right, as far as the annotators' skills tell."""
    labels: int
    """Of annotators."""
    prediction: str
    weight: float
    """For how many images it stands."""


@dataclass(frozen=True, slots=True)
class BaselineAccuracy:
    """The accuracy that the drop is measured from."""

    accuracy: float
    labels: int | None
    """Images it was counted on; null: taken as exact."""


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """The result of `driftcli score`, field for field the published JSON (schema_version 1)."""

    tool: Mapping[str, str]
    created: str
    exit_code: int
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    queue: QueueFacts
    accuracy: Interval
    """Of the model on all images of the queue's batches, wrong labels allowed for."""
    as_labelled: float
    """The same estimate with every aggregated label taken for right."""
    label_error: float | None
    """Estimated share of the aggregated labels that are wrong; null where nothing tells."""
    baseline: BaselineAccuracy | None
    drop: Interval | None
    rules: tuple[ScoreRule, ...]
    classes: tuple[ClassResult, ...]
    confusion: tuple[ConfusionCell, ...]
    days: tuple[DayResult, ...]
    most_drifted: Interval | None
    """Accuracy on the tenth that drifted most; null where there are too few labels."""
    others: Interval | None
    monitor: MonitorResult | None
    agreement: AgreementResult
    annotators: tuple[AnnotatorResult, ...]
    labels: tuple[LabelResult, ...] = ()
    schema_version: int = 1
    kind: str = field(default="score")
