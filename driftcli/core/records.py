"""The frozen values that pass from room to room; shapes are part of their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

State = Mapping[str, NDArray[Any]]
"""All that is ever learnt or saved: named arrays (numeric or uint8), never objects."""

EMPTY: Mapping[str, Any] = {}


# ---------------------------------------------------------------- what a source offers


@dataclass(frozen=True, slots=True)
class Corrupted:
    """One corruption of the room `corruptions`, its severity, and the seed of its randomness.

    Each image draws from (seed, its content hash): the order of files changes nothing.
    """

    name: str
    severity: float
    seed: int = 0
    then: Corrupted | None = None
    """What happens next to the same image, with random numbers of its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing a source offers, unread: a file to open, or bytes that came out of an archive."""

    name: str
    """What the user sees; surrogate escapes kept. Archive members are `shard.tar!member.jpg`."""
    path: str | None = None
    data: bytes | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """Manifest columns beside `path`: `group`, `label`, `prediction`, `time`, and any other."""
    corruption: Corrupted | None = None
    """What happens to the decoded image before it is prepared; only simulations ask for it."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """One entry that was not used, and why: a value with a reason, never a log line."""

    name: str
    state: Literal["unreadable", "skipped", "changed"]
    reason: str


# ---------------------------------------------------------------- what a worker makes of it


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file says of itself, before any resizing."""

    width: int
    height: int
    bytes: int
    format: str
    mode: str
    grey: bool
    """True when the pixels carry no colour (mode, or R = G = B everywhere)."""
    jpeg_quality: float | None = None
    """0..100, estimated from the quantisation tables; None for other formats."""
    jpeg_block: float | None = None
    """Mean quantisation step of the luminance table's low frequencies: coarser is blockier."""
    time: float | None = None
    """Capture time (EXIF), seconds since the epoch, read as UTC."""
    exif: Mapping[str, str | float] = field(default_factory=dict)
    """`make`, `model`, `iso`, `exposure_time`, `f_number`, `focal_length`, `orientation` where present."""
    icc: bool = False
    """A colour profile is embedded; it is never applied."""
    animated: bool = False
    """More frames or pages follow the one that is read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One canonically decoded image, in the worker: RGB, upright, cropped and masked."""

    image: Image.Image
    facts: FileFacts


@dataclass(frozen=True, slots=True)
class Decoded:
    """A worker's answer for one image: hashes, facts, and each extractor's small array."""

    name: str
    columns: Mapping[str, str]
    content: bytes
    """SHA-256 of the file's bytes (32 bytes): identity, order, digest."""
    pixels: bytes
    """SHA-256 of the canonically decoded pixels (32 bytes): overlap between sets."""
    near: int
    """64-bit difference hash: near-duplicates differ in few bits."""
    facts: FileFacts
    arrays: Mapping[str, NDArray[Any]]
    """By extractor kind: what its `prepare` returned."""
    thumbnail: bytes | None = None
    """WebP, 160 px on the long side, where it was asked for."""
    picture: bytes | None = None
    """PNG of the corrupted image in full size, where it was asked for."""


# ---------------------------------------------------------------- numbers


@dataclass(frozen=True, slots=True)
class Column:
    """One scalar of a view: how it is measured against another set, and the words for its rise and fall."""

    name: str
    kind: Literal["linear", "circular", "category"] = "linear"
    unit: str = ""
    more: str = ""
    """What images are when it rises ("sharper")."""
    less: str = ""
    """What images are when it falls ("blurrier")."""


@dataclass(frozen=True)
class Features:
    """n images as numbers, sorted by content hash then name, so that file order cannot matter."""

    names: tuple[str, ...]
    content: NDArray[np.bytes_]
    """S64[n]: hexadecimal SHA-256 of the files' bytes."""
    pixels: NDArray[np.uint64]
    """[n]: first 8 bytes of the SHA-256 of the decoded pixels."""
    near: NDArray[np.uint64]
    """[n]: 64-bit difference hashes."""
    views: Mapping[str, NDArray[np.float32]]
    """By view (`style`, `content`, `error`, `latent`, `properties`, `file`): float32 [n, d]."""
    group: tuple[str, ...] | None = None
    stratum: tuple[str, ...] | None = None
    slice: tuple[str, ...] | None = None
    time: NDArray[np.float64] | None = None
    """[n]: capture time in seconds, NaN where unknown."""
    levels: Mapping[int, str] = field(default_factory=dict)
    """Names of the category codes that occur in `file`."""

    def __len__(self) -> int:
        return len(self.names)

    def at(self, index: NDArray[np.int64]) -> Features:
        """The images at these positions, in this order."""

        def text(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if values is None else tuple(values[i] for i in index)

        return replace(
            self,
            names=tuple(self.names[i] for i in index),
            content=self.content[index],
            pixels=self.pixels[index],
            near=self.near[index],
            views={name: x[index] for name, x in self.views.items()},
            group=text(self.group),
            stratum=text(self.stratum),
            slice=text(self.slice),
            time=None if self.time is None else self.time[index],
        )

    def first(self, count: int) -> Features:
        """The `count` images with the lowest content hashes."""
        return self if len(self) <= count else self.at(np.arange(count))

    @staticmethod
    def concatenated(parts: Sequence[Features]) -> Features:
        """All images of all parts; keys that a part lacks are lacking in the whole."""

        def texts(name: str) -> tuple[str, ...] | None:
            found = [getattr(part, name) for part in parts]
            return None if any(f is None for f in found) else tuple(t for f in found for t in f)

        parts = [part for part in parts if len(part)] or parts[:1]
        times = [p.time if p.time is not None else np.full(len(p), np.nan) for p in parts]
        return Features(
            names=tuple(n for p in parts for n in p.names),
            content=np.concatenate([p.content for p in parts]),
            pixels=np.concatenate([p.pixels for p in parts]),
            near=np.concatenate([p.near for p in parts]),
            views={v: np.concatenate([p.views[v] for p in parts]) for v in parts[0].views},
            group=texts("group"),
            stratum=texts("stratum"),
            slice=texts("slice"),
            time=np.concatenate(times),
            levels={k: v for p in parts for k, v in p.levels.items()},
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every entry went: `seen = used + unreadable + skipped + changed`, always."""

    seen: int
    used: int
    unreadable: Mapping[str, int]
    skipped: Mapping[str, int]
    changed: int

    @property
    def unreadable_share(self) -> float:
        """Unreadable and changed among the entries that look like images (`--max-unreadable`); 0 of none."""
        bad = sum(self.unreadable.values()) + self.changed
        return bad / (bad + self.used) if bad else 0.0


# ---------------------------------------------------------------- evidence and verdict


@dataclass(frozen=True, slots=True)
class DisplayEffect:
    """A familiar effect size beside the shifted share: `sd_shift`, `auc`, `kernel_d`, ..."""

    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic of a family: its values on both sides and its effect as a shifted share."""

    name: str
    batch: float | None = None
    baseline: float | None = None
    effect: float | None = None
    effect_lower: float | None = None
    display_effect: DisplayEffect | None = None


@dataclass(frozen=True)
class Evidence:
    """All statistics of one family under all relabellings; row 0 is the observed labelling."""

    family: str
    values: NDArray[np.float64]
    """[relabellings + 1, k]; larger is more extreme."""
    statistics: tuple[Statistic, ...]
    """k of them, in the order of the columns."""


# ---------------------------------------------------------------- the result (contract: JSON result)


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
    scores: tuple[ScoreResult, ...] = ()
    removal: RemovalResult | None = None
    missing: tuple[MissingResult, ...] = ()
    duplicates: tuple[DuplicateResult, ...] = ()
    schema_version: int = 1


# ---------------------------------------------------------------- what fit and baseline return


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `fit` did."""

    artifact: str
    digest: str
    fitted_on: int
    held_out: int
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    """By extractor: what was learnt (architecture, epochs, losses), for people to read."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What `baseline` did."""

    artifact: str
    digest: str
    baseline: str
    images: int
    dropped_seen: int
    groups: Mapping[str, int]
    ledger: Ledger
    cautions: tuple[str, ...] = ()
    seconds: float = 0.0


# ---------------------------------------------------------------- what power returns


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of batches that fired, and its 95 % interval (Wilson 1927)."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PowerCell:
    """How often batches of one size with one change in a share of their images were found."""

    corruption: str
    """A kind of the room `corruptions`, or `foreign`: images of another source took places."""
    severity: float | None
    amount: float | None
    unit: str | None
    share: float
    batch: int
    changed: int
    """Images of the batch that were changed: the share of it, rounded, and at least one."""
    trials: int
    inferred: bool
    """Not tried: every trial of a milder cell gave the smallest p there is; these are that cell's rates."""
    rates: Mapping[str, Rate]
    """Of `gate`, then of every family, those without a say in it too."""


@dataclass(frozen=True, slots=True)
class NullRow:
    """How often unchanged batches of one size fired: the false-alarm rate as found here."""

    batch: int
    trials: int
    rates: Mapping[str, Rate]


@dataclass(frozen=True, slots=True)
class PowerReport:
    """The result of one `power`, field for field the published JSON (schema_version 1)."""

    tool: Mapping[str, str]
    created: str
    artifact: str
    digest: str
    baseline: str
    source: tuple[str, ...]
    foreign: tuple[str, ...]
    alpha: float
    trials: int
    images: int
    """Images that batches were drawn from."""
    baseline_images: int
    """Images of C that they were compared with: none of them is among the former."""
    left_out: int
    """Images of C that were left out of it because batches were drawn from them."""
    cautions: tuple[str, ...]
    families: Mapping[str, Literal["on", "advisory", "off"]]
    """`on` has a say in the gate."""
    cells: tuple[PowerCell, ...]
    null: tuple[NullRow, ...]
    timing: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = 1
    kind: Literal["power"] = "power"
