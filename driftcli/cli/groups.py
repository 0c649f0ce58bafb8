"""Options that several commands share, in groups: a command's own dataclass is made of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

from driftcli.cli import _common as c
from driftcli.cli import options as o

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def group(cls: type[T]) -> type[T]:
    """The class as a frozen dataclass of options, given by keyword; its annotations are the options.

    It is never compared and never shown; making the methods for that would slow every `--help`.
    """
    return dataclass(frozen=True, kw_only=True, eq=False, repr=False)(cls)


@group
class Common:
    """How to speak and which settings hold: every command has these."""

    config: c.Config = None
    sets: c.Sets = None
    show_config: c.ShowConfig = False
    seed: c.Seed = None
    device: c.Device = None
    workers: c.Workers = None
    quiet: c.Quiet = False
    verbose: c.Verbose = 0
    no_progress: c.NoProgress = False
    color: c.Color = "auto"
    log_format: c.LogFormat = "text"
    version: c.Version = False


@group
class Entries:
    """Which entries of a source are read."""

    exclude: c.Exclude = None
    since: c.Since = None
    limit: c.Limit = None
    follow: c.Follow = False
    max_unreadable_folders: c.MaxUnreadableFolders = None


@group
class Region:
    """Which part of each image is looked at."""

    crop: c.Crop = None
    mask: c.Mask = None


@group
class Classifier:
    """What the user's own classifier says of the images, or the classifier itself."""

    predictions: c.Predictions = None
    model: c.Model = None
    model_preset: c.ModelPreset = None
    classes: c.Classes = None
    labels_from: c.LabelsFrom = None


@group
class Cache:
    """Where features are kept from one run to the next."""

    cache: c.Cache = None
    cache_size: c.CacheSize = None


@group
class Ties:
    """What makes images dependent, and within which classes they are compared."""

    group_by: c.GroupBy = None
    stratify_by: c.StratifyBy = None


@group
class Weights:
    """Where the network's weights come from."""

    weights: o.Weights = None
    trust_weights: o.TrustWeights = False
    allow_download: o.AllowDownload = False


@group
class Engine:
    """Where images are measured."""

    engine: c.EngineName = None
    ray_address: c.RayAddress = None
