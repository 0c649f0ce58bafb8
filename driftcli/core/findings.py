"""What a result says beside the verdict: images, groups, shares, shifts."""

from __future__ import annotations

from collections.abc import Mapping
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
class CorruptionMatch:
    """A simulated corruption that a batch's shift was compared with."""

    corruption: str
    """A kind of the room `corruptions`."""
    severity: float
    """0 to 5, between the simulated ones too."""
    similarity: float
    """Cosine of the shift vectors; of two corruptions named together, that of their sum."""
    belongs: str | None = None
    """Its class, such as `blur`, where known."""
    close: bool = True
    """Similar enough to be what happened."""


Kind = Literal["shift", "spread", "turn", "level", "missing", "like"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What changed: the facts, and the sentence that `core.sentences` made of them.

    Read back from a result of 0.1.0 there is the sentence with corruption, severity and similarity only: `kind` is None.
    """

    statement: str
    corruption: str | None = None
    """The (stronger) simulated corruption that the change is like; null of all kinds but `like`."""
    severity: float | None = None
    similarity: float | None = None
    kind: Kind | None = None
    """`shift`: a value rose or fell; `spread`: its distribution changed, not its middle; `turn`: of a hue;
    `level`: of a category; `missing`: how often a value is; `like`: simulated corruptions."""
    family: str | None = None
    """The family of evidence that measured it; null of a likeness."""
    statistic: str | None = None
    """As in the family's `statistics`."""
    direction: Literal["higher", "lower"] | None = None
    """Of a shift."""
    word: str | None = None
    """Of a shift: what images are now ("blurrier"), where the statistic has a word for it."""
    shift_sd: float | None = None
    """Of a shift, in standard deviations of good images."""
    before: float | None = None
    """In the baseline, in `unit`; of `level` and `missing` a share of the images."""
    after: float | None = None
    """In the batch."""
    unit: str | None = None
    """Of `before` and `after`: a unit, `share`, or `log2 UNIT` of what was measured as a logarithm."""
    share: float | None = None
    """Estimate of the share of the images that the change concerns (the statistic's `effect`)."""
    level: str | None = None
    """Of a category: the level whose share grew most; null where none did."""
    towards: str | None = None
    """Of a turn: the nearest of six hues."""
    corruptions: tuple[CorruptionMatch, ...] = ()
    """All that the change is like: one, or two of different classes that together explain it, the stronger first."""
    nearest_other: CorruptionMatch | None = None
    """What comes next, of another class."""


@dataclass(frozen=True, slots=True)
class HeadlineResult:
    """What is different, as the first sentence of every report says it: the facts, and the sentence made of them.

    Decided once, from the leading family that has a say (`core.sentences.headline` makes the sentence).
    """

    statement: str
    """A whole sentence without its full stop."""
    kind: Literal["same", "look", "subjects", "mix", "local", "answers", "unlike"]
    """`same`: nothing was found; `look`: light, colour, sharpness; `subjects`: other things are shown; `mix`: the same
    things in other shares; `local`: some images carry a small mark; `answers`: only the user's own classifier says
    something else of them; `unlike`: none of these."""
    family: str | None = None
    """The leading family with a say: smallest adjusted p, then largest effect; null where nothing was found."""
    words: tuple[str, ...] = ()
    """Of a look, of subjects without words, of what has no name: what images are now, the strongest first ("blurrier")."""
    corruptions: tuple[CorruptionMatch, ...] = ()
    """Of a look: the simulated corruptions that explain it, the stronger first."""
    shares: tuple[ShareResult, ...] = ()
    """Of subjects, of a mix and of answers: what became more or fewer, the largest change first."""
    images: int | None = None
    """Of a local mark: an estimate of how many images of the batch carry one."""
    place: str | None = None
    """Of a local mark: where most of them are ("lower left"); null where they are not in one place."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A property in which an image lies outside of what the baseline usually is."""

    statistic: str
    kind: Literal["below", "above", "far", "level", "missing", "spot", "subject", "strange"]
    """`far`: of a hue, from the baseline's mean; `level`: a category's, rare in the baseline. Of the family that found
    the image, where it has no named values: `spot`, a small strange place; `subject`, what it shows; `strange`, in
    what it is unusual."""
    share: float
    """Of the baseline, that the image lies beyond; of `level` and `missing`, that has the same; of `subject` 0."""
    value: float | None = None
    """In `unit`; null of `level` and `missing`."""
    unit: str | None = None
    level: str | None = None
    """The level's name; of a hue, the colour; of a spot, where it is ("lower left", null where unknown); of a subject,
    what it is; of `strange`, in what the image is unusual."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """One image of the batch: place and score (0..1, higher is more drifted), and why."""

    path: str
    rank: int
    score: float
    family: str
    reasons: tuple[str, ...]
    """A sentence for each of `outside`."""
    p_value: float | None = None
    """Conformal: the share of good images, this one included, that are at least as strange; null if not asked for."""
    significant: bool = False
    """Among the strange ones at a false discovery rate of alpha (Benjamini & Hochberg 1995)."""
    content: str = ""
    """SHA-256 of the file's bytes, hexadecimal: by it pictures are found again."""
    neighbour: str | None = None
    """The good image most like it: a name in the baseline."""
    outside: tuple[Outside, ...] = ()
    """The facts behind `reasons`, the strangest first; empty in results of 0.1.0."""
    subject: str | None = None
    """What it shows, in the network's own words; null where its words mean nothing on such images."""
    prediction: str | None = None
    """The class that the user's model takes it for; null without a model."""
    confidence: float | None = None
    """The model's probability of that class."""
    correctness: float | None = None
    """The estimated chance that the model is right."""
    label: str | None = None
    """The right class, where it is known."""


@dataclass(frozen=True, slots=True)
class PropertyResult:
    """One measurement of all listed images: a column of the table that `csv` and `parquet` are."""

    name: str
    """As in the family's `statistics`."""
    family: str
    kind: Literal["linear", "circular", "category"]
    unit: str
    """Empty of what has none, and of a category."""
    values: tuple[float | None, ...]
    """One for each of `images`, in their order; None where an image has none. Of a category: places in `levels`."""
    levels: tuple[str, ...] = ()
    """Of a category: its names."""


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
    """Reference and batch in a plane that was fitted on good images and takes new points."""

    method: str
    explained: tuple[float, ...]
    """Each axis' share of the baseline's variance; () for Isomap, whose axes have none."""
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
class WordResult:
    """One class of the network, or a kind of several: its mean probability in batch and baseline."""

    word: str
    batch: float
    baseline: float
    low: float
    """Interval of the change, batch - baseline, at confidence 1 - alpha over all words together."""
    high: float
    p_value: float
    """Adjusted over all words (single-step max-z)."""
    gathers: tuple[str, ...] = ()
    """The classes of a kind ("beagle", "Labrador retriever"), the most moved first; () for a class of its own."""


@dataclass(frozen=True, slots=True)
class ConceptsResult:
    """Which subjects became more and which fewer, in the network's own words."""

    source: str
    """Whose classes they are: the network's name."""
    speaks: bool
    """Its words mean something on these images, as found when the baseline was made."""
    reason: str | None
    """Why it is silent."""
    more: tuple[WordResult, ...] = ()
    """Significant risers, the largest change first."""
    fewer: tuple[WordResult, ...] = ()
    """Significant fallers, likewise."""


@dataclass(frozen=True, slots=True)
class PredictionsResult:
    """What the user's own classifier says of batch and baseline, where both have predictions."""

    p_value: float | None
    """Of the family `predictions`; null where it was switched off."""
    significant: bool
    classes: int
    """How many the classifier has."""
    shares: tuple[ShareResult, ...]
    """Of each class among the predicted ones, the largest change first; 100 at most."""
    confidence: float | None
    """Mean probability of the predicted class in the batch; null where only predicted classes were given."""
    baseline_confidence: float | None
    unanswered: int
    """Images of the batch without a prediction."""
    hard: bool
    """One side at least has predicted classes alone."""
    baseline_accuracy: float | None
    """Share of the baseline's labelled images that the classifier is right about; null where none is labelled."""
    baseline_labelled: int
    accuracy: float | None
    """The same of the batch."""
    labelled: int


@dataclass(frozen=True, slots=True)
class AccuracyEstimate:
    """An accuracy with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class HarmClass:
    """How sure one can be of the answers "this class"."""

    name: str
    images: int
    """Of the batch that are predicted so."""
    score: float
    """Their mean correctness."""
    baseline: float
    """That of the baseline's images of the same predicted class."""


@dataclass(frozen=True, slots=True)
class KnownHarm:
    """What the corruption that a batch looks like did to the classifier on good images, whose right answers are known."""

    corruption: str
    severity: float
    """One that the classifier was shown; the batch's own may lie between two of them."""
    images: int
    """Labelled good images that it answered under this corruption."""
    accuracy: float
    """On them, corrupted so."""
    unchanged: float
    """On the same images as they are."""


@dataclass(frozen=True, slots=True)
class HarmResult:
    """Whether the change hurts the user's classifier, estimated without labels."""

    verdict: Literal["probably hurts", "probably harmless", "cannot say"]
    tolerance: float
    """Accuracy that may be lost, a share."""
    class_mix: Literal["free", "fixed"]
    """Whether the shares of the classes may have changed."""
    images: int
    """Of the batch with probabilities."""
    baseline_accuracy: float
    baseline_images: int
    """Labelled images that this accuracy was counted on."""
    accuracy: AccuracyEstimate | None
    """Of the stream that the batch comes from; null where the classifier was not run on corrupted good images."""
    accuracy_of_these: AccuracyEstimate | None
    """Of these very images: the luck of so few is in the interval."""
    drop: float | None
    """Of the stream, below the baseline's accuracy."""
    p_value: float
    """Of the harm test: did the batch seem to lose more than good images and harmless changes do? One-sided, with an alpha of its own."""
    alpha: float
    alarm: bool
    foreign: bool
    """The images lie farther from all classes than any simulated corruption."""
    published: Mapping[str, float]
    """Published estimates of the accuracy, without intervals."""
    classes: tuple[HarmClass, ...]
    """Those that enough images of both sides are predicted as, the largest fall first."""
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    known: tuple[KnownHarm, ...] = ()
    """By severity, at most two about the batch's own; empty where the change is like no simulated corruption, or like two together."""


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
