"""Every setting with its default: the YAML keys, the command's options and the documentation are these."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from driftcli.core.features import Gate
from driftcli.extractors.base import Extractor, families, kinds
from driftcli.extractors.networks.classifier_choice import ClassifierChoice
from driftcli.sources.decoding.settings import Decode

Share = Annotated[float, Field(ge=0, lt=1)]


class Strict(BaseModel):
    """Frozen, and closed to unknown keys: a typing mistake must not change a gate."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Family(Strict):
    """`on` counts in the verdict, `advisory` only speaks, `off` is not computed."""

    gate: Gate = "on"


def _extractor_fields() -> dict[str, Any]:
    """`methods`, then a section for every kind in the room `extractors`: its fields and their defaults."""
    by_default = tuple(name for name, kind in kinds().items() if kind.by_default)
    any_of: Any = Literal
    methods = GenericAlias(tuple, (any_of[tuple(kinds())], ...))
    sections: dict[str, Any] = {name: (kind, kind()) for name, kind in kinds().items()}
    return {"methods": (methods, Field(default=by_default, min_length=1)), **sections}


def _family_fields() -> dict[str, Any]:
    """A section for every family that an extractor declares, for predictions, and for the mix of labelled classes."""
    fields: dict[str, Any] = {}
    for name, (kind, view) in families().items():
        note = None if kinds()[kind].by_default else f"Needs `{kind}` among the methods."
        fields[name] = (Family, Field(default=Family(gate=view.gate), description=note))
    mix = (
        "Shares of labelled classes, where the baseline was made with `--stratify-by`; "
        "clusters never have a say."
    )
    given = "What the user's own classifier says, where baseline and batch have predictions."
    return {
        **fields,
        "predictions": (Family, Field(default=Family(), description=given)),
        "composition": (Family, Field(default=Family(), description=mix)),
    }


if TYPE_CHECKING:

    class Extractors(Strict):
        """Which extractors run, and each one's settings."""

        methods: tuple[str, ...] = ()

        def __getattr__(self, kind: str) -> Extractor: ...

    class Families(Strict):
        """The families of evidence."""

        def __getattr__(self, family: str) -> Family: ...

else:
    Extractors = create_model(
        "Extractors",
        __base__=Strict,
        __doc__="Which extractors run (`methods`), and each one's settings.",
        **_extractor_fields(),
    )
    Families = create_model(
        "Families",
        __base__=Strict,
        __doc__="The families of evidence: which have a say in the verdict.",
        **_family_fields(),
    )


class Fit(Strict):
    """How `fit` divides and bounds what it learns from."""

    holdout: Literal["auto"] | Annotated[float, Field(ge=0, lt=1)] = "auto"
    """Share kept back as C; auto: 0.5 when an autoencoder learns from pixels, else 0.8, at most 20,000."""
    max_images: Annotated[int, Field(ge=40)] = 20_000
    """F and C each keep at most so many images (lowest content hash)."""
    thumbnails: Annotated[int, Field(ge=0, le=500)] = 500
    clusters: Literal["auto", 0] | Annotated[int, Field(ge=2, le=64)] = "auto"
    """Clusters that stand in for classes; auto: 2 to 32, one for every 40 images of C; 0: none."""


class Calibrate(Strict):
    """What is measured when a baseline is made (`baseline`, and `fit` for the images it holds out)."""

    detectable: Literal["full", "small", "none"] = "small"
    """Corruptions simulated on held-out images, so that a check can say what it could have seen: small: 4 of
    them in 3 severities on a few images; full: 12 in 5 on 128; none."""
    diagnosis: Literal["on", "off"] = "on"
    """Every corruption simulated on 8 to 12 held-out images, without any network, so that a check can name
    what a drifted batch is like; off with `detectable: none`, too."""


class GateSettings(Strict):
    """When the gate fires."""

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    tolerance: Literal["auto"] | Share = 0.0
    permutations: Literal["auto"] | Annotated[int, Field(ge=19, le=1_000_000)] = "auto"
    min_images: Annotated[int, Field(ge=2)] = 8
    max_unreadable: Annotated[float, Field(ge=0, le=1)] = 0.05
    max_unreadable_folders: Annotated[int, Field(ge=0)] = 0
    """Folders that cannot be listed: nobody knows how many images they hold."""
    dependence: Literal["auto", "off"] = "auto"
    """Whether neighbours in time, else by path, depend on each other: auto: measured in the baseline and in the batch, and
    what belongs together is moved together; off: images are the unit, whatever they show. `--group-by` goes before it."""
    max_test_images: Annotated[int, Field(ge=100)] = 5_000
    fail_on: Literal["drift", "warn", "none"] = "drift"
    max_loss_increase: Annotated[float, Field(gt=0)] | None = None
    require_detectable: tuple[Annotated[str, Field(pattern=r"^[a-z_0-9]+:[0-9]*\.?[0-9]+$")], ...] = ()
    """`CORRUPTION:SEVERITY` (`gaussian_blur:2`), `foreign:SHARE` or `PROPERTY:SD` (`sharpness:0.5`): fail when
    such a change would be found in fewer than 80 % of such batches."""
    allow_overlap: bool = False
    mode: Literal["batch", "sequence"] = "batch"
    """`batch`: each check decides by itself; `sequence`: all checks of the history together, with `alpha` the
    probability of any false alarm within `horizon` checks."""
    horizon: Annotated[int, Field(ge=1, le=1_000_000)] = 365
    """Checks for which the sequence keeps its promise: a year of days."""
    ignore_composition: bool = False
    """Compare within classes (labels, else clusters) only: another mix of the same images is no drift."""


class Input(Strict):
    """Which entries of a source are read, and what ties them together."""

    group_by: str | None = None
    """`folder`, `column:NAME`, `hour` (EXIF), or a regular expression on the path (first group)."""
    stratify_by: str | None = None
    slice_by: str | None = None
    exclude: tuple[str, ...] = ()
    since: str | None = None
    """Age limit on the file's modification time: `24h`, `7d`, `30m`."""
    limit: Annotated[int, Field(ge=1)] | None = None
    follow: bool = False


class PredictionSettings(Strict):
    """What the user's own classifier says of the images, where it is given."""

    files: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Tables (`.csv`, `.jsonl`, `.parquet`) whose rows name an image by `path` or `sha256` and hold `p_CLASS` for every
    class, or `logits`, or `prediction`; `off`: none; empty: columns of that name in the manifest of the images, if any."""
    classes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """The classifier's classes in the order of `logits` and of a model's output, and where only predicted classes are given all that there
    are; or one text file with a class a line."""
    labels_from: Annotated[str, Field(min_length=1)] | None = None
    """Where the right answers are: `folder` (the last part of the folder's name), `column:NAME`, or a regular expression on the path (first
    group); null: the column `label`."""
    max_missing: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the images that may have no prediction, at least one unless it is 0; more are not audited."""
    export_images: Annotated[int, Field(ge=1, le=20_000)] = 100
    """Good images that `baseline --export-corrupted` writes under every corruption at three severities: so many times 85 files."""


class HarmSettings(Strict):
    """Whether a change hurts the user's own classifier, where baseline and batch have its predictions."""

    class_mix: Literal["free", "fixed"] = "free"
    """`free`: the shares of the classes may have changed; `fixed`: they are as in the baseline, which makes estimates of the accuracy
    sharper, and wrong where it is not so."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Accuracy that may be lost before a change is said to hurt."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """Of the harm test alone, beside that of the gate."""
    max_accuracy_drop: Annotated[float, Field(gt=0, lt=1)] | None = None
    """A rule outside alpha: fail where more accuracy than this is probably lost. Takes the place of `tolerance`."""


class HistorySettings(Strict):
    """Where checks are remembered."""

    file: Annotated[str, Field(min_length=1)] | None = None
    """SQLite database on a local disk; made if need be."""
    group: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Which of several things checked against the same baseline this is: a camera, a line."""
    date: Annotated[str, Field(min_length=1)] | None = None
    """When the images are from (ISO date, UTC), where that is not now: for catching up on past days."""


class Weights(Strict):
    """Where network weights come from on this machine; their SHA-256 is what the artifact remembers."""

    file: str | None = None
    trust: bool = False
    allow_download: bool = False


class ReportSettings(Strict):
    """How much of the result is written."""

    top_k: Annotated[int, Field(ge=0, le=1000)] = 10
    max_images_in_result: Annotated[int, Field(ge=0)] = 10_000
    pictures: Annotated[int, Field(ge=0, le=100)] = 24
    """Most drifted images that a report with pictures shows (`-o html=...`, `-o bundle=...`); they are read again."""
    map: Literal["pca", "isomap"] = "pca"
    """How images are laid out on the map: `pca`: two principal components of good images; `isomap`: by the
    ways between neighbours among them, as the TorchDrift notebook does (costs a second)."""


class CacheSettings(Strict):
    """Where features are kept, so that an image that was measured once is not decoded again."""

    folder: Annotated[str, Field(min_length=1)] | None = None
    """Folder on a local disk, made if need be; several processes may share it."""
    megabytes: Annotated[int, Field(ge=1)] = 1024
    """The cache's largest size; entries that were not used for longest go first."""


class Settings(Strict):
    """All settings. `decode` and `extractors` decide how pixels become numbers: the artifact keeps them."""

    seed: int = 0
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    engine: Literal["local", "ray"] = "local"
    """Who measures images: `local`: this process; `ray`: as many actors of Ray as `workers` (extra `ray`)."""
    ray_address: Annotated[str, Field(min_length=1)] | None = None
    """The cluster: `auto` or `HOST:PORT`; null: Ray on this machine alone."""
    decode: Decode = Decode()
    extractors: Extractors = Extractors()
    families: Families = Families()
    fit: Fit = Fit()
    calibrate: Calibrate = Calibrate()
    gate: GateSettings = GateSettings()
    input: Input = Input()
    predictions: PredictionSettings = PredictionSettings()
    model: ClassifierChoice = ClassifierChoice()
    harm: HarmSettings = HarmSettings()
    history: HistorySettings = HistorySettings()
    weights: Weights = Weights()
    report: ReportSettings = ReportSettings()
    cache: CacheSettings = CacheSettings()
