"""What an extractor is: pixels become numbers in two steps, one in a worker, one beside torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.core.errors import UsageError
from driftcli.core.features import Column, State
from driftcli.core.images import FileFacts, Frame
from driftcli.core.progress import SILENT, Progress


@dataclass(frozen=True)
class Runtime:
    """Where and how a network runs. Nothing here may change a number beyond rounding."""

    device: str = "cpu"
    """`auto`, or a torch device: `cpu`, `cuda`, `cuda:1`, `mps`; see `resolve_device`."""
    weights: str | None = None
    """`--weights FILE`."""
    trust_weights: bool = False
    allow_download: bool = False
    progress: Progress = SILENT


def resolve_device(wanted: str) -> str:
    """The torch device for a `device` setting; imports torch. Raises UsageError when it is not there."""
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(wanted.split(":", 1)[0], False):
        raise UsageError(f"device {wanted} is not available on this machine", "use --device auto or cpu")
    return wanted


class Extractor(ABC):
    """Settings only (fields of a frozen dataclass); everything learnt is an explicit State.

    `prepare` runs in decode workers and must not import torch; `fit` and `extract` run in the
    main process. The same image gives the same numbers whatever batch it comes in.
    """

    views: ClassVar[tuple[str, ...]]
    """The views that `extract` returns."""

    @property
    @abstractmethod
    def decode_side(self) -> int:
        """Short side in pixels that `prepare` wants at most; decoding keeps at least twice of it."""

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The box (left, top, right, bottom) of an image of that size that `prepare` takes; all of it by default."""
        return 0.0, 0.0, float(width), float(height)

    def resolve(self, facts: Sequence[FileFacts]) -> Self:
        """These settings with every `auto` that depends on the images decided, from a sample of F."""
        return self

    def complete(self, runtime: Runtime) -> Self:
        """These settings with what only the network's own files know (its input, its layers).

        Called once, at `fit`, before `prepare`. Needs no images.
        """
        return self

    @abstractmethod
    def prepare(self, frame: Frame) -> NDArray[Any]:
        """One image as a small array of fixed shape and dtype. Worker side: PIL and numpy only."""

    @abstractmethod
    def fit(self, prepared: NDArray[Any], seed: int, runtime: Runtime) -> State:
        """Learn from F: `prepared` is [n, ...] as `prepare` made it.

        Extractors that need no pixels to learn (frozen networks, properties) declare `learns = False`
        and get n = 0.
        """

    learns: ClassVar[bool] = False
    """True when `fit` needs the prepared images of F."""

    most_images: ClassVar[int | None] = None
    """At most so many images are kept while it learns, F and C together; None: as many as there are."""

    @abstractmethod
    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """[n, ...] prepared images as float32 [n, d] per view.

        Non-finite rows mean "unreadable" for networks, "missing" for properties.
        """

    def notes(self, state: State) -> Mapping[str, Any]:
        """What was learnt, for people to read: JSON values only."""
        return {}

    def columns(self, view: str) -> tuple[Column, ...]:
        """The named scalars of a view, or () where its numbers have no meaning one by one."""
        return ()

    def view_names(self) -> tuple[str, ...]:
        """The views that `extract` returns under these settings: all of `views`, or fewer."""
        return self.views

    def blocks(self, view: str, state: State) -> tuple[int, ...]:
        """Widths of the blocks that a view's columns join, for a detector that weighs blocks alike.

        () or one width: taken as it is.
        """
        return ()


@dataclass(frozen=True)
class Direction:
    """A linear function of one view's features: sum of weights (x - centre)."""

    view: str
    weights: NDArray[np.float64]
    """[d]"""
    centre: NDArray[np.float64]
    """[d]"""
