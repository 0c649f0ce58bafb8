"""What torchvision and timm say of a network: the module without weights, its input, its layers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from driftcli.core.errors import UsageError

if TYPE_CHECKING:
    from torch import nn


def facts_torchvision(name: str) -> dict[str, Any]:
    """Preprocessing as torchvision publishes it with the weights."""
    preset = published(name).transforms()
    return {
        "resize": preset.resize_size[0],
        "side": preset.crop_size[0],
        "crop": "center",
        "interpolation": preset.interpolation.value,
        "mean": tuple(preset.mean),
        "std": tuple(preset.std),
        "scale": 255.0,
        "order": "rgb",
    }


def facts_timm(name: str) -> dict[str, Any]:
    """Preprocessing from timm's own configuration; the stages' ends as style, the last as content."""
    model = build("timm", name)
    config = importlib.import_module("timm.data").resolve_model_data_config(model)
    side = int(config["input_size"][-1])
    modules = [str(stage["module"]) for stage in getattr(model, "feature_info", [])]
    read: dict[str, Any] = (
        {"style_layers": tuple(modules[:-1][:4]), "content_layer": modules[-1]} if modules else {}
    )
    return {
        "resize": int(side / config["crop_pct"]),
        "side": side,
        "crop": "none" if config["crop_mode"] == "squash" else "center",
        "interpolation": config["interpolation"],
        "mean": tuple(config["mean"]),
        "std": tuple(config["std"]),
        "scale": 255.0,
        "order": "rgb",
        **read,
    }


def published(name: str) -> Any:
    """Torchvision's default weights entry for a network; UsageError when it has none of that name."""
    models = importlib.import_module("torchvision.models")
    try:
        return models.get_model_weights(name).DEFAULT
    except (ValueError, AttributeError) as error:
        raise UsageError(
            f"there is no network {name!r}",
            "extractors.embedding.network: efficientnet_lite0, a classifier of torchvision (resnet18, "
            "mobilenet_v3_small, ...), timm/NAME, or file",
        ) from error


def build(kind: str, name: str) -> nn.Module:
    """The module, its weights still random. UsageError without timm or for an unknown name."""
    if kind == "torchvision":
        published(name)
        return importlib.import_module("torchvision.models").get_model(name, weights=None)  # type: ignore[no-any-return]
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise UsageError(f"timm/{name} needs timm", "pip install driftcli[timm]") from error
    try:
        return timm.create_model(name, pretrained=False)  # type: ignore[no-any-return]
    except RuntimeError as error:
        raise UsageError(f"timm: {error}", "see timm.list_models() for the names") from error
