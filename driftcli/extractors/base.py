"""What an extractor is: pixels become numbers in two steps, one in a worker, one beside torch."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from driftcli.core import registry
from driftcli.core.errors import UsageError
from driftcli.core.features import Column, State, View, Vocabulary
from driftcli.core.images import EMPTY, FileFacts, Frame
from driftcli.core.progress import SILENT, Progress
from driftcli.core.rows import Rows
from driftcli.core.schema import Array


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


GPU_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/nvhost-gpu", "/dev/kfd", "/dev/dxg")
"""What a machine with a graphics card that torch can use has one of: NVIDIA, its small boards, AMD, Windows' Linux."""


def resolve_device(wanted: str) -> str:
    """The torch device for a `device` setting. Raises UsageError when it is not there.

    Imports torch to ask for it, but neither for `cpu` nor for `auto` on a machine that shows no graphics card.
    """
    if wanted == "cpu" or (wanted == "auto" and not _may_have_a_card()):
        return "cpu"
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(wanted.split(":", 1)[0], False):
        raise UsageError(f"device {wanted} is not available on this machine", "use --device auto or cpu")
    return wanted


LOOKS = 256
"""Images of C that an extractor is shown once more, at most, when a baseline is made."""


@cache
def _may_have_a_card() -> bool:
    """Whether it is worth asking torch: a Mac, or a device's file, and a torch that is built for more than processors."""
    if sys.platform == "darwin":
        return True
    from importlib.metadata import PackageNotFoundError, version  # loads much, and workers never ask

    try:
        built_for_processors = version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False
    return not built_for_processors and any(Path(node).exists() for node in GPU_NODES)


class Extractor(ABC):
    """Settings only (fields of a frozen dataclass); everything learnt is an explicit State.

    `prepare` runs in decode workers and must not import torch; `fit` and `extract` run in the
    main process. The same image gives the same numbers whatever batch it comes in.
    """

    views: ClassVar[tuple[View, ...]]
    """The views that `extract` returns, in the order of their families."""
    place: ClassVar[int] = 100
    """Kinds are listed, and their families reported, by rising place; equal ones by name."""
    by_default: ClassVar[bool] = False
    """Runs where `--method` does not say otherwise."""
    alias: ClassVar[str] = ""
    """A second name that `--method` takes."""
    good_for: ClassVar[str] = ""
    """A few words for `--help`, where a kind is meant for some images only."""
    holdout: ClassVar[float] = 0.8
    """Share of the images that `--holdout auto` keeps back as C; the smallest share of the kinds that run."""

    @property
    @abstractmethod
    def decode_side(self) -> int:
        """Short side in pixels that `prepare` wants at most; decoding keeps at least twice of it.

        What is larger is scaled by 2, 4 or 8: by a JPEG's decoder, which is cheaper, or by means, which look alike.
        `prepare` takes the image from `Frame.reduced`, so that a reduction that others need too is made once.
        """

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

    def fitted(self, state: State) -> Self:
        """These settings without the views that this state, perhaps of an older version, knows nothing of."""
        return self

    @abstractmethod
    def prepare(self, frame: Frame) -> NDArray[Any]:
        """One image as a small array of fixed shape and dtype. Worker side: PIL and numpy only."""

    @abstractmethod
    def fit(self, prepared: NDArray[Any] | Rows, seed: int, runtime: Runtime) -> State:
        """Learn from F: `prepared` is [n, ...] as `prepare` made it; of very many, take only some at a time.

        Extractors that need no pixels to learn (frozen networks, properties) declare `learns = False`
        and get n = 0.
        """

    def arrays(self, state: State) -> tuple[Array, ...]:
        """What `fit` learns, array by array (`columns of VIEW` stands for a view's width). A saved state is held to it.

        Nothing by default, and then nothing is kept. Raises ContentError where not even that can be told.
        """
        return ()

    def agree(self, state: State, widths: Mapping[str, int]) -> None:  # noqa: B027 - most kinds have nothing more to ask
        """Raise ContentError where arrays that are each as declared say what no fit says; `widths`: of its views."""

    def usual_arrays(self) -> tuple[Array, ...]:
        """What `usual` keeps of good images, array by array; a baseline may be without."""
        return ()

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

    def engine(self, state: State, runtime: Runtime) -> str:
        """The package that runs its network on this state, as pip calls it; "" where numpy does all."""
        return ""

    def warm(self, state: State, runtime: Runtime) -> None:  # noqa: B027  # most kinds have nothing to make ready
        """Make ready what the first `extract` would wait for. Runs beside other work; what fails is tried again then."""

    def notes(self, state: State) -> Mapping[str, Any]:
        """What was learnt, for people to read: JSON values only."""
        return {}

    def columns(self, view: str) -> tuple[Column, ...]:
        """The named scalars of a view, or () where its numbers have no meaning one by one."""
        return ()

    def view_names(self) -> tuple[str, ...]:
        """The views that `extract` returns under these settings: all of `views`, or fewer."""
        return tuple(view.name for view in self.views)

    def levels(self, facts: FileFacts) -> Mapping[int, str]:
        """Names of the category codes that `prepare` gives to such a file; none by default."""
        return {}

    def found_weights(self, seed: int, runtime: Runtime) -> str | None:
        """Loads pretrained weights as `fit` would, runs them on nothing, and says which they are.

        None: it needs no weights. Raises UsageError where they are missing.
        """
        return None

    def blocks(self, view: str, state: State) -> tuple[int, ...]:
        """Widths of the blocks that a view's columns join, for a detector that weighs blocks alike.

        () or one width: taken as it is.
        """
        return ()

    def reconstruct(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> NDArray[np.float32] | None:
        """float32 [n, s, s, c] in [0, 1]: what it makes of each image; None where it rebuilds none."""
        return None

    def usual(self, state: State, prepared: NDArray[Any], runtime: Runtime) -> State:
        """What good images are like to it, from some of C: [n, ...] as `prepare` made them.

        Kept with the baseline and given to `heat` and `vocabulary`. Keys begin with the name of one of its views.
        """
        return EMPTY

    def looks(self, state: State) -> int:
        """How many images of C `usual` is given, at most: 256, and none of a kind without such a step."""
        return LOOKS if self.overrides("usual") else 0

    def vocabulary(self, state: State, usual: State) -> Vocabulary | Silence | None:
        """The words for what its worded view counts, or why they mean nothing here; None: it never has any."""
        return None

    def heat(self, view: str, shown: Shown) -> HeatMaps | None:
        """Where each of n images is strange in that view; None where the view keeps no places."""
        return None

    heats: ClassVar[tuple[tuple[str, str], ...]] = ()
    """By view whose places `heat` can show: what a colour there says, as the end of a sentence."""

    @classmethod
    def overrides(cls, step: str) -> bool:
        """Whether the kind has a step of its own that is optional: `usual`, `heat`, `reconstruct`."""
        return getattr(cls, step) is not getattr(Extractor, step)


@dataclass(frozen=True)
class Silence:
    """Why an extractor that could have words has none for these images."""

    source: str
    """Whose words they would be."""
    reason: str


@dataclass(frozen=True)
class Direction:
    """A linear function of one view's features: sum of weights (x - centre)."""

    view: str
    weights: NDArray[np.float64]
    """[d]"""
    centre: NDArray[np.float64]
    """[d]"""


@dataclass(frozen=True)
class Shown:
    """n images of a report, for heat maps."""

    state: State
    """The extractor's."""
    prepared: NDArray[Any]
    """[n, ...] as `prepare` made it."""
    runtime: Runtime
    reconstructed: NDArray[np.float32] | None = None
    """What `reconstruct` makes of them."""
    usual: State = field(default_factory=dict)
    """What `usual` found when the baseline was made; empty in artifacts of before."""
    direction: Direction | None = None
    """Where the batch's mean went in this view; None unless its family differs significantly."""


@dataclass(frozen=True)
class HeatMaps:
    """How strange the places of n images are."""

    values: NDArray[np.float32]
    """[n, h, w] over the box that `seen` tells."""
    low: float
    """From here on it is worth a colour."""
    unit: str
    """What is counted, in words."""


@cache
def kinds() -> Mapping[str, type[Extractor]]:
    """Every kind of extractor by its name, in the order in which they are listed."""
    loaded: dict[str, type[Extractor]] = {
        name: registry.load("extractors", name) for name in registry.kinds("extractors")
    }
    return dict(sorted(loaded.items(), key=lambda named: (named[1].place, named[0])))


@cache
def families() -> Mapping[str, tuple[str, View]]:
    """Family -> (kind of extractor, view), in the order of gate and report. Raises ValueError for a name used twice."""
    declared = [(kind, view) for kind, extractor in kinds().items() for view in extractor.views]
    declared.sort(key=lambda pair: pair[1].of_file)  # stable: of pixels first, then by place
    by_family = {view.family: (kind, view) for kind, view in declared}
    if len(by_family) < len(declared) or len({view.name for _, view in declared}) < len(declared):
        raise ValueError(f"two extractors declare the same view or family: {declared}")
    return by_family


@cache
def views() -> Mapping[str, View]:
    """Every view by its name, in the order of `families`."""
    return {view.name: view for _, view in families().values()}


def portraits(measured: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Those of the views [n, d] that show what an image is of, the best first."""
    ranked = {name: views()[name].portrait for name in measured if name in views()}
    known = sorted((rank, name) for name, rank in ranked.items() if rank is not None)
    return {name: measured[name] for _, name in known}
