"""The settings of decoding: they decide how a file becomes pixels, so the artifact keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True)
class Decode:
    """The settings of the one decode that fit, baseline and check share.

    The limits refuse a file before it is decoded; `driftcli.sources.decoding.modes` has the table of conversions.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    max_megapixels: Annotated[float, Gt(0), Le(1e5)] = 64.0
    max_side: Annotated[int, Ge(1), Le(1_000_000)] = 30_000
    max_megabytes: Annotated[float, Gt(0), Le(1e5)] = 256.0
    timeout: Annotated[float, Gt(0), Le(86_400)] = 10.0
    """Seconds one file may take before its worker is killed."""
    crop: str | None = None
    """`x,y,width,height`: fractions of the upright image when all are <= 1, else pixels."""
    mask: str | None = None
    """Path of a mask image, stretched over the (cropped) image: black is painted over with mid-grey."""
    background: Annotated[int, Ge(0), Le(255)] = 128
    """Grey level that transparency is laid over."""
    version: Literal[1, 2] = 2
    """How images are reduced, hashed and measured: 1 as in artifacts made by 0.1.0, 2 since. Nothing to choose: an
    artifact is read with its own."""
