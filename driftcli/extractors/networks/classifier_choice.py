"""The user's own classifier as a file: settings, and nothing that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from driftcli.extractors.networks.known import Interpolation

Preset = Literal["imagenet", "0-1", "-1-1"]
Gives = Literal["logits", "probabilities"]
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ClassifierChoice:
    """Your own classifier, run by driftcli on the images, and how an image becomes its input: as it was trained."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    file: Annotated[str, MinLen(1)] | None = None
    """An .onnx file; .pt2 or TorchScript (.pt, .ts) where weights are trusted. A check looks where the baseline found it."""
    preset: Preset | None = None
    """`imagenet`: short side to 256/224 of the square, middle square, ImageNet's mean and deviation; `0-1`, `-1-1`: the whole image
    stretched to the square, pixels from 0 to 1 or from -1 to 1. The keys below go before it; an .onnx file may say them itself."""
    side: Annotated[int, Ge(1), Le(4096)] | None = None
    """Side of the square, where the file leaves it open."""
    resize: Annotated[int, Ge(1), Le(8192)] | None = None
    """Short side before the crop."""
    crop: Literal["center", "none"] | None = None
    """`none`: the whole image is stretched to the square."""
    interpolation: Interpolation | None = None
    scale: Annotated[float, Gt(0)] | None = None
    """Pixels 0..255 are divided by this (255 where nothing else is said), then `mean` is subtracted, then divided by `std`."""
    mean: Triple | None = None
    std: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(3), MaxLen(3)] | None = None
    order: Literal["rgb", "bgr"] | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    """Where the channels are, where the file's shape does not tell."""
    output: Annotated[str, MinLen(1)] | None = None
    """Name of the output that holds a number for every class, where there are several."""
    gives: Gives | None = None
    """What that output holds; null: probabilities where rows lie in [0, 1] and sum to 1, else logits."""
    corrupted_images: Annotated[int, Ge(0), Le(20_000)] = 60
    """Labelled good images that a baseline shows it under 28 corruptions at three severities each, so that checks can estimate its
    accuracy; 0: none."""
