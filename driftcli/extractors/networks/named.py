"""Networks with a name (our Lite0, torchvision's, timm's): what is known of them, and filling them."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from driftcli.core.errors import ArtifactError, UsageError
from driftcli.extractors.base import resolve_device
from driftcli.extractors.networks import completion, known, published, weights
from driftcli.extractors.networks.layers import TorchNetwork
from driftcli.extractors.networks.lite0 import Lite0, folded
from driftcli.extractors.networks.wanted import Found, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftcli.extractors.base import Runtime
    from driftcli.extractors.networks.choice import NetworkChoice

HEADS = ("fc.", "classifier.", "head.", "heads.", "aux1.", "aux2.", "AuxLogits.")
"""Classifiers: read of published files alone, so that a fine-tuned network may have another number of classes."""


def load(
    settings: NetworkChoice, seed: int, runtime: Runtime, expected: bytes | None, *, classifier: bool = False
) -> TorchNetwork:
    """The named network with weights found on this machine; see `weights.find` for the errors.

    `classifier`: it says what is in an image too, where its file holds the head that it was published with.
    """
    kind, name = known.origin(settings.network)
    whole = completion.complete(settings, runtime)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = Lite0() if kind == "lite0" else published.build(kind, name)
    if settings.weights == "random":
        classifier = False
        sha256 = _parameters_sha256(module)
        if expected is not None and sha256 != expected:
            raise ArtifactError(
                "this torch draws other random weights than the one that made the artifact",
                "use pretrained weights, or run `driftcli fit` again",
            )
    else:
        wanted = wanted_weights(kind, name)
        found = weights.find(wanted, runtime, expected)
        classifier = classifier and found.published
        module = Lite0(classifier=True) if classifier and kind == "lite0" else module
        _fill(module, found, fold=kind == "lite0", classifier=classifier)
        sha256 = found.sha256
        if expected is None and not found.published:
            runtime.progress.warn(
                f"{found.path} is not the published file for {name}; its hash is now the artifact's"
            )
    device = resolve_device(runtime.device)
    try:
        return TorchNetwork(module, whole, sha256, device, classifier=classifier)
    except torch.OutOfMemoryError:  # not even the weights have room
        runtime.progress.warn(f"out of memory on {device} with the network alone: using the processor")
        return TorchNetwork(module, whole, sha256, "cpu", classifier=classifier)


def wanted_weights(kind: str, name: str) -> Wanted:
    """What is known of a named network's weight file, offline."""
    if kind == "lite0":
        return weights.LITE0
    if kind == "timm":
        return Wanted(network=f"timm/{name}", file=f"{name}.safetensors")
    preset = published.published(name)
    file = preset.url.rpartition("/")[2]
    prefix = re.search(r"-([0-9a-f]{8,})\.pth$", file)
    return Wanted(
        network=f"torchvision/{name}",
        file=file,
        sha256=prefix[1] if prefix else "",
        size=f"{preset.meta['_file_size']:.1f} MB",
        url=preset.url,
    )


def _fill(module: nn.Module, found: Found, *, fold: bool, classifier: bool) -> None:
    """Raises UsageError when the file does not hold this network's parameters."""
    tensors = _tensors(found)
    try:
        if fold:
            tensors = folded(tensors, classifier=classifier)
        elif not classifier:
            tensors = _without_heads(tensors)
        report = module.load_state_dict(tensors, strict=False)
    except (KeyError, RuntimeError) as error:
        raise UsageError(
            f"{found.path} does not fit the network: {error}", "name the network it belongs to"
        ) from error
    if wrong := [key for key in (*report.missing_keys, *report.unexpected_keys) if not key.startswith(HEADS)]:
        raise UsageError(
            f"{found.path} does not fit the network: {len(wrong)} parameters differ, {wrong[0]} first",
            "name the network it belongs to",
        )


def _without_heads(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in tensors.items() if not key.startswith(HEADS)}


def _tensors(found: Found) -> Mapping[str, Tensor]:
    """The named tensors in a weight file; nothing in it is ever run."""
    if found.path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load as load_safetensors

        try:
            return load_safetensors(found.content)
        except SafetensorError as error:
            raise UsageError(
                f"{found.path} is no safetensors file: {error}", "supply an intact file"
            ) from error
    weights.refuse_old_torch(found, torch.__version__)
    try:
        loaded = torch.load(io.BytesIO(found.content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises pickle's, zipfile's and its own errors here
        raise UsageError(
            f"{found.path} is no plain state dict: {(str(error).splitlines() or [type(error).__name__])[0]}",
            "save model.state_dict() alone, best as .safetensors",
        ) from error
    loaded = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
    return {str(key): tensor for key, tensor in loaded.items() if isinstance(tensor, Tensor)}


def _parameters_sha256(module: nn.Module) -> bytes:
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.digest()
