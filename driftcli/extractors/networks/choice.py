"""Which network, which of its layers and how it is shown an image: settings, and nothing that runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from driftcli.core.errors import UsageError
from driftcli.extractors.networks import known
from driftcli.extractors.networks.known import Interpolation, Layers, Preparation

if TYPE_CHECKING:
    from driftcli.core.features import State

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class _Pattern:
    """For pydantic: the text must match. Its own `Field` would load all of it wherever an artifact is only looked at."""

    regex: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> dict[str, Any]:
        return {**handler(source), "pattern": self.regex}


@dataclass(frozen=True)
class NetworkChoice:
    """The settings of a pretrained network; what is null is "as the network was trained"."""

    network: Annotated[str, _Pattern(r"^(torchvision/|timm/)?[A-Za-z0-9_.\-]+$")] = known.LITE0
    """`efficientnet_lite0`, a torchvision name (`resnet18`), `timm/NAME`, or `file` for your own model."""
    weights: Literal["pretrained", "random"] = "pretrained"
    """`random` (seeded) is an experiment: nearly blind on photos."""
    style_layers: tuple[str, ...] | None = None
    """Modules whose means are `style`; an empty list leaves the view out."""
    content_layer: str | None = None
    """Module (or output of an ONNX model) whose mean is `content`."""
    resize: Annotated[int, Ge(8), Le(4096)] | None = None
    """Short side before the crop."""
    side: Annotated[int, Ge(8), Le(4096)] | None = None
    """Side of the square that the network is given."""
    crop: Literal["center", "none"] | None = None
    """`none`: the whole image is stretched to the square."""
    interpolation: Interpolation | None = None
    scale: Annotated[float, Gt(0)] | None = None
    """Pixels 0..255 are divided by this, then `mean` is subtracted, then divided by `std`."""
    mean: Triple | None = None
    std: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(3), MaxLen(3)] | None = None
    order: Literal["rgb", "bgr"] | None = None

    def preparation(self) -> Preparation:
        """How an image becomes the network's input, all keys decided; UsageError names missing ones."""
        ours = asdict(known.LITE0_PREPARATION) if known.origin(self.network)[0] == "lite0" else {}
        names = [field.name for field in fields(Preparation)]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        values = ours | given
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

    def blocks(self, view: str, state: State) -> tuple[int, ...]:
        """Widths of the layers that a view joins: several ask for scaling, one is taken as it is."""
        widths = {"style": "style_widths", "content": "content_width"}
        return tuple(int(width) for width in state[widths[view]]) if view in widths else ()

    def layers(self) -> dict[str, Any]:
        """`style_layers` and `content_layer` with the known defaults; content None: not known."""
        kind, name = known.origin(self.network)
        default = (known.layers(name) if kind in {"lite0", "torchvision"} else None) or Layers((), "")
        return {
            "style_layers": default.style if self.style_layers is None else self.style_layers,
            "content_layer": self.content_layer or default.content or None,
        }

    def is_complete(self) -> bool:
        """Nothing is left to the network's own files."""
        return all(getattr(self, field.name) is not None for field in fields(self))
