"""What a result says beside the verdict: images, groups, shares, shifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Distribution:
    """Histogram of one statistic over common edges: shares of the batch and of the baseline."""

    statistic: str
    edges: tuple[float, ...]
    batch: tuple[float, ...]
    baseline: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What changed, in one sentence; the nearest known corruption where there is one."""

    statement: str
    corruption: str | None = None
    severity: float | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One image of the batch: place and score (0..1, higher is more drifted), and why."""

    path: str
    rank: int
    score: float
    family: str
    reasons: tuple[str, ...]
    p_value: float | None = None
    """Conformal: the share of good images, this one included, that are at least as strange; null if not asked for."""
    significant: bool = False
    """Among the strange ones at a false discovery rate of alpha (Benjamini & Hochberg 1995)."""
    content: str = ""
    """SHA-256 of the file's bytes, hexadecimal: by it pictures are found again."""
    neighbour: str | None = None
    """The good image most like it: a name in the baseline."""


@dataclass(frozen=True, slots=True)
class FileResult:
    """One entry that was not used."""

    path: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One row of the report's breakdown (`--group-by`, `--slice-by`); descriptive."""

    name: str
    images: int
    mean_score: float
    effect: float | None = None
    p_value: float | None = None
    """Of this group alone against the baseline, adjusted over all groups (Holm 1979)."""
    significant: bool = False


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """How strange images are to one family: density of batch and baseline on common edges, and where alarm begins."""

    family: str
    edges: tuple[float, ...]
    batch: tuple[float, ...]
    """Shares, one for every bin."""
    baseline: tuple[float, ...]
    threshold: float | None
    """The baseline's (1 - alpha) quantile: a good image lies above it with probability alpha."""


@dataclass(frozen=True, slots=True)
class RemovalResult:
    """The fewest images of the ranking without which the gate passes; sought only where it fired."""

    images: tuple[str, ...]
    """In the ranking's order; empty where none was found."""
    p_value: float | None
    """Of the gate, run again without them."""
    reason: str | None = None
    """Why there is no such set."""


@dataclass(frozen=True, slots=True)
class DuplicateResult:
    """Images that are the same or nearly so: inside the batch, or in the baseline too."""

    kind: Literal["exact", "near"]
    where: Literal["batch", "baseline"]
    images: tuple[str, ...]
    """Of the batch; with `where` = baseline the first is the batch's and the second the baseline's."""


@dataclass(frozen=True, slots=True)
class MapResult:
    """Reference and batch in a plane that was fitted at `baseline` and takes new points."""

    method: str
    explained: tuple[float, ...]
    """Each axis' share of the baseline's variance."""
    baseline: tuple[tuple[float, ...], ...]
    """[n, 2]"""
    baseline_names: tuple[str, ...]
    batch: tuple[tuple[float, ...], ...]
    """[m, 2]"""
    batch_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingResult:
    """A good image of whose kind the batch has too few."""

    name: str
    score: float
    """Share of good images that are better represented."""


@dataclass(frozen=True, slots=True)
class SequenceResult:
    """The gate over many checks (`--gate sequence`): the restart mixture M against 1 / alpha."""

    value: float
    threshold: float
    alarm: bool
    """True from the first crossing until `history --acknowledge`."""
    checks: int
    """Since the start, or since the last acknowledgement; a batch counts once."""
    horizon: int
    e_value: float | None = None
    """What this check brought."""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class ShareResult:
    """One class or cluster: its share of the batch and of the baseline."""

    name: str
    batch: float
    baseline: float
    examples: tuple[str, ...] = ()
    """Images of the baseline that stand for it."""


@dataclass(frozen=True, slots=True)
class CompositionResult:
    """Whether the mix of images changed, and whether images within classes did."""

    by: str
    """`clusters`, or the key of the labels."""
    p_value: float | None
    """Of the shares."""
    effect: float | None
    effect_lower: float | None
    residual_p_value: float | None
    """Of the gate's own test within classes; null where it was not needed or not possible."""
    reading: Literal["none", "composition", "images", "both", "unclear"]
    """What the gate's finding is put down to."""
    ignored: bool
    """The mix has no say: `--ignore-composition` or `--stratify-by`."""
    shares: tuple[ShareResult, ...]
    """The largest change first."""
    reason: str | None = None
    """Why there is no residual p."""
