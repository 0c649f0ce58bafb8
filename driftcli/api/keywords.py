"""Keywords of the Python functions that are no settings: types for paths, and what a function alone understands."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict

from driftcli.core.progress import Progress

Name = str | os.PathLike[str]
"""A path, or anything that the command line names by one: a glob, an archive, a manifest."""
Sources = Name | Sequence[Name]
"""One source of images, or several."""


class Run(TypedDict, total=False):
    """What every function that reads images takes.

    config: YAML file of settings, as `--config`; options given in the call win (default: none).
    progress: Is told of stages and steps, and of warnings (default: a `Progress` that keeps it to itself).
    """

    config: Name | None
    progress: Progress


class Study(Run, total=False):
    """What `power` tries.

    corruption: Names, or "all" (default: eight common ones; `driftcli simulate --list` prints all).
    severity: Numbers from 1 to 5, or such a text as "1,2,3" (default: 1, 2, 3).
    share: Shares of a batch's images, above 0 and at most 1, or "100%,30%" (default: 1, 0.3, 0.1).
    batch: Images in a batch, from 2 on, or "10,50" (default: 10, 20, 50, 100).
    trials: Batches in each cell of the grid (default: 50).
    images: Draw from at most so many (default: 256, or twice the largest batch).
    foreign: Sources of images of another kind, to mix into batches (default: none).
    """

    corruption: str | Sequence[str] | None
    severity: str | Sequence[float] | None
    share: str | Sequence[float] | None
    batch: str | Sequence[int] | None
    trials: int | None
    images: int | None
    foreign: Sources


class Drift(Run, total=False):
    """What `simulate` does to images; of these, at least one of corruption, knock_out, class_share and mix.

    corruption: "NAME", "NAME:SEVERITY" or "NAME:AMOUNT" with the unit ("gaussian_noise:127gl"); several happen one after the other.
    severity: From 1 to 5, where a name has none (default: 3).
    share: Share of the images that are corrupted, such as 0.3 or "30%" (default: 1).
    knock_out: "KEY=VALUE", such as "folder=cats": classes to leave out.
    class_share: "KEY=VALUE:SHARE": images are left out until the class has this share.
    mix: "SOURCE:SHARE": this share of the images is replaced by images of another source.
    """

    corruption: str | Sequence[str]
    severity: float
    share: float | str
    knock_out: str | Sequence[str]
    class_share: str | Sequence[str]
    mix: str | Sequence[str]


STUDY = tuple(Study.__annotations__.keys() - Run.__annotations__.keys())
DRIFT = tuple(Drift.__annotations__.keys() - Run.__annotations__.keys())
