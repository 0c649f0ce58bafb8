"""What is known of networks before torch is loaded: names, preprocessing, and which layers to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Interpolation = Literal["bicubic", "bilinear", "lanczos", "nearest"]
Origin = Literal["lite0", "torchvision", "timm", "file"]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How an image becomes a network's input. A wrong one costs accuracy without a word."""

    resize: int
    side: int
    crop: Literal["center", "none"]
    interpolation: Interpolation
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float
    order: Literal["rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class Layers:
    """The modules whose spatial means are the features."""

    style: tuple[str, ...]
    content: str


LITE0 = "efficientnet_lite0"
LITE0_PREPARATION = Preparation(
    resize=256,
    side=224,
    crop="center",
    interpolation="bicubic",
    mean=(127.5, 127.5, 127.5),
    std=(127.5, 127.5, 127.5),
    scale=1.0,
    order="rgb",
)

LAYERS: Mapping[str, Layers] = {
    LITE0: Layers(("stage1", "stage2", "stage3", "stage4"), "stage6"),
    "resnet": Layers(("layer1", "layer2", "layer3"), "layer4"),
    "resnext": Layers(("layer1", "layer2", "layer3"), "layer4"),
    "wide_resnet": Layers(("layer1", "layer2", "layer3"), "layer4"),
    "mobilenet_v2": Layers(("features.1", "features.3", "features.6"), "features.13"),
    "mobilenet_v3_small": Layers(("features.1", "features.3", "features.8"), "features.11"),
    "mobilenet_v3_large": Layers(("features.1", "features.3", "features.6", "features.10"), "features.15"),
    "efficientnet": Layers(("features.1", "features.2", "features.3", "features.4"), "features.6"),
    "squeezenet1_1": Layers(("features.4", "features.7", "features.10"), "features.12"),
    "shufflenet_v2": Layers(("conv1", "stage2", "stage3"), "stage4"),
    "regnet": Layers(
        ("trunk_output.block1", "trunk_output.block2", "trunk_output.block3"), "trunk_output.block4"
    ),
    "convnext": Layers(("features.1", "features.3", "features.5"), "features.7"),
}
"""By beginning of torchvision's name: the last block of each resolution as style, a late one as content.

Late but not last, because the layer before the classifier is nearly a histogram of its classes.
Only EfficientNet-Lite0's choice has been measured against others; these follow its example.
"""


def origin(network: str) -> tuple[Origin, str]:
    """`torchvision/resnet18` -> ("torchvision", "resnet18"); a bare name is torchvision's, too."""
    if network == LITE0:
        return "lite0", LITE0
    if network == "file":
        return "file", ""
    if network.startswith("timm/"):
        return "timm", network.removeprefix("timm/")
    return "torchvision", network.removeprefix("torchvision/")


def layers(name: str) -> Layers | None:
    """The layers to read of a torchvision network, by the longest beginning of its name that is known."""
    known = [start for start in LAYERS if name.startswith(start)]
    return LAYERS[max(known, key=len)] if known else None
