"""What an engine is given: which images, and who judges the machines that measure them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftcli.core.features import State
from driftcli.reading.shard import Shard

Views = Mapping[str, NDArray[np.float32]]
Judge = Callable[[Views, Mapping[str, str], str], None]
"""Is told what a machine makes of the canaries, with which versions, and which machine that is; raises where it may not
take part."""


@dataclass(frozen=True)
class Task:
    """What is to be measured."""

    specs: Sequence[str]
    """Sources of images."""
    keep: int
    shard: Shard
    canary: State
    """The artifact's canary images."""
    stage: str = "reading images"
