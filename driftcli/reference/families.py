"""The families of evidence: which extractor's view each one tests, and with which detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from driftcli.core.features import Column, State
from driftcli.detectors.base import Detector
from driftcli.detectors.mmd import Mmd
from driftcli.detectors.outliers import Outliers
from driftcli.detectors.reconstruction import Reconstruction
from driftcli.detectors.univariate import Univariate
from driftcli.extractors.base import Extractor

Gate = Literal["on", "advisory", "off"]

VIEWS: Mapping[str, tuple[str, str]] = {
    "style": ("embedding", "style"),
    "content": ("embedding", "content"),
    "reconstruction": ("autoencoder", "error"),
    "latent": ("autoencoder", "latent"),
    "properties": ("properties", "properties"),
    "local": ("patches", "local"),
    "file": ("properties", "file"),
}
"""Family -> (extractor, view), as in the contract's table of words."""


@dataclass(frozen=True)
class Family:
    """One family, ready to test: its detector, what the detector learnt, and its say in the verdict."""

    name: str
    view: str
    gate: Gate
    detector: Detector
    columns: tuple[Column, ...]
    state: State


def detector_for(family: str, extractor: Extractor, state: State | None = None) -> Detector:
    """The detector of a family.

    `state`: the extractor's, which knows the blocks a kernel weighs alike; needed to fit the detector,
    not to test with one that was fitted.
    """
    view = VIEWS[family][1]
    if view in {"properties", "file"}:
        return Univariate()
    if view == "error":
        return Reconstruction()
    if view == "local":
        return Outliers()
    blocks = () if state is None else extractor.blocks(view, state)
    return Mmd(scale="blocks", blocks=blocks) if len(blocks) > 1 else Mmd()
