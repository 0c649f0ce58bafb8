"""A choice of network with every null replaced by what the network's own files say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from driftcli.core.errors import UsageError
from driftcli.extractors.networks import known
from driftcli.extractors.networks.choice import NetworkChoice

if TYPE_CHECKING:
    from driftcli.extractors.base import Runtime

Choice = TypeVar("Choice", bound=NetworkChoice)


def complete(choice: Choice, runtime: Runtime) -> Choice:
    """The choice with every null replaced by what the network's own files say; needs no image.

    Raises UsageError naming the keys that nobody knows (a user's own model must say them).
    """
    kind, name = known.origin(choice.network)
    if kind == "file" and choice.weights == "random":
        raise UsageError("`network: file` has no random weights", "give the model with --weights FILE")
    found = {} if choice.is_complete() else _facts(kind, name, runtime)
    named = {key: value for key, value in found.items() if getattr(choice, key) is None}
    whole = replace(choice, **named)
    layers: dict[str, Any] = whole.layers()
    if kind != "file" and layers["content_layer"] is None:
        raise UsageError(
            f"which layers of {choice.network} to read is not known",
            "set extractors.embedding.style_layers and content_layer to names of its modules",
        )
    return replace(whole, **asdict(whole.preparation()), **layers)


def _facts(kind: str, name: str, runtime: Runtime) -> Mapping[str, Any]:
    """What a network's own files say of its input and its layers; {} where our own table does."""
    if kind == "torchvision":
        from driftcli.extractors.networks import published

        return published.facts_torchvision(name)
    if kind == "timm":
        from driftcli.extractors.networks import published

        return published.facts_timm(name)
    if kind == "file":
        from driftcli.extractors.networks import model_facts

        return model_facts.facts(runtime)
    return {}
