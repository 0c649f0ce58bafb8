"""What a manifest says beside its envelope: facts of the fit and of each baseline, type by type.

A key that is not here is nobody's business yet: a minor version only adds keys. A key that is here has the type and
lies within the bounds that every reader counts on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict

from driftcli.artifact._manifest import MalformedError
from driftcli.core.typed_json import Malformed, Within, build

Count = Annotated[int, Within(0, 10**12)]
Share = Annotated[float, Within(0, 1)]


class Change(TypedDict):
    """A row of `power_m`."""

    corruption: str
    severity: Annotated[float, Within(0, 5)]
    share: Share


class _Diagnosis(TypedDict):
    """What every version has said of it."""

    views: tuple[str, ...]
    corruptions: tuple[tuple[str, ...], ...]
    severities: tuple[Annotated[float, Within(0.1, 5)], ...]
    least_similarity: Annotated[float, Within(-1, 1)]
    least_clearness: Annotated[float, Within(-1e9, 1e9)]


class Diagnosis(_Diagnosis, total=False):
    """What the arrays `diagnosis/...` are about."""

    confirmed_by: tuple[str, ...]


class Ledger(TypedDict, total=False):
    """Entries seen, by what became of them."""

    seen: Count
    used: Count
    unreadable: Mapping[str, Count]
    skipped: Mapping[str, Count]
    changed: Count


class Condition(TypedDict):
    """A corruption that a classifier was shown."""

    corruption: str
    severity: Annotated[float, Within(0, 5)]


class Square(TypedDict):
    """What a classifier was shown of an image."""

    side: Annotated[int, Within(1, 4096)]
    resize: Annotated[int, Within(1, 8192)]
    crop: Literal["center", "none"]
    interpolation: str
    channels: Literal[1, 3]


class How(TypedDict):
    """How an image became its input, and what its output means."""

    square: Square
    scale: Annotated[float, Within(1e-6, 1e6)]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    order: str
    layout: str
    output: str
    gives: str
    classes: Annotated[int, Within(1, 10**6)]


class Model(TypedDict):
    """The classifier that driftcli ran, and how."""

    file: str
    sha256: str
    engine: str
    how: How
    classes_from: str


class _Predictions(TypedDict):
    """What no reader of predictions can do without."""

    classes: tuple[str, ...]
    hard: bool
    answered: Count
    labelled: Count
    accuracy: Share | None


class Predictions(_Predictions, total=False):
    """What the arrays `predictions/...` are of."""

    corrupted: tuple[Condition, ...]
    model: Model


class _Harm(TypedDict):
    """What every baseline with a classifier's answers on labelled images says of it."""

    classes: tuple[str, ...]
    images: Annotated[int, Within(2, 10**9)]
    accuracy: Share
    temperature: Annotated[float, Within(1e-3, 1e3)]
    features: bool
    simulated: tuple[tuple[str | float, ...], ...] | None


class Harm(_Harm, total=False):
    """What the arrays `harm/...` are of."""

    nodes_fixed: Count
    nodes_free: Count
    reach: float


Refresh = TypedDict(
    "Refresh",
    {
        "created": str,
        "from": str,
        "images_added": Count,
        "already_there": Count,
        "source": tuple[str, ...],
        "verdict": str,
        "p_value": Share | None,
    },
)
"""One batch that became part of a baseline: when, of which artifact (its digest), and what the baseline of before said of it."""


class _Baseline(TypedDict):
    """What no check can do without."""

    images: Annotated[int, Within(2, 10**9)]
    digest: str
    versions: Mapping[str, str]


class Baseline(_Baseline, total=False):
    """One entry of `baselines`."""

    created: str
    runtime: str | None
    content_digest: str
    source: tuple[str, ...]
    groups: Count | None
    group_by: str | None
    stratify_by: str | None
    mean_loss: Annotated[float, Within(-1e9, 1e9)] | None
    detectable: tuple[Change, ...]
    ledger: Ledger
    group_effects: Mapping[str, Share]
    false_alarms_measured_at: tuple[Count, ...]
    cautions: tuple[str, ...]
    diagnosis: Diagnosis | None
    predictions: Predictions | None
    harm: Harm | None
    lineage: tuple[Refresh, ...]


class Fitted(TypedDict, total=False):
    """What F was."""

    created: str
    images: Count
    digest: str
    source: tuple[str, ...]
    formats: Mapping[str, Count]
    sizes: Mapping[str, Count]
    ledger: Ledger
    notes: Mapping[str, Mapping[str, Any]]


class Document(TypedDict, total=False):
    """All that readers take from a manifest."""

    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    families_tested: tuple[str, ...]
    fitted: Fitted
    baselines: Mapping[str, Baseline]


def check_document(manifest: Mapping[str, Any]) -> None:
    """Raise MalformedError where a fact has another type than its readers count on, or lies out of bounds."""
    try:
        build(Document, dict(manifest))
    except Malformed as error:
        raise MalformedError(f"says what no writer says ({error})".replace("(.", "(")) from error
